"""How looks become triggers, and triggers become a run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.retraining.builders import (
    CHAMPION,
    METRIC,
    NOW,
    TRIGGER,
    answered,
    counts,
    described,
    policy,
    policy_seen,
    rollout,
)
from tests.retraining.passes import BAD, GOOD, after, condition, fired, look, trigger_of

from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Bounds, Value
from modelwright.api.pipelines import Parameter
from modelwright.api.rollout import Arm
from modelwright.api.triggers import MetricTrigger, Trigger
from modelwright.metrics.questions import NoLook, ValueLook
from modelwright.metrics.reasons import Reason
from modelwright.retraining.plan import plan_policy


def test_a_trigger_is_pending_until_its_for_is_over_and_then_creates_a_run() -> None:
    first = look(policy(), NOW, counts(*BAD))
    assert trigger_of(first) == ("Pending", NOW)
    assert first.create_run is None
    early = look(after(policy(), first), NOW + timedelta(minutes=9), counts(*BAD))
    assert early.create_run is None
    due = look(after(policy(), first), NOW + timedelta(minutes=10), counts(*BAD))
    assert trigger_of(due) == ("Firing", NOW)
    assert due.create_run is not None


def test_the_run_carries_its_evidence_and_literal_parameters() -> None:
    created = fired(policy()).create_run
    assert created is not None
    (evidence,) = created.spec.evidence
    assert (evidence.value, evidence.bound, evidence.samples) == ("0.8", "≥ 0.90", 1000)
    assert 'revision="77d0aa91c2"' in evidence.query
    assert created.spec.pipeline.parameters == (
        Parameter("epochs", value="20"),
        Parameter("since", value="2026-11-21T08:05:00Z"),
    )
    assert created.spec.champion == CHAMPION
    assert (created.spec.number, created.spec.key) == (1, "after/none")


def test_everybody_who_sees_the_same_trigger_names_the_run_alike() -> None:
    one, other = fired(policy()).create_run, fired(policy()).create_run
    reborn = fired(replace(policy(), uid="another-uid")).create_run
    assert one is not None
    assert other is not None
    assert reborn is not None
    assert one.name == other.name != reborn.name
    assert len(one.name) <= 63


def test_several_triggers_that_fire_at_once_are_one_run_with_joined_evidence() -> None:
    second = replace(TRIGGER, name="errors")
    created = fired(policy(triggers=(TRIGGER, second))).create_run
    assert created is not None
    assert [evidence.trigger for evidence in created.spec.evidence] == ["accuracy", "errors"]


def test_a_good_look_clears_the_clock_of_a_trigger() -> None:
    first = look(policy(), NOW, counts(*BAD))
    good = look(after(policy(), first), NOW + timedelta(minutes=5), counts(*GOOD))
    assert trigger_of(good) == ("Quiet", None)
    again = look(after(policy(), good), NOW + timedelta(minutes=10), counts(*BAD))
    assert trigger_of(again) == ("Pending", NOW + timedelta(minutes=10))


def test_a_point_estimate_below_the_bound_is_not_enough() -> None:
    assert trigger_of(look(policy(), NOW, counts(895, 1000)))[0] == "Quiet"


NOTHING = NoLook(Verdict.NO_DATA, Reason.NO_SERIES, "no series")


def test_a_short_gap_shows_and_keeps_the_clock() -> None:
    first = look(policy(), NOW, counts(*BAD))
    gap = look(after(policy(), first), NOW + timedelta(minutes=5), NOTHING)
    assert trigger_of(gap) == ("NoData", NOW)
    assert gap.create_run is None
    back = look(after(policy(), gap), NOW + timedelta(minutes=10), counts(*BAD))
    assert trigger_of(back) == ("Firing", NOW)


def test_a_gap_longer_than_the_for_starts_the_clock_anew() -> None:
    first = look(policy(), NOW, counts(*BAD))
    gap = look(after(policy(), first), NOW + timedelta(minutes=5), NOTHING)
    back_at = NOW + timedelta(minutes=21)
    for before in (first, gap):
        back = look(after(policy(), before), back_at, counts(*BAD))
        assert trigger_of(back) == ("Pending", back_at)


def test_no_data_and_errors_never_fire() -> None:
    firing = fired(policy())
    at = NOW + timedelta(minutes=11)
    for value in (NOTHING, NoLook(Verdict.ERROR, Reason.SOURCE_UNAVAILABLE, "down"), RuntimeError("boom")):
        plan = look(after(policy(), firing), at, value)
        assert plan.create_run is None
        assert trigger_of(plan)[0] in ("NoData", "Error")


def test_a_status_that_says_firing_creates_nothing_without_a_fresh_look() -> None:
    firing = fired(policy())
    restarted = after(policy(), firing)
    assert plan_policy(policy_seen(restarted, answers=described()), NOW + timedelta(minutes=11)).create_run is None
    later = NOW + timedelta(hours=1)
    (question,) = firing.questions[1:]
    stale = {**described(), question: answered(counts(*BAD), NOW + timedelta(minutes=10))}
    plan = plan_policy(policy_seen(restarted, answers=stale), later)
    assert plan.create_run is None
    assert plan.status.triggers[0].reason == "Stale"


def test_a_second_pass_with_the_same_answers_changes_nothing() -> None:
    first = look(policy(), NOW, counts(*BAD))
    second = look(after(policy(), first), NOW + timedelta(seconds=30), counts(801, 1001))
    assert second.status == first.status
    assert second.events == ()


def test_another_champion_starts_the_clock_anew() -> None:
    first = look(policy(), NOW, counts(*BAD))
    promoted = rollout()
    newer = Arm("0123456789", replace(CHAMPION, version="churn-new"), 100)
    promoted = replace(promoted, status=replace(promoted.status, stable=newer))
    plan = look(after(policy(), first), NOW + timedelta(minutes=10), counts(*BAD), followers=(promoted,))
    assert trigger_of(plan) == ("Pending", NOW + timedelta(minutes=10))


def test_without_a_champion_a_trigger_has_no_data() -> None:
    plan = look(policy(), NOW, counts(*BAD), followers=())
    assert plan.status.triggers[0].reason == "NoChampion"
    assert condition(plan, "Ready") == ("True", "Armed")


def test_a_follower_that_cannot_be_read_is_named() -> None:
    plan = look(policy(), NOW, counts(*BAD), followers=(), unreadable=("churn",))
    assert plan.status.triggers[0].message == "rollout churn cannot work as written; its status says why"


def test_a_value_trigger_fires_on_the_value_itself() -> None:
    value = Trigger("drift", MetricTrigger(Bounds(max=METRIC.bounds.min), value=Value("drift{$(champion)}")))
    fires = look(policy(triggers=(value,)), NOW, ValueLook(0.95, None, NOW))
    assert fires.create_run is not None
    assert look(policy(triggers=(value,)), NOW, ValueLook(0.85, None, NOW)).create_run is None
