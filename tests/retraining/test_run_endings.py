"""How runs end: judged, given up, or stopped because they are not wanted any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import (
    CHAMPION,
    NEW_DIGEST,
    NOW,
    answered,
    evaluation,
    finished_run,
    policy,
    rollout,
    run,
)
from tests.retraining.run_passes import LAUNCHING, MINUTE, RUNNING, SUCCEEDED, answer_to, outcome, plan, without_policy

from modelwright.api.limits import Limits
from modelwright.kubeflow.questions import (
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    ReadEvaluation,
    ReadResult,
    StopRun,
    Trouble,
)

# Judging


def result(**changes: Any) -> ReadResult:
    return ReadResult(evaluation(**changes), "sha256:file", NEW_DIGEST)


def test_a_result_that_passes_the_gate_approves_the_run() -> None:
    (question,) = plan(SUCCEEDED).questions
    assert question == ReadEvaluation(
        "default", "file:///results/ml/churn-run1/evaluation.json", "file:///results/ml/churn-run1"
    )
    made = answer_to(SUCCEEDED, result())
    assert outcome(made) == ("True", "Approved")
    assert made.status.phase == "Approved"
    assert made.status.model is not None
    assert (made.status.model.version, made.status.model.digest) == ("churn-run1", NEW_DIGEST)
    assert all(line.verdict == "Pass" for line in made.status.gate)


def test_a_result_that_fails_the_gate_says_why() -> None:
    made = answer_to(SUCCEEDED, result(overlap_rows=3))
    assert outcome(made) == ("False", "GateRejected")
    assert made.status.phase == "Rejected"
    assert made.status.conditions[0].message == "RowsDisjoint: 3 rows and 0 entities in common"


def test_the_champion_of_the_moment_of_the_verdict_counts() -> None:
    other = rollout(stable=replace(CHAMPION, digest="sha256:" + "7" * 64))
    assert outcome(answer_to(SUCCEEDED, result(), followers=(other,))) == ("False", "GateRejected")


def test_a_late_approval_of_an_older_run_is_superseded() -> None:
    newer = finished_run(2, NOW, approved=True)
    assert outcome(answer_to(SUCCEEDED, result(), siblings=(newer,))) == ("False", "Superseded")


def test_a_missing_result_is_waited_for_and_then_fails_the_run() -> None:
    missing = Failure(Trouble.NOT_FOUND, "the pipeline left no evaluation.json")
    assert outcome(answer_to(SUCCEEDED, missing, NOW + MINUTE)) == ("Unknown", "Evaluating")
    assert outcome(answer_to(SUCCEEDED, missing, NOW + 2 * MINUTE)) == ("False", "EvaluationMissing")


def test_an_invalid_result_fails_the_run_and_an_unreadable_storage_does_not() -> None:
    assert outcome(answer_to(SUCCEEDED, Failure(Trouble.INVALID, "x"))) == ("False", "EvaluationInvalid")
    assert outcome(answer_to(SUCCEEDED, Failure(Trouble.UNAVAILABLE, "x"))) == ("Unknown", "ResultUnavailable")


# Leaving


def test_a_finished_run_asks_nothing_and_gives_its_finalizer_back() -> None:
    done = finished_run(1, NOW, approved=True)
    made = plan(done)
    assert (made.questions, made.status, made.finalizer) == ((), done.status, False)


def test_a_run_without_its_policy_is_stopped_before_it_is_given_up() -> None:
    (question,) = without_policy(RUNNING).questions
    assert isinstance(question, StopRun)
    answers = {question: answered(KubeflowRun("kf-1", "RUNNING", NOW))}
    assert outcome(without_policy(RUNNING, answers=answers)) == ("Unknown", "Stopping")
    answers = {question: answered(KubeflowRun("kf-1", "CANCELING", NOW))}
    assert outcome(without_policy(RUNNING, answers=answers)) == ("False", "PolicyGone")


def test_a_deleted_run_keeps_its_finalizer_until_the_pipeline_is_stopped() -> None:
    deleted = replace(RUNNING, deleted_at=NOW)
    (question,) = plan(deleted).questions
    assert plan(deleted).finalizer
    stopped = plan(deleted, answers={question: answered(KubeflowRun("kf-1", "CANCELED", NOW, NOW))})
    assert not stopped.finalizer


def test_a_deleted_run_whose_create_is_unconfirmed_is_searched_for_until_the_grace_is_over() -> None:
    deleted = replace(LAUNCHING, deleted_at=NOW)
    (question,) = plan(deleted).questions
    assert plan(deleted, answers={question: answered(NoRun(), NOW + timedelta(seconds=59))}).finalizer
    assert not plan(deleted, answers={question: answered(NoRun(), NOW + MINUTE)}).finalizer


def test_a_deleted_run_of_a_server_that_is_configured_no_more_does_not_hang() -> None:
    assert not plan(replace(RUNNING, deleted_at=NOW), servers={}).finalizer


def test_a_policy_that_cannot_be_read_neither_begins_nor_judges_a_run_but_lets_it_be_followed_and_stopped() -> None:
    broken: dict[str, Any] = {"broken": "spec.pipeline.name: must be set"}
    for waits in (run(), SUCCEEDED):
        made = without_policy(waits, **broken)
        assert outcome(made) == ("Unknown", "InvalidSpec")
        assert made.questions == ()
    assert isinstance(without_policy(RUNNING, **broken).questions[0], FollowRun)
    assert isinstance(without_policy(replace(RUNNING, deleted_at=NOW), **broken).questions[0], StopRun)


def test_a_shorter_cooldown_lets_a_waiting_run_go() -> None:
    sibling = (finished_run(0, NOW - timedelta(minutes=5)),)
    hasty = policy(limits=Limits(cooldown=timedelta(minutes=4)))
    assert plan(run(), of=hasty, siblings=sibling).status.pipeline_run.requested_at == NOW
