"""What stable showed in the hour before a rollout's first evidence: asked for once, and then kept with the evidence.

Unknown stays unknown: a source that has no such hour, or does not answer within a minute, is what it would be without
the question. Evidence that began without the hour goes on without it, so that no look depends on when an answer came.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from modelwright.analysis.before import HOUR
from modelwright.api.metrics import Metric
from modelwright.metrics.questions import CountsLook, CountsQuestion, MeanLook, MeanQuestion
from modelwright.rollouts.plan.asking import COMPARED, due, during, evidence_begins, questions_of
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.folding import knows_enough
from modelwright.rollouts.plan.recording import CHECKPOINT

HOUR_BEFORE = "hour before"
"""The name of that hour among the looks at a metric."""


def questions(draft: Draft) -> tuple[CountsQuestion | MeanQuestion, ...]:
    """The hours that are not known yet, of everything that is compared with stable now."""
    found = []
    for metric in draft.spec.analysis.metrics:
        begins = evidence_begins(draft, metric)
        if begins and begins <= draft.now and draft.status.candidate and draft.status.stable:
            found.append(_question(draft, metric, begins))
    return tuple(question for question in found if question)


def look_before(draft: Draft, metric: Metric, begins: datetime) -> tuple[CountsLook | MeanLook | None, bool]:
    """The hour before `begins`, None while unknown, and whether evidence may be saved: it would go on without it."""
    question = _question(draft, metric, begins)
    answer = draft.seen.answers.get(question) if question else None
    if answer and isinstance(answer.value, CountsLook | MeanLook):
        return answer.value, True
    return None, question is None or draft.now - begins >= CHECKPOINT


def _question(draft: Draft, metric: Metric, begins: datetime) -> CountsQuestion | MeanQuestion | None:
    """None if nothing is compared, or the saved evidence needs no answer any more."""
    if not metric.stable or metric.goal or not due(metric, during(draft)) or during(draft) not in COMPARED:
        return None
    known = next((status for status in draft.status.metrics if status.name == metric.name), None)
    if known and knows_enough(metric, known.evidence, begins):
        return None
    asked = questions_of(draft, metric, begins)["stable"]
    assert isinstance(asked, CountsQuestion | MeanQuestion)
    return replace(asked, arm=HOUR_BEFORE, since=begins - HOUR, until=begins)
