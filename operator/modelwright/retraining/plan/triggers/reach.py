"""Triggers that cannot ever fire, or whose firing cannot ever lead to anything: told as warnings, by the spec alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from modelwright.api.durations import format_duration
from modelwright.api.policy import PolicySpec
from modelwright.api.triggers import Action, MetricTrigger, Trigger
from modelwright.retraining.plan.limits.blackouts import end_of_blackout


def out_of_reach(spec: PolicySpec, now: datetime) -> Iterator[tuple[str, str]]:
    """Paths and what is wrong there. Blackouts are looked at from `now` on."""
    for index, trigger in enumerate(spec.triggers):
        path = f"spec.triggers[{index}]"
        if trigger.metric:
            yield from _bounds(trigger.metric, f"{path}.{trigger.metric.written}")
        if trigger.action is Action.REVERT:
            yield from _reverts(trigger, spec, path)
    if spec.limits.blackouts and end_of_blackout(spec.limits.blackouts, now) is None:
        yield "spec.limits.blackouts", "leave no time in which a pipeline may start: no trigger can ever lead to one"


def _bounds(metric: MetricTrigger, path: str) -> Iterator[tuple[str, str]]:
    possible = _possible(metric)
    if possible is None:
        return
    lowest, highest, what = possible
    if metric.bounds.min is not None and metric.bounds.min <= lowest:
        yield f"{path}.min", f"can never be crossed: {what} is never below {lowest}, found '{metric.bounds.min}'"
    if metric.bounds.max is not None and metric.bounds.max >= highest:
        yield f"{path}.max", f"can never be crossed: {what} is never above {highest}, found '{metric.bounds.max}'"
    if metric.baseline is None:
        return
    for name, change in (
        ("maxDecrease", metric.baseline.max_decrease),
        ("maxIncrease", metric.baseline.max_increase),
    ):
        if change is not None and change >= highest - lowest:
            message = f"can never be crossed: {what} lies between {lowest} and {highest}, found '{change}'"
            yield f"{path}.baseline.{name}", message


def _possible(metric: MetricTrigger) -> tuple[Decimal, Decimal, str] | None:
    """Between which numbers the metric lies, None where nobody knows."""
    if metric.proportion:
        return Decimal(0), Decimal(1), "a proportion"
    if metric.mean:
        return metric.mean.min, metric.mean.max, "the mean"
    return None


def _reverts(trigger: Trigger, spec: PolicySpec, path: str) -> Iterator[tuple[str, str]]:
    needed = max(trigger.metric.hold, spec.limits.settle) if trigger.metric else spec.limits.settle
    if trigger.within <= needed:
        message = (
            f"can never come true: the trigger acts {format_duration(needed)} after a promotion at the earliest "
            f"(`for` and `limits.settle`), found {format_duration(trigger.within)}"
        )
        yield f"{path}.within", message
