"""Gives each test of the running stretch its part of the error rate, once: status remembers what was given away.

A stretch begins with each weight, and whenever a step begins again. A metric that is edited, or comes into it, begins
by itself: what was counted before somebody chose its bounds is no evidence for or against them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256

from modelwright.analysis.alpha import Allocation, Spent, allocate, rounded_down
from modelwright.api.metrics import During, Metric, Mode
from modelwright.api.rollout import RolloutSpec, RolloutStatus, Stage, StepStatus
from modelwright.api.spending import ErrorShare, ErrorSpending
from modelwright.rollouts.plan.course import Course, course_of
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.remembered import MOST


def allocation(spec: RolloutSpec) -> Allocation:
    """What each deciding guardrail may err in one stretch of evidence, if the rollout goes as planned.

    A leg plans for two: until the traffic seen confirms its split, and from then on. The bake time is a step of its
    own where a guardrail holds without stable.
    """
    planned = 2 * (course_of(spec).stretches + _bakes(spec.analysis.metrics))
    return allocate(spec.analysis.error_rate, deciding_guardrails=_deciding(spec.analysis.metrics), planned=planned)


def allocation_of(status: RolloutStatus, spec: RolloutSpec, metric: str) -> Allocation:
    """What the one called `metric` may err in the running stretch; as planned for one that has nothing to spend."""
    planned, share, known = allocation(spec), _share_of(status, metric), status.error_spending
    if share is None or known is None:
        return planned
    rate = spec.analysis.error_rate
    # Where a Pass cannot lead to 100 %, it costs nothing.
    passing = float(_spent(known).passing * rate) if known.chance == known.stretch else planned.pass_
    return Allocation(float(Decimal(share.part) * rate), passing)


def allocation_at_100(draft: Draft) -> Allocation:
    """What each guardrail will get in the stretch that begins as the weight goes to 100."""
    spec, metrics = draft.spec, _counted(draft.spec)
    _, part = _spent(draft.status.error_spending).next(0, 2 * _bakes(metrics))
    return replace(allocation(spec), fail=float(_of_each(part, metrics) * spec.analysis.error_rate))


def judged_since(status: RolloutStatus, metric: Metric) -> datetime | None:
    """When `metric` became what it is, if that was in the middle of the running stretch."""
    share = _share_of(status, metric.name)
    return share.since if share else None


def spend(draft: Draft) -> None:
    """Open the tests of a stretch that began, and those of metrics edited since. A rollout that ended forgets them."""
    step, known = draft.status.step, draft.status.error_spending
    if step is None:
        draft.change(error_spending=None)
        return
    if step.evidence_since is None:
        return
    metrics = _counted(draft.spec)
    distance = _distance(draft.course, draft.status.stage, step)
    if known is None or known.stretch != step.stretch:
        spent, part = _spent(known).next(distance, distance + 2 * _bakes(metrics))
        shares = {metric.name: _share(metric, part, metrics) for metric in metrics}
    else:
        spent, shares = _spent(known), {share.metric: share for share in known.shares}
        edited = [
            metric for metric in metrics if (share := shares.get(metric.name)) is None or share.judged != of(metric)
        ]
        if edited:
            spent, part = spent.beyond()
            shares |= {metric.name: _share(metric, part, metrics, draft.now) for metric in edited}
            draft.change_step(stretch=step.stretch + 1)
    _remember(draft, spent, [shares[metric.name] for metric in metrics], leads_to_100=distance <= 1)


@lru_cache(maxsize=MOST)
def of(metric: Metric) -> str:
    """A short name for the test that `metric` is: another one after each edit that may fit what was seen."""
    judged = (metric.proportion, metric.mean, metric.stable, metric.threshold, metric.goal)
    due = (metric.horizon, metric.during, metric.mode)
    return sha256(repr((judged, due)).encode()).hexdigest()[:12]


def _counted(spec: RolloutSpec) -> list[Metric]:
    """Those whose verdict has an error rate."""
    return [metric for metric in spec.analysis.metrics if metric.value is None]


def _distance(course: Course, stage: Stage | None, step: StepStatus) -> int:
    """How many stretches are to go until 100 %, this one included; 0 and less at 100 %."""
    legs = course.legs if stage is Stage.STEPPING else ()
    ahead = sum(1 for leg in legs[min(step.number, len(legs)) - 1 :] if not leg.is_pause) if legs else 0
    return 2 * ahead + (1 if step.asked_at is None else -1 if step.confirmed_at else 0)


def _bakes(metrics: Sequence[Metric]) -> bool:
    """Whether a guardrail holds without stable, so that the bake time is a stretch of its own."""
    return any(
        metric.threshold and During.BAKE in metric.during and metric.mode is Mode.DECIDE and metric.value is None
        for metric in metrics
    )


def _deciding(metrics: Sequence[Metric]) -> int:
    return sum(1 for metric in metrics if metric.mode is Mode.DECIDE and metric.value is None)


def _spent(known: ErrorSpending | None) -> Spent:
    return Spent(Decimal(known.planned), known.unplanned, known.nearest, known.chances) if known else Spent()


def _share_of(status: RolloutStatus, name: str) -> ErrorShare | None:
    shares = status.error_spending.shares if status.error_spending else ()
    return next((share for share in shares if share.metric == name), None)


def _share(metric: Metric, part: Decimal, metrics: Sequence[Metric], since: datetime | None = None) -> ErrorShare:
    """Any of the guardrails may roll back falsely, so they share it."""
    return ErrorShare(metric.name, of(metric), _text(_of_each(part, metrics)), since)


def _of_each(part: Decimal, metrics: Sequence[Metric]) -> Decimal:
    return rounded_down(part / max(_deciding(metrics), 1))


def _remember(draft: Draft, spent: Spent, shares: Sequence[ErrorShare], *, leads_to_100: bool) -> None:
    step, known = draft.status.step, draft.status.error_spending
    assert step is not None
    chance = known.chance if known else 0
    # A stretch may come to be the last one by an edit: what counts is where it is now.
    if leads_to_100 and draft.status.stage is Stage.STEPPING and chance != step.stretch:
        spent, chance = replace(spent, chances=spent.chances + 1), step.stretch
    assert spent.nearest is not None
    draft.change(
        error_spending=ErrorSpending(
            step.stretch, spent.nearest, _text(spent.planned), spent.unplanned, spent.chances, chance, tuple(shares)
        )
    )


def _text(part: Decimal) -> str:
    text = f"{part:f}"
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text
