"""What can never fire, or never lead to anything, is told: on the policy, once as an event, and by lint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.retraining.builders import METRIC, NOW, counts, policy
from tests.retraining.passes import GOOD, condition, look

from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits
from modelwright.api.metrics import Bounds, Mean
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Action, AgainstBaseline, MetricTrigger, Trigger
from modelwright.retraining.plan.triggers.reach import out_of_reach

HOUR = timedelta(hours=1)
MEAN = replace(
    METRIC, proportion=None, mean=Mean("c", "s", "q", Decimal(0), Decimal(5), HOUR), bounds=Bounds(max=Decimal(2))
)
REVERT = Trigger("regret", METRIC, action=Action.REVERT, within=timedelta(days=14))


def found(of: RetrainPolicy) -> list[tuple[str, str]]:
    return list(out_of_reach(of.spec, NOW))


def watching(metric: MetricTrigger) -> RetrainPolicy:
    return policy(triggers=(Trigger("accuracy", metric),))


def bounds(low: str | None, high: str | None) -> Bounds:
    return Bounds(Decimal(low) if low else None, Decimal(high) if high else None)


@pytest.mark.parametrize(
    ("metric", "path", "says"),
    [
        (replace(METRIC, bounds=bounds("0", None)), "min", "a proportion is never below 0, found '0'"),
        (replace(METRIC, bounds=bounds("-0.1", "0.5")), "min", "a proportion is never below 0, found '-0.1'"),
        (replace(METRIC, bounds=bounds(None, "1")), "max", "a proportion is never above 1, found '1'"),
        (replace(MEAN, bounds=bounds(None, "5")), "max", "the mean is never above 5, found '5'"),
        (replace(MEAN, bounds=bounds("0", None)), "min", "the mean is never below 0, found '0'"),
        (
            replace(METRIC, bounds=Bounds(), baseline=AgainstBaseline(max_decrease=Decimal(1))),
            "baseline.maxDecrease",
            "a proportion lies between 0 and 1, found '1'",
        ),
        (
            replace(MEAN, bounds=Bounds(), baseline=AgainstBaseline(max_increase=Decimal(7))),
            "baseline.maxIncrease",
            "the mean lies between 0 and 5, found '7'",
        ),
    ],
)
def test_a_bound_that_no_value_can_cross(metric: MetricTrigger, path: str, says: str) -> None:
    assert found(watching(metric)) == [(f"spec.triggers[0].metric.{path}", f"can never be crossed: {says}")]


def test_bounds_that_can_be_crossed_are_not_warned_of() -> None:
    assert found(watching(METRIC)) == []
    assert found(watching(replace(METRIC, bounds=bounds("0.001", "0.999")))) == []
    assert found(watching(MEAN)) == []
    assert found(watching(replace(METRIC, proportion=None, bounds=bounds("0", None)))) == [], "a value may be negative"
    assert found(policy(triggers=(REVERT,))) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda of: replace(of, spec=replace(of.spec, limits=Limits(settle=timedelta(days=14)))),
        lambda of: replace(of, spec=replace(of.spec, triggers=(replace(REVERT, within=timedelta(minutes=10)),))),
    ],
    ids=["settle", "for"],
)
def test_a_way_back_that_ends_before_its_trigger_may_act(change: Callable[[RetrainPolicy], RetrainPolicy]) -> None:
    ((path, says),) = found(change(policy(triggers=(REVERT,))))
    assert path == "spec.triggers[0].within"
    assert says.startswith("can never come true: the trigger acts ")


def test_blackouts_that_leave_no_time() -> None:
    always = tuple(Blackout(Cron(f"0 {hour} * * *"), 13 * HOUR) for hour in (0, 12))
    ((path, says),) = found(policy(limits=Limits(blackouts=always)))
    assert (path, says[:15]) == ("spec.limits.blackouts", "leave no time i")
    assert found(policy(limits=Limits(blackouts=always[:1]))) == []


def test_the_policy_is_armed_all_the_same_and_says_so_once() -> None:
    of = watching(replace(METRIC, bounds=bounds("0", None)))
    first = look(of, NOW, counts(*GOOD))
    assert condition(first, "Ready") == ("True", "Armed")
    assert condition(first, "NeverFires") == ("True", "OutOfReach")
    assert [event.reason for event in first.events] == ["OutOfReach"]
    again = look(replace(of, status=first.status), NOW, counts(*GOOD))
    assert again.events == ()
    assert again.status == first.status
    mended = look(replace(watching(METRIC), status=first.status), NOW, counts(*GOOD))
    assert condition(mended, "NeverFires") is None
