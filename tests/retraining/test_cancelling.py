"""A person ends a run that has not ended: its pipeline is stopped, its record stays, and it is nobody's failure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.retraining.builders import NOW, answered, finished_run, policy, policy_seen, run, run_seen
from tests.retraining.passes import after, condition
from tests.retraining.run_passes import LAUNCHING, MINUTE, RUNNING, SUCCEEDED, outcome, plan
from tests.retraining.test_approval import ASKING, waiting

from modelwright.api.limits import Concurrency, Failures, Limits
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import Cancellation, RetrainRun
from modelwright.kubeflow.questions import KubeflowRun, StopRun
from modelwright.retraining.plan import PolicyPlan, RunPlan, plan_policy, plan_run
from modelwright.retraining.plan.limits.setbacks import streak
from modelwright.retraining.plan.lineage import approved_model


def commanded(
    of: RetrainPolicy | None = None, text: str = "cancel/7/churn-run1", actor: str = "paula"
) -> RetrainPolicy:
    annotations = {"modelwright.dev/command": text, "modelwright.dev/actor": actor}
    return replace(of or policy(), annotations=annotations)


def cancelled(run: RetrainRun, of: RetrainPolicy | None = None) -> RunPlan:
    """The pass in which the pipeline server has confirmed, if it had to be asked."""
    made = plan(run, of=commanded(of))
    answers = {each: answered(KubeflowRun("kf-1", "CANCELING", NOW)) for each in made.questions}
    return plan(run, of=commanded(of), answers=answers)


@pytest.mark.parametrize("unfinished", [run(), SUCCEEDED])
def test_a_run_for_which_nothing_runs_ends_at_once(unfinished: RetrainRun) -> None:
    made = plan(unfinished, of=commanded())
    assert outcome(made) == ("False", "Cancelled")
    assert made.questions == ()
    assert made.status.conditions[0].message == "cancelled by paula"
    assert made.status.cancelled == Cancellation("7", "paula", NOW)


@pytest.mark.parametrize("unfinished", [RUNNING, LAUNCHING])
def test_what_runs_is_stopped_before(unfinished: RetrainRun) -> None:
    made = plan(unfinished, of=commanded())
    assert outcome(made) == ("Unknown", "Stopping")
    (question,) = made.questions
    assert isinstance(question, StopRun)
    assert outcome(cancelled(unfinished)) == ("False", "Cancelled")


def test_a_model_that_waits_for_a_person_is_not_approved_any_more() -> None:
    run = waiting()
    made = plan_run(run_seen(run, commanded(ASKING)), NOW + MINUTE)
    assert outcome(made) == ("False", "Cancelled")
    assert approved_model(None, (replace(run, status=made.status),)) is None


def test_it_is_carried_out_also_where_another_command_takes_its_place() -> None:
    noted = replace(RUNNING, status=plan(RUNNING, of=commanded()).status)
    made = plan(noted, of=commanded(text="retrain/8", actor="otto"))
    assert outcome(made) == ("Unknown", "Stopping")
    assert made.status.cancelled == Cancellation("7", "paula", NOW)


@pytest.mark.parametrize("text", ["cancel/7/churn-other", "cancel/7", "cancel//churn-run1", "stop/7/churn-run1"])
def test_what_is_about_another_run_or_no_such_command_changes_nothing(text: str) -> None:
    assert plan(RUNNING, of=commanded(text=text)) == plan(RUNNING)


def test_a_run_that_has_ended_stays_as_it_ended() -> None:
    done = replace(finished_run(1, NOW, approved=True), name="churn-run1")
    assert plan(done, of=commanded()).status == done.status


# What the policy answers


def answer(*runs: RetrainRun, of: RetrainPolicy | None = None) -> PolicyPlan:
    return plan_policy(policy_seen(of or commanded(), runs=runs), NOW)


def told(made: PolicyPlan) -> tuple[str, str, str]:
    command = made.status.command
    assert command is not None
    return command.id, command.outcome, command.message


def test_it_is_done_once_the_run_has_ended_by_it() -> None:
    unfinished = replace(RUNNING, status=plan(RUNNING, of=commanded()).status)
    assert answer(unfinished).status.command is None
    ended = replace(RUNNING, status=cancelled(RUNNING).status)
    made = answer(ended)
    assert told(made) == ("7", "Done", "run churn-run1 is cancelled")
    assert made.status.command is not None
    assert (made.status.command.actor, made.status.command.run) == ("paula", "churn-run1")
    again = answer(ended, of=after(commanded(), made))
    assert again.status.command == made.status.command


def test_what_cannot_be_cancelled_is_refused_with_why() -> None:
    assert told(answer()) == ("7", "Refused", "there is no run churn-run1 of this policy")
    done = replace(finished_run(1, NOW, approved=True), name="churn-run1")
    assert told(answer(done)) == ("7", "Refused", "run churn-run1 had ended: Approved")


def test_it_starts_no_run_by_hand() -> None:
    assert answer().create_run is None


# What follows


def ended_by_person() -> RetrainRun:
    return replace(RUNNING, status=cancelled(RUNNING).status)


def test_it_is_neither_a_failure_nor_a_rejection() -> None:
    of = policy(limits=Limits(failures=Failures(timedelta(minutes=30), 1), concurrency=Concurrency.QUEUE))
    assert streak(of, (ended_by_person(),)) == run().spec.streak
    made = plan_policy(policy_seen(of, runs=(ended_by_person(),)), NOW)
    assert condition(made, "Stalled") is None


def test_the_cooldown_follows() -> None:
    hour = policy(limits=Limits(cooldown=timedelta(hours=1)))
    made = plan(replace(run(), name="churn-run2"), of=hour, siblings=(ended_by_person(),), at=NOW + MINUTE)
    assert outcome(made) == ("Unknown", "Cooldown")
