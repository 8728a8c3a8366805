"""What the goal of an A/B test says now: harm at any time, the rest on whole weeks where those are required."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.goal import judge_goal
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.sample_ratio import mismatch
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.analysis.weekly import WEEK, Weekly, decoded, weeks_of
from modelwright.api.goals import Futility, Goal, WholeWeeks
from modelwright.api.metrics import During, Metric
from modelwright.metrics.pairing import paired_blocks, paired_mean_blocks
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.margins import margin_of


def fold_goal(metric: Metric, saved: str, begins: datetime, stable: Any, candidate: Any) -> Weekly[Any]:
    """`saved` and what both arms have counted beyond it; what is saved of an earlier test is left out."""
    empty = _empty(metric)
    try:
        known = decoded(saved, type(empty.running).decoded) if saved else empty
    except ValueError:
        known = empty
    if not _same_shape(known, empty) or (known.until is not None and known.until <= begins):
        known = empty
    assert metric.stable is not None
    margin = margin_of(metric.stable)
    paired: Callable[..., Sequence[Any]] = paired_mean_blocks if metric.mean else paired_blocks

    def fold(kept: Any, more: Sequence[Any]) -> Any:
        return kept.with_blocks(more, margin)

    return known.with_blocks(paired(stable, candidate, known.until), begins, fold)


def judge_test(
    metric: Metric, seen: Weekly[Any], begins: datetime, ends: datetime, alpha: Allocation, *, percent: int
) -> Finding:
    """The finding on a goal whose counts began at `begins`, in a test of `percent` of an audience that ends at `ends`.

    As of judge_goal, and besides: SampleRatioMismatch, WeekNotOver.
    """
    goal, against = metric.goal, metric.stable
    assert goal is not None
    assert against is not None
    now = judge_goal(seen.running, min_increase=goal.min_increase, max_decrease=against.max_decrease, alpha=alpha)
    if now.verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.NO_DATA):
        return now
    if broken := mismatch(*_totals(seen.running), percent=percent):
        return replace(now, verdict=Verdict.INCONCLUSIVE, reason="SampleRatioMismatch", message=broken)
    decisive = seen.whole if goal.whole_weeks is WholeWeeks.REQUIRED else seen.running
    if decisive is None:
        message = f"{now.message.partition(', ')[0]}, decides after whole weeks only"
        return replace(now, verdict=Verdict.INCONCLUSIVE, reason="WeekNotOver", message=message)
    return judge_goal(
        decisive,
        min_increase=goal.min_increase,
        max_decrease=None,
        alpha=alpha,
        stop_if_futile=goal.futility is Futility.STOP,
        growth=growth(goal, decisive.until, begins, ends),
    )


def test_ends(draft: Draft) -> datetime:
    """When the running A/B test ends at the latest. Without one, now."""
    test, step = draft.spec.ab_test, draft.status.step
    if test is None or step is None:
        return draft.now
    return (step.extended_at or step.confirmed_at or step.started_at) + test.max_duration


def is_waived(draft: Draft, metric: Metric) -> bool:
    """Whether somebody, or the strategy, goes on without the decision of this metric. It may still fail.

    So it is with a goal, and with what only the holdback waits for.
    """
    step = draft.status.step
    waits = metric.goal or metric.during == (During.HOLDBACK,)
    return bool(waits and step and step.released_at)


def growth(goal: Goal, until: datetime, begins: datetime, ends: datetime) -> float:
    """How many times the observations up to `until` there will be at the last moment that may decide."""
    last = ends - begins
    if goal.whole_weeks is WholeWeeks.REQUIRED:
        last = weeks_of(ends, begins) * WEEK
    return max(last / max(until - begins, timedelta(seconds=1)), 1.0)


def _empty(metric: Metric) -> Weekly[Any]:
    if metric.mean:
        return Weekly(MeanEvidence(float(metric.mean.min), float(metric.mean.max)))
    return Weekly(Evidence())


def _same_shape(one: Weekly[Any], other: Weekly[Any]) -> bool:
    bounds = ("lowest", "highest")
    return all(getattr(one.running, name, None) == getattr(other.running, name, None) for name in bounds)


def _totals(evidence: Evidence | MeanEvidence) -> tuple[int, int]:
    if isinstance(evidence, MeanEvidence):
        return evidence.stable.seen.count, evidence.candidate.seen.count
    return evidence.stable.total, evidence.candidate.total
