"""Metrics beside what they were after the promotion, and means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.retraining.builders import CHAMPION, METRIC, NOW, TRIGGER, counts, history, policy, rollout
from tests.retraining.passes import after, look

from modelwright.analysis.blocks import Moments
from modelwright.api.limits import Limits
from modelwright.api.metrics import Bounds, Mean, Value
from modelwright.api.models import Model
from modelwright.api.policy import Baseline, RetrainPolicy
from modelwright.api.rollout import Arm, ModelRollout
from modelwright.api.triggers import AgainstBaseline, MetricTrigger
from modelwright.metrics.questions import MeanLook, MeanQuestion, ValueLook
from modelwright.retraining.plan import PolicyPlan

MINUTE = timedelta(minutes=1)
WITHIN_A_POINT = AgainstBaseline(max_decrease=Decimal("0.01"))
SHARE = replace(METRIC, bounds=Bounds(), baseline=WITHIN_A_POINT, hold=timedelta(0))
MEAN = Mean("n{$(champion)}", "s{$(champion)}", "q{$(champion)}", Decimal(0), Decimal(500), timedelta(minutes=5))
SERVING = rollout(history=(history(CHAMPION.version, "Promoted", NOW),))


def subject(metric: MetricTrigger = SHARE) -> RetrainPolicy:
    limits = Limits(cooldown=timedelta(0), settle=timedelta(minutes=2))
    return policy(triggers=(replace(TRIGGER, metric=metric),), limits=limits)


def seen(known: RetrainPolicy, at: datetime, value: Any, follower: ModelRollout = SERVING) -> PolicyPlan:
    return look(known, at, value, followers=(follower,))


def verdict(plan: PolicyPlan) -> tuple[str, str]:
    return plan.status.triggers[0].verdict, plan.status.triggers[0].reason


def baseline(plan: PolicyPlan) -> Baseline | None:
    return plan.status.triggers[0].baseline


def test_it_is_recorded_once_the_window_lies_behind_the_promotion() -> None:
    early = seen(subject(), NOW + 4 * MINUTE, counts(9300, 10000))
    assert verdict(early) == ("NoData", "NoBaseline")
    assert baseline(early) is None
    settled = seen(subject(), NOW + 5 * MINUTE, counts(9300, 10000))
    assert verdict(settled) == ("Quiet", "WithinBounds")
    found = baseline(settled)
    assert found is not None
    assert (found.value, found.samples, found.at, found.revision) == ("0.93", 10000, NOW + 5 * MINUTE, "77d0aa91c2")
    assert float(found.low) < 0.93 < float(found.high)


def test_too_few_samples_are_no_baseline() -> None:
    assert verdict(seen(subject(), NOW + 5 * MINUTE, counts(9, 10))) == ("NoData", "NoBaseline")


def test_a_fall_beyond_both_uncertainties_fires_and_a_smaller_one_does_not() -> None:
    first = seen(subject(), NOW + 5 * MINUTE, counts(9300, 10000))
    known = after(subject(), first)
    slight = seen(known, NOW + 6 * MINUTE, counts(9200, 10000))
    assert verdict(slight) == ("Quiet", "WithinBounds")
    fallen = seen(known, NOW + 6 * MINUTE, counts(8900, 10000))
    assert verdict(fallen)[0] == "Firing"
    assert baseline(fallen) == baseline(first)
    assert fallen.create_run is not None


def test_it_stays_through_a_pass_without_data_and_an_edit_of_something_else() -> None:
    first = seen(subject(), NOW + 5 * MINUTE, counts(9300, 10000))
    edited = replace(after(subject(), first), generation=2)
    again = seen(edited, NOW + 6 * MINUTE, counts(9, 10))
    assert baseline(again) == baseline(first)


def test_another_query_or_another_champion_needs_another_baseline() -> None:
    first = seen(subject(), NOW + 5 * MINUTE, counts(9300, 10000))
    assert SHARE.proportion is not None
    asked = replace(SHARE, proportion=replace(SHARE.proportion, events="right{$(champion)}"))
    edited = replace(after(subject(asked), first), generation=2)
    later = seen(edited, NOW + 9 * MINUTE, counts(8000, 10000))
    assert baseline(later) != baseline(first)
    other = Model("churn-new", "file:///results/ml/churn-new/model", "sha256:" + "2" * 64)
    promoted = rollout(
        stable=other, history=(replace(history("churn-new", "Promoted", NOW + 8 * MINUTE), revision="77d0aa91c2"),)
    )
    moved = replace(promoted, status=replace(promoted.status, stable=Arm("77d0aa91c2", other, 100)))
    assert verdict(seen(after(subject(), first), NOW + 9 * MINUTE, counts(8000, 10000), moved)) == (
        "NoData",
        "NoBaseline",
    )


def test_a_value_is_its_own_baseline() -> None:
    metric = MetricTrigger(value=Value("a{$(champion)}"), baseline=AgainstBaseline(max_increase=Decimal("0.5")))
    first = seen(subject(metric), NOW + 5 * MINUTE, ValueLook(2.0, None, NOW))
    assert (baseline(first) or Baseline("", "", "", NOW, "", "")).high == "2"
    risen = seen(after(subject(metric), first), NOW + 6 * MINUTE, ValueLook(2.6, None, NOW))
    assert verdict(risen)[0] == "Firing"


def mean_look(value: float, count: int = 10000) -> MeanLook:
    return MeanLook(Moments(count, value * count, (value * value + 9) * count), NOW)


def test_a_mean_is_asked_for_over_its_window_and_fires_with_confidence() -> None:
    metric = MetricTrigger(mean=MEAN, bounds=Bounds(min=Decimal(20)), min_samples=500)
    quiet = seen(subject(metric), NOW, mean_look(21))
    (question,) = [asked for asked in quiet.questions if isinstance(asked, MeanQuestion)]
    assert question.window == timedelta(minutes=5)
    assert 'revision="77d0aa91c2"' in question.sum
    assert verdict(quiet) == ("Quiet", "WithinBounds")
    fired = seen(subject(metric), NOW + 5 * MINUTE, mean_look(17))
    assert verdict(fired) == ("Firing", "OutsideBounds")
    assert fired.create_run is not None
    assert fired.create_run.spec.evidence[0].samples == 10000
    assert fired.create_run.spec.evidence[0].window_start == NOW
    assert verdict(seen(subject(metric), NOW, mean_look(17, 100))) == ("NoData", "TooFewSamples")


def test_a_mean_has_a_baseline_with_its_uncertainty() -> None:
    metric = MetricTrigger(mean=MEAN, baseline=AgainstBaseline(max_decrease=Decimal(1)))
    first = seen(subject(metric), NOW + 5 * MINUTE, mean_look(21))
    found = baseline(first)
    assert found is not None
    assert float(found.low) < 21 < float(found.high)
    fallen = seen(after(subject(metric), first), NOW + 6 * MINUTE, mean_look(12))
    assert verdict(fallen)[0] == "Firing"
