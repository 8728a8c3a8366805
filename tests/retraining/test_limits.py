"""What holds back a run that a trigger asks for, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.retraining.builders import (
    NEW_DIGEST,
    NOW,
    counts,
    finished_run,
    history,
    policy,
    rollout,
    run,
)
from tests.retraining.passes import GOOD, after, condition, fired, look

from modelwright.api.limits import Limits
from modelwright.api.rollout import Rejection, Stage, State
from modelwright.retraining.plan import PolicyPlan


def held(plan: PolicyPlan) -> str:
    found = condition(plan, "Retraining")
    assert plan.create_run is None
    assert found is not None
    assert found[0] == "False"
    return found[1]


def test_an_unfinished_run_holds_back_another() -> None:
    assert fired(policy(), runs=(run(),)).create_run is None


def test_a_rollout_under_way_holds_back_new_runs() -> None:
    assert held(fired(policy(), followers=(rollout(stage=Stage.STEPPING),))) == "RolloutInProgress"


def test_an_approved_model_that_no_rollout_has_taken_up_yet_holds_back_new_runs_for_a_while() -> None:
    just_now = finished_run(1, NOW + timedelta(minutes=9), approved=True)
    assert held(fired(policy(), runs=(just_now,))) == "RolloutInProgress"
    long_ago = finished_run(1, NOW - timedelta(hours=9), approved=True)
    assert fired(policy(), runs=(long_ago,)).create_run is not None


def test_an_approved_model_that_was_rolled_back_does_not_hold_back_new_runs() -> None:
    just_now = finished_run(1, NOW + timedelta(minutes=9), approved=True)
    back = rollout(rejected=(Rejection("r", NEW_DIGEST, NOW, "errors"),))
    assert fired(policy(), runs=(just_now,), followers=(back,)).create_run is not None


def test_triggers_rest_after_a_promotion() -> None:
    promoted = rollout(history=(history("churn-old", "Promoted", NOW),))
    plan = fired(policy(), followers=(promoted,))
    assert held(plan) == "Settling"
    assert plan.requeue_after == timedelta(minutes=20)
    assert fired(policy(limits=Limits(settle=timedelta(minutes=10))), followers=(promoted,)).create_run is not None


def test_a_suspended_policy_watches_and_starts_nothing() -> None:
    plan = fired(policy(state=State.SUSPENDED))
    assert held(plan) == "Suspended"
    assert condition(plan, "Ready") == ("True", "Suspended")


def test_a_run_is_created_although_the_cooldown_is_not_over() -> None:
    rejected = finished_run(1, NOW)
    created = fired(policy(), runs=(rejected,)).create_run
    assert created is not None
    assert (created.spec.number, created.spec.key) == (2, "after/churn-run1-uid")


def test_numbers_are_never_given_twice_even_when_runs_were_deleted() -> None:
    known = replace(policy(), status=replace(policy().status, next_number=8))
    created = fired(known).create_run
    assert created is not None
    assert created.spec.number == 8


def test_the_highest_numbered_approved_run_is_the_approved_model() -> None:
    runs = (finished_run(2, NOW, approved=True), finished_run(1, NOW, approved=True), finished_run(3, NOW))
    plan = look(policy(), NOW, counts(*GOOD), runs=runs)
    assert plan.status.approved is not None
    assert (plan.status.approved.number, plan.status.approved.model.version) == (2, "churn-run2")
    without_runs = look(after(policy(), plan), NOW, counts(*GOOD))
    assert without_runs.status.approved == plan.status.approved
