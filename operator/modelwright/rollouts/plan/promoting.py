"""Past the commit point: the candidate becomes stable, forward only, without a request lost."""

from __future__ import annotations

from modelwright.api.rollout import Arm
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.history import record
from modelwright.rollouts.plan.running import hand_over


def plan_promotion(draft: Draft) -> None:
    draft.say(Mood.MOVING, "Promoting", f"{draft.candidate.model.version} becomes stable")
    if hand_over(draft):
        _settle(draft)


def _settle(draft: Draft) -> None:
    old, new = draft.stable, draft.candidate
    draft.change(
        stage=None,
        stage_since=draft.now,
        stable=Arm(new.revision, new.model, 100, new.retrain_run, new.backend),
        candidate=None,
        started_at=None,
        switched_at=None,
        step=None,
        shortcut=None,
        frozen=(),
    )
    record(draft, new.revision, new.model.version, "Promoted")
    draft.tell("Promoted", f"{new.model.version} serves all traffic, after {old.model.version}")
    draft.look_again(draft.spec.promotion.scale_down_delay)
