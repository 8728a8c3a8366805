"""Failures, rejections and rollbacks: longer rests, each counted on the chain of runs and ended by a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.retraining.builders import NEW_DIGEST, NOW, finished_run, policy, rollout, run
from tests.retraining.passes import condition, fired

from modelwright.api.conditions import Condition
from modelwright.api.limits import Failures, Limits, OnRejected, OnRolledBack
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import Rejection
from modelwright.api.run import PipelineRun, RetrainRun, RunStatus, Streak
from modelwright.retraining.plan import PolicyPlan

HOUR = timedelta(hours=1)
FIRED = NOW + timedelta(minutes=10)  # when the trigger of `fired` has lasted long enough


def ended(reason: str, at: datetime, streak: Streak = Streak(), generation: int = 1, number: int = 1) -> RetrainRun:
    built = run(number)
    phase = "Rejected" if reason == "GateRejected" else "Failed"
    return replace(
        built,
        spec=replace(built.spec, streak=streak, policy_generation=generation),
        status=RunStatus(
            observed_generation=1,
            phase=phase,
            pipeline_run=PipelineRun(requested_at=at - HOUR),
            conditions=(Condition("Succeeded", "False", reason, last_transition_time=at),),
        ),
    )


def held(plan: PolicyPlan) -> tuple[str, datetime | None]:
    assert plan.create_run is None
    assert plan.status.pending is not None
    return plan.status.pending.reason, plan.status.pending.until


FAILING = policy(limits=Limits(failures=Failures(backoff=HOUR, suspend_after=4)))
REJECTING = policy(on_rejected=OnRejected(backoff=2 * HOUR, double_up_to=5 * HOUR))


def test_the_rest_after_failures_doubles_and_the_next_run_counts_on() -> None:
    assert held(fired(FAILING, runs=(ended("PipelineFailed", NOW),))) == ("FailureBackoff", NOW + HOUR)
    third = ended("DeadlineExceeded", NOW, Streak(failures=2))
    assert held(fired(FAILING, runs=(third,))) == ("FailureBackoff", NOW + 4 * HOUR)
    created = fired(FAILING, runs=(ended("PipelineFailed", FIRED - 4 * HOUR, Streak(failures=2)),)).create_run
    assert created is not None
    assert created.spec.streak == Streak(failures=3)


def test_a_rest_ends_to_the_second() -> None:
    assert fired(FAILING, runs=(ended("PipelineFailed", FIRED - HOUR),)).create_run is not None
    almost = ended("PipelineFailed", FIRED - HOUR + timedelta(seconds=1))
    assert held(fired(FAILING, runs=(almost,))) == ("FailureBackoff", FIRED + timedelta(seconds=1))


def test_after_so_many_failures_a_person_has_to_look() -> None:
    last = ended("PipelineFailed", NOW - 1000 * HOUR, Streak(failures=3))
    plan = fired(FAILING, runs=(last,))
    assert held(plan) == ("SuspendedAfterFailures", None)
    assert condition(plan, "Stalled") == ("True", "SuspendedAfterFailures")
    assert condition(plan, "Ready") == ("False", "SuspendedAfterFailures")


def test_an_edit_of_the_spec_ends_the_suspension() -> None:
    def edited(policy: RetrainPolicy) -> RetrainPolicy:
        return replace(policy, generation=2)

    last = ended("PipelineFailed", NOW, Streak(failures=3))
    created = fired(edited(FAILING), runs=(last,)).create_run
    assert created is not None
    assert created.spec.streak == Streak()


def test_a_champion_that_changed_is_no_failure() -> None:
    created = fired(FAILING, runs=(ended("ChampionChanged", NOW, Streak(failures=1)),))
    assert held(created) == ("FailureBackoff", NOW + HOUR)
    assert fired(FAILING, runs=(ended("ChampionChanged", NOW),)).create_run is not None


def test_a_rejection_by_the_gate_is_no_failure_and_ends_a_row_of_them() -> None:
    created = fired(FAILING, runs=(ended("GateRejected", NOW, Streak(failures=3)),)).create_run
    assert created is not None
    assert created.spec.streak == Streak(failures=0, rejections=1)


def test_the_rest_after_rejections_doubles_up_to_its_limit() -> None:
    for before, hours in ((0, 2), (1, 4), (2, 5), (200, 5)):
        runs = (ended("GateRejected", NOW, Streak(rejections=before)),)
        assert held(fired(REJECTING, runs=runs)) == ("RejectedBackoff", NOW + hours * HOUR)


def test_a_decline_that_lasts_fires_again_after_the_rest() -> None:
    rejected = ended("GateRejected", FIRED - 4 * HOUR, Streak(rejections=1))
    created = fired(REJECTING, runs=(rejected,)).create_run
    assert created is not None
    assert created.spec.streak == Streak(rejections=2)


def test_an_approval_ends_every_row() -> None:
    approved = finished_run(1, NOW - 9 * HOUR, approved=True)
    approved = replace(approved, spec=replace(approved.spec, streak=Streak(3, 3)))
    created = fired(REJECTING, runs=(approved,)).create_run
    assert created is not None
    assert created.spec.streak == Streak()


def test_triggers_rest_after_the_approved_model_was_rolled_back() -> None:
    approved = finished_run(1, NOW - 9 * HOUR, approved=True)
    back = rollout(rejected=(Rejection("r", NEW_DIGEST, NOW, "errors", "churn-run1"),))
    resting = policy(on_rolled_back=OnRolledBack(24 * HOUR))
    assert held(fired(resting, runs=(approved,), followers=(back,))) == ("RolledBackBackoff", NOW + 24 * HOUR)
    assert fired(policy(), runs=(approved,), followers=(back,)).create_run is not None
    forgiven = rollout()
    assert fired(resting, runs=(approved,), followers=(forgiven,)).create_run is not None
