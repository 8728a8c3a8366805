"""Metric triggers with a history: the past of whichever revision was champion, and the bounds that follow from it.

Left out are rollouts, and the times in which this trigger was firing: what is wrong for weeks is not to become usual.
Those are known from the runs that it started, each until the next promotion.
"""

from __future__ import annotations

from collections.abc import Iterator

from modelwright.analysis.history import Span, history_bounds, past_of
from modelwright.analysis.reigns import PROMOTED, Reign, reigns, rollouts
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds
from modelwright.api.policy import Champion
from modelwright.api.rollout import RolloutStatus
from modelwright.api.triggers import MetricTrigger
from modelwright.metrics.questions import HistoryLook, HistoryQuestion, NoLook, PastQuery
from modelwright.metrics.variables import render
from modelwright.retraining.plan.triggers.seen import View, variables_of


def past_question(
    view: View, name: str, metric: MetricTrigger, champion: Champion, path: str
) -> HistoryQuestion | None:
    """None for a trigger without a history. InvalidSpec for a query that cannot be rendered."""
    if metric.history is None or metric.value is None:
        return None
    queries = []
    for one in _reigns(view, champion):
        variables = variables_of(view.policy.namespace, champion.model_rollout, one.revision, one.version)
        queries.append(
            PastQuery(render(metric.value.query, variables, path=f"{path}.value.query"), one.since, one.until)
        )
    return HistoryQuestion(metric.source, name, "past", tuple(queries), metric.history.season, metric.history.window)


def bounds_of(
    view: View, name: str, metric: MetricTrigger, question: HistoryQuestion | None
) -> Bounds | Finding | None:
    """The bounds to judge by: the spec's, or the past's. A Finding where that says nothing, None until it is known."""
    if question is None or metric.history is None:
        return metric.bounds
    answer = view.answers.get(question)
    match answer.value if answer else None:
        case HistoryLook() as look:
            left_out = (*_rollouts(view), *_firing(view, name))
            return history_bounds(past_of(look.points, look.until, metric.history, left_out), metric.history.deviations)
        case NoLook() as look:
            return Finding(look.verdict, look.reason, f"the past: {look.message}")
        case None:
            return None
        case other:
            return Finding(Verdict.ERROR, "SourceFailed", f"the source failed: {type(other).__name__}")


def _status(view: View) -> RolloutStatus:
    return view.follower.status if view.follower else RolloutStatus()


def _reigns(view: View, champion: Champion) -> tuple[Reign, ...]:
    known = reigns(_status(view))
    # Without a rollout that tells, the champion is asked for as far back as its own series go.
    return (
        known
        if known and known[0].revision == champion.revision
        else (Reign(champion.revision, champion.model.version),)
    )


def _rollouts(view: View) -> tuple[Span, ...]:
    return rollouts(_status(view), view.now)


def _firing(view: View, name: str) -> Iterator[Span]:
    promotions = sorted(entry.at for entry in _status(view).history if entry.result == PROMOTED)
    for run in view.runs:
        for evidence in run.spec.evidence:
            if evidence.trigger == name:
                ended = next((at for at in promotions if at > evidence.at), view.now)
                yield evidence.window_start or evidence.at, ended
    before = view.before(name)
    if before and before.since:
        yield before.since, view.now
