"""Schedules: one run for each slot, at most one for all that were missed, and none before their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.retraining.builders import METRIC, counts, described, finished_run, history, policy, policy_seen, rollout
from tests.retraining.passes import BAD, after, condition, look

from modelwright.api.cron import Cron
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import State
from modelwright.api.run import RetrainRun
from modelwright.api.triggers import Schedule, Trigger
from modelwright.retraining.plan import PolicyPlan, plan_policy

WEEKLY = Trigger("weekly", schedule=Schedule(Cron("0 3 * * 0", "Europe/Berlin"), timedelta(hours=6)))
SATURDAY = datetime(2026, 11, 21, 8, tzinfo=UTC)
SLOT = datetime(2026, 11, 22, 2, tzinfo=UTC)


def passes(policy: RetrainPolicy, at: datetime, **seen: Any) -> PolicyPlan:
    return plan_policy(policy_seen(policy, answers=described(at), **seen), at)


def watched(**spec: Any) -> RetrainPolicy:
    """A policy whose schedule was first seen on Saturday."""
    found = policy(triggers=(WEEKLY,), **spec)
    return after(found, passes(found, SATURDAY))


def created(plan: PolicyPlan, at: datetime) -> RetrainRun:
    """The run of `plan` as it is when it has ended."""
    assert plan.create_run is not None
    ended = finished_run(plan.create_run.spec.number, at)
    return replace(ended, spec=plan.create_run.spec)


def test_waits_for_its_slot_and_says_when_it_is() -> None:
    plan = passes(policy(triggers=(WEEKLY,)), SATURDAY)
    (status,) = plan.status.triggers
    assert (status.verdict, status.reason, status.message) == ("Quiet", "Waiting", "next at 2026-11-22T02:00:00Z")
    assert plan.create_run is None
    assert plan.requeue_after == SLOT - SATURDAY


def test_fires_at_its_slot_to_the_second() -> None:
    assert passes(watched(), SLOT - timedelta(seconds=1)).create_run is None
    run = passes(watched(), SLOT).create_run
    assert run is not None
    (evidence,) = run.spec.evidence
    assert (evidence.trigger, evidence.occasion, evidence.at) == ("weekly", "2026-11-22T02:00:00Z", SLOT)


def test_fires_without_a_champion_too() -> None:
    run = passes(watched(), SLOT, followers=()).create_run
    assert run is not None
    assert run.spec.champion is None


def test_a_slot_whose_run_exists_is_done_with_also_when_nobody_wrote_that_down() -> None:
    run = created(passes(watched(), SLOT), SLOT + timedelta(minutes=1))
    again = passes(watched(), SLOT + timedelta(hours=2), runs=(run,))
    assert again.create_run is None
    assert again.status.triggers[0].handled == "2026-11-22T02:00:00Z"
    pruned = passes(after(watched(), again), SLOT + timedelta(hours=3))
    assert pruned.create_run is None


def test_a_slot_is_not_taken_as_done_before_its_run_was_seen() -> None:
    """The run of another operator may have got the name, without this slot in its evidence."""
    plan = passes(watched(), SLOT)
    assert plan.status.triggers[0].handled == "2026-11-21T08:00:00Z"
    other = finished_run(1, SLOT)
    assert passes(after(watched(), plan), SLOT + timedelta(minutes=1), runs=(other,)).create_run is not None


def test_only_the_newest_of_many_missed_slots_is_made_up_for() -> None:
    back = SLOT + timedelta(weeks=9, hours=5)
    plan = passes(watched(), back)
    assert plan.create_run is not None
    run = created(plan, back)
    assert run.spec.evidence[0].occasion == "2027-01-24T02:00:00Z"
    assert passes(after(watched(), plan), back + timedelta(minutes=1), runs=(run,)).create_run is None


def test_a_slot_that_is_later_than_its_deadline_is_missed_and_says_so() -> None:
    late = passes(watched(), SLOT + timedelta(hours=6, seconds=1))
    assert late.create_run is None
    assert late.status.triggers[0].reason == "Missed"
    assert "not started within 6h; next at 2026-11-29T02:00:00Z" in late.status.triggers[0].message


def test_a_suspended_policy_lets_its_slots_pass() -> None:
    plan = passes(watched(state=State.SUSPENDED), SLOT)
    assert plan.create_run is None
    assert condition(plan, "Retraining") == ("False", "Suspended")
    resumed = replace(after(watched(), plan), spec=replace(watched().spec, state=State.ACTIVE))
    assert passes(resumed, SLOT + timedelta(hours=5)).create_run is not None
    assert passes(resumed, SLOT + timedelta(hours=7)).create_run is None


def test_an_edit_of_the_policy_neither_repeats_nor_loses_a_slot() -> None:
    due = after(watched(), passes(watched(), SLOT))
    edited = replace(due, generation=2)
    assert passes(edited, SLOT + timedelta(minutes=5)).create_run is not None
    run = created(passes(watched(), SLOT), SLOT)
    assert passes(edited, SLOT + timedelta(minutes=5), runs=(run,)).create_run is None


def test_another_expression_begins_with_its_next_slot() -> None:
    earlier = Trigger("weekly", schedule=Schedule(Cron("0 7 * * 6", "Europe/Berlin")))
    changed = replace(watched(), spec=replace(watched().spec, triggers=(earlier,)), generation=2)
    assert passes(changed, SATURDAY).create_run is None


def test_a_clock_that_is_set_back_repeats_no_slot() -> None:
    run = created(passes(watched(), SLOT), SLOT)
    handled = after(watched(), passes(watched(), SLOT, runs=(run,)))
    assert passes(handled, SLOT - timedelta(hours=1)).create_run is None
    assert passes(handled, SLOT + timedelta(minutes=1)).create_run is None


def test_a_schedule_does_not_rest_after_a_promotion_but_looks_do() -> None:
    promoted = rollout(history=(history("churn-old", "Promoted", SLOT),))
    sudden = Trigger("accuracy", replace(METRIC, hold=timedelta(0)))
    both = replace(watched(), spec=replace(watched().spec, triggers=(WEEKLY, sudden)))
    run = look(both, SLOT, counts(*BAD), followers=(promoted,)).create_run
    assert run is not None
    assert [evidence.trigger for evidence in run.spec.evidence] == ["weekly"]
    rested = look(both, SLOT + timedelta(minutes=31), counts(*BAD), followers=(promoted,)).create_run
    assert rested is not None
    assert [evidence.trigger for evidence in rested.spec.evidence] == ["weekly", "accuracy"]


def test_a_second_pass_with_nothing_new_changes_nothing() -> None:
    for at in (SATURDAY, SLOT, SLOT + timedelta(hours=7)):
        found = watched(state=State.SUSPENDED)
        first = passes(found, at)
        assert passes(after(found, first), at + timedelta(seconds=7)).status == first.status
