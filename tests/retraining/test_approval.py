"""A person's approval: asked after the gate, bound to what was shown, in time, by the right one, and judged again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.retraining.builders import (
    CHAMPION,
    NEW_DIGEST,
    NOW,
    OLD_DIGEST,
    answered,
    evaluation,
    finished_run,
    policy,
    rollout,
    run_seen,
)
from tests.retraining.run_passes import SUCCEEDED, outcome

from modelwright.api.approval import Approval, ApprovedBy, Required
from modelwright.api.gate import WhenNoChampion
from modelwright.api.models import Model
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.kubeflow.questions import ReadResult
from modelwright.retraining.plan import RunPlan, plan_run

HOUR = timedelta(hours=1)
FILE = "sha256:" + "f" * 64
RESULT = ReadResult(evaluation(), FILE, NEW_DIGEST)


def asking(**approval: Any) -> RetrainPolicy:
    built = policy()
    gate = replace(built.spec.gate, approval=Approval(Required.ALWAYS, **approval))
    return replace(built, spec=replace(built.spec, gate=gate))


ASKING = asking()


def plan(run: RetrainRun, at: datetime, of: RetrainPolicy = ASKING, result: Any = None, **seen: Any) -> RunPlan:
    """A pass at `at`; with a `result`, one in which the evaluation was just read."""
    first = plan_run(run_seen(run, of, **seen), at)
    if result is None or not first.questions:
        return first
    return plan_run(run_seen(run, of, answers={first.questions[0]: answered(result, at)}, **seen), at)


def waiting(of: RetrainPolicy = ASKING) -> RetrainRun:
    """The run after it passed the gate."""
    planned = plan(SUCCEEDED, NOW, of, RESULT)
    assert outcome(planned) == ("Unknown", "ApprovalRequired")
    return replace(SUCCEEDED, status=planned.status)


def commanded(
    run: RetrainRun, verb: str = "approve", *, binding: str = "", id: str = "7", actor: str = "paula"
) -> RetrainRun:
    asked = run.status.approval
    assert asked is not None
    text = f"{verb}/{id}/{binding or asked.binding}"
    return replace(run, annotations={"modelwright.dev/command": text, "modelwright.dev/actor": actor})


def test_a_model_that_passed_the_gate_waits_for_a_person_and_asks_nothing_meanwhile() -> None:
    run = waiting()
    planned = plan(run, NOW + HOUR)
    assert planned.questions == ()
    assert planned.status == run.status, "a second pass with nothing changed writes nothing"
    assert planned.requeue_after == timedelta(hours=71)


def test_a_model_that_fails_the_gate_is_not_shown_to_anybody() -> None:
    bad = ReadResult(evaluation(overlap_rows=1), FILE, NEW_DIGEST)
    assert outcome(plan(SUCCEEDED, NOW, ASKING, bad)) == ("False", "GateRejected")


def test_an_approval_lets_the_model_through_with_the_name_of_who_gave_it() -> None:
    planned = plan(commanded(waiting()), NOW + HOUR, result=RESULT)
    assert outcome(planned) == ("True", "Approved")
    approval = planned.status.approval
    assert approval is not None
    assert (approval.outcome, approval.by, approval.at, approval.digest) == (
        "Approved",
        "paula",
        NOW + HOUR,
        NEW_DIGEST,
    )


def test_before_it_counts_the_gate_is_asked_again() -> None:
    run = commanded(waiting())
    first = plan(run, NOW + HOUR)
    assert outcome(first) == ("Unknown", "Evaluating")
    worse = ReadResult(evaluation(metrics={}), FILE, NEW_DIGEST)
    assert outcome(plan(run, NOW + HOUR, result=worse)) == ("False", "GateRejected")


def test_files_that_were_exchanged_after_they_were_shown_have_to_be_approved_anew() -> None:
    other = "sha256:" + "3" * 64
    exchanged = ReadResult(evaluation(model=replace(evaluation().model, digest=other)), FILE, other)
    planned = plan(commanded(waiting()), NOW + HOUR, result=exchanged)
    assert outcome(planned) == ("Unknown", "ApprovalRequired")
    approval = planned.status.approval
    assert approval is not None
    assert (approval.digest, approval.outcome) == (other, "")
    again = plan(commanded(replace(SUCCEEDED, status=planned.status), binding="0f0f"), NOW + HOUR)
    assert outcome(again) == ("Unknown", "ApprovalRequired")


def test_a_rejection_ends_it() -> None:
    planned = plan(commanded(waiting(), "reject"), NOW + HOUR)
    assert outcome(planned) == ("False", "ApprovalDenied")
    assert planned.status.phase == "Rejected"


def test_without_an_answer_in_time_the_model_is_rejected() -> None:
    run = waiting()
    assert outcome(plan(run, NOW + 72 * HOUR - timedelta(seconds=1))) == ("Unknown", "ApprovalRequired")
    assert outcome(plan(run, NOW + 72 * HOUR)) == ("False", "ApprovalExpired")
    assert outcome(plan(commanded(run), NOW + 72 * HOUR)) == ("False", "ApprovalExpired"), "too late is too late"


def test_an_edited_time_counts_from_when_it_was_asked() -> None:
    assert outcome(plan(waiting(), NOW + 2 * HOUR, asking(expires_after=HOUR))) == ("False", "ApprovalExpired")


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ({"binding": "another"}, "about another model, evaluation or gate"),
        ({"verb": "promote"}, "with the verb approve or reject"),
        ({"id": ""}, "with the verb approve or reject"),
    ],
)
def test_an_answer_that_does_not_count_is_told_once(command: dict[str, str], says: str) -> None:
    run = commanded(waiting(), **command)
    planned = plan(run, NOW + HOUR)
    assert outcome(planned) == ("Unknown", "ApprovalRequired")
    assert planned.status.approval is not None
    assert says in planned.status.approval.message
    assert [event.reason for event in planned.events] == ["CommandRefused"]
    again = plan(replace(run, status=planned.status), NOW + HOUR)
    assert (again.status, again.events) == (planned.status, ())


def test_an_edited_gate_needs_an_answer_of_its_own() -> None:
    run = commanded(waiting())
    stricter = replace(ASKING, spec=replace(ASKING.spec, gate=replace(ASKING.spec.gate, attempts_per_data=2)))
    planned = plan(run, NOW + HOUR, stricter)
    assert planned.status.approval is not None
    assert "look again" in planned.status.approval.message
    assert planned.status.approval.binding != run.status.approval.binding  # type: ignore[union-attr]


def started_by(actor: str, run: RetrainRun) -> RetrainRun:
    evidence = tuple(replace(each, actor=actor) for each in run.spec.evidence)
    return replace(run, spec=replace(run.spec, evidence=evidence))


@pytest.mark.parametrize(
    ("by", "actor", "result"),
    [
        (ApprovedBy.NOT_REQUESTER, "alice", "ApprovalRequired"),
        (ApprovedBy.NOT_REQUESTER, "", "ApprovalRequired"),
        (ApprovedBy.NOT_REQUESTER, "paula", "Approved"),
        (ApprovedBy.ANYONE, "alice", "Approved"),
    ],
)
def test_who_started_the_run_by_hand_may_not_approve_it_where_another_has_to(
    by: ApprovedBy, actor: str, result: str
) -> None:
    of = asking(by=by)
    run = commanded(started_by("alice", waiting(of)), actor=actor)
    assert outcome(plan(run, NOW + HOUR, of, RESULT))[1] == result


def test_another_champion_ends_the_wait_at_once() -> None:
    other = (rollout(stable=Model("v2", "file:///v2", "sha256:" + "5" * 64)),)
    run = replace(waiting(), spec=replace(SUCCEEDED.spec, champion=CHAMPION))
    assert outcome(plan(run, NOW + HOUR, followers=other)) == ("False", "ChampionChanged")


def test_a_late_approval_of_an_older_run_is_superseded() -> None:
    newer = finished_run(2, NOW, approved=True)
    newer = replace(newer, status=replace(newer.status, model=Model("churn-run2", "file:///m", OLD_DIGEST)))
    planned = plan(commanded(waiting()), NOW + HOUR, result=RESULT, siblings=(newer,))
    assert outcome(planned) == ("False", "Superseded")


def test_the_first_model_needs_a_person_or_a_floor() -> None:
    built = policy()
    first = ReadResult(evaluation(champion=None, comparisons={}), FILE, NEW_DIGEST)
    run = replace(SUCCEEDED, spec=replace(SUCCEEDED.spec, champion=None))
    nobody: dict[str, Any] = {"followers": (rollout(stable=None),)}
    assert outcome(plan(run, NOW, built, first, **nobody)) == ("True", "Approved")
    comparing = replace(built.spec.gate, checks=built.spec.gate.checks[1:])
    floorless = replace(built, spec=replace(built.spec, gate=comparing))
    assert outcome(plan(run, NOW, floorless, first, **nobody)) == ("False", "GateRejected")
    gate = replace(comparing, when_no_champion=WhenNoChampion.REQUIRE_APPROVAL)
    asked = replace(built, spec=replace(built.spec, gate=gate))
    assert outcome(plan(run, NOW, asked, first, **nobody)) == ("Unknown", "ApprovalRequired")
