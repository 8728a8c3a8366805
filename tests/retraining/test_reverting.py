"""A trigger that asks rollouts to leave the champion for the model before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.retraining.builders import CHAMPION, NOW, TRIGGER, counts, history, policy, rollout
from tests.retraining.passes import BAD, after, condition, look

from modelwright.api.conditions import Condition
from modelwright.api.limits import Limits
from modelwright.api.policy import ApprovedModel, PolicyStatus, RetrainPolicy, Reverted
from modelwright.api.rollout import (
    HistoryEntry,
    InferenceServiceRoute,
    InferenceServiceWorkload,
    ModelRollout,
    Rejection,
    Stage,
    State,
)
from modelwright.api.triggers import Action
from modelwright.retraining.plan import PolicyPlan

REGRET = replace(TRIGGER, name="regret", action=Action.REVERT, within=timedelta(days=14))
BEFORE = HistoryEntry("0ld0ld0ld0", "churn-older", "Promoted", NOW - timedelta(days=30))
DUE = NOW + timedelta(minutes=10)


def subject(**spec: object) -> RetrainPolicy:
    approved = ApprovedModel(41, CHAMPION, CHAMPION.version)
    return replace(policy(triggers=(REGRET,), **spec), status=PolicyStatus(approved=approved))


def promoted(at: datetime, *entries: HistoryEntry, **status: Any) -> ModelRollout:
    return rollout(history=(history(CHAMPION.version, "Promoted", at), *entries), **status)


def decided(follower: ModelRollout, policy: RetrainPolicy | None = None) -> PolicyPlan:
    seen = {"followers": (follower,)}
    first = look(policy or subject(), NOW, counts(*BAD), **seen)
    return look(after(policy or subject(), first), DUE, counts(*BAD), **seen)


def test_a_regretted_champion_is_to_be_left_and_no_run_is_created() -> None:
    plan = decided(promoted(NOW - timedelta(days=3), BEFORE))
    assert plan.create_run is None
    assert plan.status.reverted == Reverted(
        41, CHAMPION.version, CHAMPION.digest, "regret", "regret: 0.8, needed ≥ 0.90", DUE
    )
    assert [(event.type, event.reason) for event in plan.events if event.reason != "TriggerFiring"] == [
        ("Warning", "RevertAsked")
    ]


def test_what_an_inference_service_served_before_its_first_rollout_is_something_to_go_back_to() -> None:
    follower = promoted(NOW - timedelta(days=3))
    spec = replace(follower.spec, workload=InferenceServiceWorkload("fraud"), route=InferenceServiceRoute("fraud"))
    assert decided(replace(follower, spec=spec)).status.reverted is not None


def test_it_is_asked_once_for_a_promotion() -> None:
    follower = promoted(NOW - timedelta(days=3), BEFORE)
    first = decided(follower)
    again = look(after(subject(), first), DUE + timedelta(hours=1), counts(*BAD), followers=(follower,))
    assert again.status.reverted == first.status.reverted
    assert condition(again, "Retraining") == ("False", "Reverting")
    assert again.events == ()


def test_a_model_before_that_was_rejected_is_none_to_go_back_to() -> None:
    back = NOW - timedelta(days=1)
    rejected = Rejection(BEFORE.revision, "", back, "wrong: 0.3, needed ≤ 0.2", BEFORE.version)
    plan = decided(promoted(back, BEFORE, rejected=(rejected,)))
    assert plan.status.reverted is None
    assert condition(plan, "Retraining") == ("False", "NoPreviousModel")
    assert plan.status.pending is not None
    assert "churn-older, which served before churn-old, was rejected" in plan.status.pending.message


def test_an_order_that_a_rollout_cannot_follow_is_told_as_that() -> None:
    follower = promoted(NOW - timedelta(days=3), BEFORE)
    first = decided(follower)
    assert first.status.reverted is not None
    cannot = Condition("Progressing", "True", "NoPreviousModel", "no model that served before it is recorded", 1)
    told = replace(follower, status=replace(follower.status, conditions=(cannot,)))
    again = look(after(subject(), first), DUE + timedelta(hours=1), counts(*BAD), followers=(told,))
    assert condition(again, "Retraining") == ("False", "NoPreviousModel")
    assert again.status.reverted == first.status.reverted


def test_the_order_is_never_older_than_the_promotion_that_it_is_about() -> None:
    since = DUE + timedelta(milliseconds=400)
    follower, hasty = promoted(since, BEFORE), subject(limits=Limits())
    first = look(hasty, NOW, counts(*BAD), followers=(follower,))
    plan = look(after(hasty, first), DUE + timedelta(milliseconds=700), counts(*BAD), followers=(follower,))
    assert plan.status.reverted is not None
    assert plan.status.reverted.at == since


def test_a_model_that_was_promoted_again_can_be_reverted_again() -> None:
    first = decided(promoted(NOW - timedelta(days=3), BEFORE))
    follower = promoted(DUE + timedelta(hours=1), BEFORE)
    again = look(after(subject(), first), DUE + timedelta(hours=2), counts(*BAD), followers=(follower,))
    assert again.status.reverted is not None
    assert again.status.reverted.at == DUE + timedelta(hours=2)


@pytest.mark.parametrize(
    ("follower", "state", "reason"),
    [
        (promoted(NOW - timedelta(days=15), BEFORE), State.ACTIVE, "TooLateToRevert"),
        (promoted(NOW - timedelta(days=3)), State.ACTIVE, "NoPreviousModel"),
        (rollout(), State.ACTIVE, "NoPreviousModel"),
        (promoted(NOW - timedelta(days=3), BEFORE), State.SUSPENDED, "Suspended"),
        (promoted(NOW - timedelta(days=3), BEFORE, stage=Stage.STEPPING), State.ACTIVE, "RolloutInProgress"),
        (promoted(NOW, BEFORE), State.ACTIVE, "Settling"),
    ],
)
def test_what_keeps_it_from_reverting_is_told(follower: ModelRollout, state: State, reason: str) -> None:
    plan = decided(follower, subject(state=state))
    assert plan.status.reverted is None
    assert condition(plan, "Retraining") == ("False", reason)
    assert plan.status.pending is not None
    assert plan.status.pending.reason == reason
