"""What to ask of the metric sources: the questions of the running step, rendered for the arms that it compares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from modelwright.analysis.frozen import FROZEN_FOR
from modelwright.analysis.reigns import reigns
from modelwright.api.metrics import During, Metric
from modelwright.api.models import Model
from modelwright.api.presets import REQUESTS
from modelwright.api.rollout import Arm, Confirm, Frozen, Stage
from modelwright.metrics.questions import (
    CountsQuestion,
    HistoryQuestion,
    MeanQuestion,
    PastQuery,
    Question,
    ValueQuestion,
)
from modelwright.metrics.variables import backend_selector, render, selector
from modelwright.rollouts.plan.course import audience_of, share_of, split_of
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.folding import about
from modelwright.rollouts.plan.remembered import MOST
from modelwright.rollouts.plan.spending import judged_since
from modelwright.traffic.route import Split

PAST = "past"
"""The name of stable's past among the arms of a question."""

COMPARED = (During.SHADOW, During.CANARY, During.HOLDBACK)
"""Where stable has traffic of the same kind: testers are other people than its users, and at 100 % it has none."""


def during(draft: Draft) -> During:
    """What the candidate gets now, whatever the running step asks for."""
    given = draft.given
    if draft.holds_back or (draft.status.stage is Stage.BAKING and _was_held_back(draft)):
        return During.HOLDBACK
    if given.weight:
        return During.BAKE if given.weight == 100 else During.CANARY
    if given.testers:
        # An audience is a share of all traffic: stable has the rest to compare with.
        return During.CANARY if audience_of(draft.spec, given) else During.MATCH
    return During.SHADOW if given.mirror else During.PREVIEW


def _was_held_back(draft: Draft) -> bool:
    """Whether what is judged is still the holdback, while 100 % is wanted but not asked for yet."""
    legs = draft.course.legs
    return bool(legs) and legs[-1].is_holdback and draft.given == legs[-1].split


def frozen_of(draft: Draft, metric: Metric) -> Frozen | None:
    """What was frozen of stable for `metric` at the switch, if that is what the spec asks about, and not too old."""
    begins = evidence_begins(draft, metric)
    if draft.status.stage is not Stage.BAKING or begins is None or draft.now > begins + FROZEN_FOR:
        return None
    known = next((one for one in draft.status.frozen if one.name == metric.name), None)
    return known if known and known.about == about(metric) else None


def questions_of_stable(draft: Draft) -> tuple[tuple[Metric, Question], ...]:
    """Where the switch comes without any comparison: what stable counts, while the candidate is only looked at.

    Also of what is not compared with it: nobody switches while the source does not answer.
    """
    if draft.given != Split() or not draft.status.step or any(leg.split != Split() for leg in draft.course.legs):
        return ()
    asked = []
    for metric in draft.spec.analysis.metrics:
        begins = evidence_begins(draft, metric)
        if During.BAKE in metric.during and metric.value is None and begins and begins <= draft.now:
            asked.append((metric, _counting_question(draft, metric, "stable", draft.stable, begins)))
    return tuple(asked)


def is_baked_against_stable(metric: Metric) -> bool:
    """Whether it is to be compared with what stable had shown before the switch."""
    return metric.stable is not None and During.BAKE in metric.during


def due(metric: Metric, where: During) -> bool:
    """Where nothing can be compared with stable, only absolute bounds may fail."""
    return where in metric.during and (where in COMPARED or has_bounds(metric) or metric.fast_limit is not None)


def has_bounds(metric: Metric) -> bool:
    """Whether it is judged by itself, and not only beside stable."""
    return metric.threshold is not None or metric.history is not None


def is_optional(metric: Metric, where: During) -> bool:
    """Whether it may only fail. Testers may be few: without a bound of its own, nobody waits for enough of them."""
    return where in (During.MATCH, During.PREVIEW) and not has_bounds(metric)


def evidence_begins(draft: Draft, metric: Metric) -> datetime | None:
    """From when on observations of `metric` count in this step.

    With labels that is a horizon later: what matures before was predicted before both arms served at this weight. A
    metric that was edited in this step begins at the edit.
    """
    step = draft.status.step
    if step is None or step.evidence_since is None:
        return None
    edited_at = judged_since(draft.status, metric)
    since = max(step.evidence_since, edited_at) if edited_at else step.evidence_since
    return since + metric.horizon + (metric.goal.ignore_first if metric.goal else timedelta(0))


def questions(draft: Draft) -> tuple[Any, ...]:
    """Everything that the stage of `draft` wants to know."""
    status, step = draft.status, draft.status.step
    if not status.candidate or not status.stable or not step:
        return ()
    asked: list[Any] = []
    where = during(draft)
    if _share_is_open(draft):
        asked += share_questions(draft).values()
    for metric in draft.spec.analysis.metrics:
        begins = evidence_begins(draft, metric)
        if (due(metric, where) or frozen_of(draft, metric)) and begins and begins <= draft.now:
            asked += questions_of(draft, metric, begins).values()
    return (*asked, *(question for _, question in questions_of_stable(draft)))


def share_questions(draft: Draft) -> Mapping[str, CountsQuestion]:
    """The requests of each arm since the route accepted the weight; of the candidate alone at 100 % or with copies."""
    step = draft.status.step
    assert step is not None
    analysis = draft.spec.analysis
    requests = next((metric.requests for metric in analysis.metrics if metric.requests), REQUESTS)
    counters = {
        name: _render(draft, requests, arm) for name, arm in _arms(draft, both=0 < share_asked(draft) < 100).items()
    }
    return {
        name: CountsQuestion(analysis.source, "share", name, each, each, analysis.interval, step.accepted_at)
        for name, each in counters.items()
    }


def questions_of(draft: Draft, metric: Metric, since: datetime) -> Mapping[str, Question]:
    """The questions about `metric`, by arm: "candidate", and "stable" or PAST where they are needed to judge."""
    analysis = draft.spec.analysis
    if metric.value:
        query = _render(draft, metric.value.query, draft.candidate)
        samples = _render(draft, metric.value.samples, draft.candidate) if metric.value.samples else ""
        asked = ValueQuestion(analysis.source, metric.name, "candidate", query, samples, analysis.interval)
        return {"candidate": asked, PAST: past_question(draft, metric)} if metric.history else {"candidate": asked}
    both = bool(metric.stable or metric.stable_limit) and during(draft) in COMPARED
    return {name: _counting_question(draft, metric, name, arm, since) for name, arm in _arms(draft, both=both).items()}


def past_question(draft: Draft, metric: Metric) -> HistoryQuestion:
    """The value of whichever revision was stable, at this hour of past seasons."""
    assert metric.value is not None
    assert metric.history is not None
    queries = tuple(
        PastQuery(_render(draft, metric.value.query, Arm(one.revision, Model(one.version, ""))), one.since, one.until)
        for one in reigns(draft.status)
    )
    return HistoryQuestion(
        draft.spec.analysis.source, metric.name, PAST, queries, metric.history.season, metric.history.window
    )


def _counting_question(draft: Draft, metric: Metric, name: str, arm: Arm, since: datetime) -> Question:
    source, interval = draft.spec.analysis.source, draft.spec.analysis.interval
    if metric.mean:
        count, total, squares = (
            _render(draft, counter, arm) for counter in (metric.mean.count, metric.mean.sum, metric.mean.sum_of_squares)
        )
        return MeanQuestion(source, metric.name, name, count, total, squares, interval, since)
    assert metric.proportion is not None
    events, total = (_render(draft, counter, arm) for counter in (metric.proportion.events, metric.proportion.total))
    return CountsQuestion(source, metric.name, name, events, total, interval, since)


def asks_for_share(draft: Draft) -> bool:
    """Whether traffic has to show what the running step asks for. Testers come when they like."""
    step = draft.status.step
    return bool(draft.spec.confirm is Confirm.OBSERVED_SHARE and step and (share_asked(draft) or step.mirror))


def share_asked(draft: Draft) -> int:
    """The percent of answers that the running step asks for."""
    step = draft.status.step
    return share_of(draft.spec, split_of(step)) if step else 0


def _share_is_open(draft: Draft) -> bool:
    step = draft.status.step
    return bool(asks_for_share(draft) and step and step.accepted_at and step.confirmed_at is None)


def _arms(draft: Draft, *, both: bool) -> Mapping[str, Arm]:
    arms = {"stable": draft.stable} if both else {}
    return {**arms, "candidate": draft.candidate}


def _render(draft: Draft, template: str, arm: Arm) -> str:
    rollout = draft.seen.rollout
    names = (rollout.namespace, rollout.name, arm.revision, arm.model.version)
    return _rendered(template, _selector(draft, arm), *names, draft.spec.analysis.interval)


@lru_cache(maxsize=8 * MOST)
def _rendered(
    template: str, matchers: str, namespace: str, name: str, revision: str, version: str, interval: timedelta
) -> str:
    return render(
        template,
        {
            "selector": matchers,
            "namespace": namespace,
            "name": name,
            "revision": revision,
            "version": version,
            "window": f"{max(60, int(4 * interval.total_seconds()))}s",
        },
    )


def _selector(draft: Draft, arm: Arm) -> str:
    rollout = draft.seen.rollout
    if arm.backend:
        return backend_selector(rollout.namespace, arm.backend.kind, arm.backend.name)
    return selector(rollout.namespace, rollout.name, arm.revision)
