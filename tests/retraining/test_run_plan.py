"""One run while it waits, is launched and is followed, and what happens when something on the way breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.retraining.builders import (
    CHAMPION,
    NEW_DIGEST,
    NOW,
    answered,
    finished_run,
    history,
    policy,
    rollout,
    run,
)
from tests.retraining.run_passes import LAUNCHING, MINUTE, RUNNING, answer_to, outcome, plan

from modelwright.api.rollout import Stage, State
from modelwright.api.run import PipelineRun
from modelwright.kubeflow.questions import (
    Ambiguous,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    StopRun,
    Trouble,
)

# Waiting


def test_a_run_that_nothing_holds_back_saves_its_intent_before_it_asks_anything() -> None:
    made = plan(run())
    assert made.questions == ()
    assert made.finalizer
    assert made.status.pipeline_run == PipelineRun(
        requested_at=NOW, result_uri="file:///results/ml/churn-run1/evaluation.json"
    )


@pytest.mark.parametrize(
    ("reason", "seen"),
    [
        ("Suspended", {"of": policy(state=State.SUSPENDED)}),
        ("Queued", {"siblings": (run(0, "churn-older"),)}),
        ("RolloutInProgress", {"followers": (rollout(stage=Stage.BAKING),)}),
        ("Cooldown", {"siblings": (finished_run(0, NOW - timedelta(minutes=59)),)}),
        (
            "Cooldown",
            {
                "siblings": (finished_run(0, NOW - timedelta(hours=3)),),
                "followers": (rollout(history=(history("v", "RolledBack", NOW - timedelta(minutes=59)),)),),
            },
        ),
    ],
)
def test_what_holds_a_run_back_is_the_reason_of_its_pending(reason: str, seen: dict[str, Any]) -> None:
    made = plan(run(), finalizers=(), **seen)
    assert outcome(made) == ("Unknown", reason)
    assert made.status.phase == "Pending"
    assert made.status.pipeline_run.requested_at is None
    assert not made.finalizer
    assert made.requeue_after is not None


def test_the_cooldown_ends_an_hour_after_the_last_run_if_no_rollout_came_of_it() -> None:
    made = plan(run(), siblings=(finished_run(0, NOW - timedelta(hours=1)),))
    assert made.status.pipeline_run.requested_at == NOW


def test_a_run_that_never_asked_for_a_pipeline_starts_no_cooldown() -> None:
    made = plan(run(), siblings=(finished_run(0, NOW, launched=False),))
    assert made.status.pipeline_run.requested_at == NOW


def test_two_pending_runs_do_not_wait_for_each_other() -> None:
    made = plan(run(), siblings=(run(2),))
    assert made.status.pipeline_run.requested_at == NOW


def test_a_run_about_a_champion_that_was_replaced_meanwhile_is_not_launched() -> None:
    other = rollout(stable=replace(CHAMPION, version="churn-newer", digest=NEW_DIGEST))
    assert outcome(plan(run(), followers=(other,))) == ("False", "ChampionChanged")


# Launching


def test_the_pipeline_run_is_asked_for_with_what_ties_its_result_to_us() -> None:
    (question,) = plan(LAUNCHING).questions
    assert isinstance(question, EnsureRun)
    assert question.may_create
    assert question.display_name == "churn-run1-churn-run1-uid"
    assert dict(question.required) == {
        "epochs": "20",
        "result_uri": "file:///results/ml/churn-run1/evaluation.json",
        "run_uid": "churn-run1-uid",
    }
    assert dict(question.offered)["champion_digest"] == CHAMPION.digest


def test_a_created_run_is_noted_and_followed() -> None:
    made = answer_to(LAUNCHING, KubeflowRun("kf-1", "PENDING", NOW))
    assert (made.status.phase, made.status.pipeline_run.id) == ("Running", "kf-1")
    assert [event.reason for event in made.events] == ["PipelineRunStarted"]


def test_an_intent_of_an_operator_that_is_gone_is_searched_for_until_the_grace_is_over() -> None:
    seen: dict[str, Any] = {"leading_since": NOW + timedelta(seconds=1)}
    (question,) = plan(LAUNCHING, **seen).questions
    assert isinstance(question, EnsureRun)
    assert not question.may_create
    early = answer_to(LAUNCHING, NoRun(), NOW + timedelta(seconds=59), **seen)
    assert outcome(early) == ("Unknown", "LaunchUnconfirmed")
    assert early.status.pipeline_run.requested_at == NOW
    late = answer_to(LAUNCHING, NoRun(), NOW + timedelta(seconds=60), **seen)
    assert late.status.pipeline_run.requested_at == NOW + timedelta(seconds=60)
    assert late.questions == ()


def test_after_an_ambiguous_failure_the_next_create_has_an_intent_of_its_own_after_the_grace() -> None:
    early = answer_to(LAUNCHING, Ambiguous("no answer"), NOW + timedelta(seconds=30))
    assert early.status.pipeline_run.requested_at == NOW
    late = answer_to(LAUNCHING, Ambiguous("no answer"), NOW + timedelta(seconds=60))
    assert late.status.pipeline_run.requested_at == NOW + timedelta(seconds=60)


def test_a_search_from_before_the_end_of_the_grace_does_not_end_it() -> None:
    (question,) = plan(LAUNCHING).questions
    old = {question: answered(Ambiguous("no answer"), NOW + timedelta(seconds=59))}
    made = plan(LAUNCHING, NOW + timedelta(seconds=65), answers=old)
    assert made.status.pipeline_run.requested_at == NOW


@pytest.mark.parametrize("trouble", [Trouble.UNAVAILABLE, Trouble.FORBIDDEN])
def test_a_server_that_does_not_let_us_in_now_is_asked_again(trouble: Trouble) -> None:
    made = answer_to(LAUNCHING, Failure(trouble, "no"), NOW + timedelta(hours=5))
    assert outcome(made) == ("Unknown", f"PipelineServer{trouble}")
    assert made.status.pipeline_run.requested_at == NOW


def test_what_only_a_person_can_mend_fails_the_run() -> None:
    assert outcome(answer_to(LAUNCHING, Failure(Trouble.NOT_FOUND, "x"))) == ("False", "PipelineNotFound")
    assert outcome(answer_to(LAUNCHING, Failure(Trouble.INVALID, "x"))) == ("False", "InvalidPipeline")


# Following


def test_a_running_pipeline_is_followed_first_eagerly_then_calmly() -> None:
    (young,), (old,) = plan(RUNNING, NOW + MINUTE / 2).questions, plan(RUNNING, NOW + 2 * MINUTE).questions
    assert isinstance(young, FollowRun)
    assert isinstance(old, FollowRun)
    assert (young.every, old.every) == (timedelta(seconds=2), timedelta(seconds=10))


def test_a_server_that_is_down_for_hours_changes_nothing_but_the_reason() -> None:
    made = answer_to(RUNNING, Failure(Trouble.UNAVAILABLE, "no answer"), NOW + timedelta(hours=5))
    assert outcome(made) == ("Unknown", "PipelineServerUnavailable")
    assert made.status.pipeline_run.id == "kf-1"


def test_a_run_that_vanished_is_lost_and_not_started_again() -> None:
    assert outcome(answer_to(RUNNING, NoRun())) == ("False", "PipelineRunLost")


def test_canceling_is_not_an_end() -> None:
    assert answer_to(RUNNING, KubeflowRun("kf-1", "CANCELING", NOW)).status.phase == "Running"


def test_a_run_without_a_state_keeps_the_known_one() -> None:
    made = answer_to(RUNNING, KubeflowRun("kf-1", "", NOW))
    assert made.status.pipeline_run.state == "RUNNING"


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_every_end_but_success_fails_the_run(state: str) -> None:
    made = answer_to(RUNNING, KubeflowRun("kf-1", state, NOW, NOW + MINUTE))
    assert outcome(made) == ("False", "PipelineFailed")


def test_a_timeout_stops_the_pipeline_and_waits_for_its_end() -> None:
    at = NOW + timedelta(hours=8)
    made = answer_to(RUNNING, KubeflowRun("kf-1", "RUNNING", NOW), at)
    assert StopRun("default", "kf-1", "churn-run1-churn-run1-uid", "ml") in made.questions
    assert outcome(made) == ("Unknown", "Stopping")
    ended = answer_to(RUNNING, KubeflowRun("kf-1", "CANCELED", NOW, at + MINUTE), at + MINUTE)
    assert outcome(ended) == ("False", "DeadlineExceeded")


def test_a_success_in_time_counts_even_when_it_is_seen_too_late() -> None:
    seen_at = NOW + timedelta(hours=9)
    made = answer_to(RUNNING, KubeflowRun("kf-1", "SUCCEEDED", NOW, NOW + timedelta(hours=7)), seen_at)
    assert made.status.phase == "Evaluating"
    late = answer_to(RUNNING, KubeflowRun("kf-1", "SUCCEEDED", NOW, NOW + timedelta(hours=8, minutes=1)), seen_at)
    assert outcome(late) == ("False", "DeadlineExceeded")


def test_the_oldest_of_duplicates_is_the_one_that_is_followed_on() -> None:
    made = answer_to(RUNNING, KubeflowRun("kf-0", "RUNNING", NOW))
    assert made.status.pipeline_run.id == "kf-0"
