"""Past the commit point: the candidate becomes stable, forward only, without a request lost."""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.rollout import Arm
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.leaving import record
from modelwright.rollouts.plan.running import ensure_running, point
from modelwright.traffic.route import Split

SETTLE = timedelta(seconds=3)
"""How long the stable Service must hold only new pods before it gets traffic: data planes learn endpoints late."""


def plan_promotion(draft: Draft) -> None:
    """Stable Service selects the new pods → it holds only them, for a while → weights 100/0 → done."""
    new, route = draft.candidate, draft.seen.route
    draft.say(Mood.MOVING, "Promoting", f"{new.model.version} becomes stable")
    ensure_running(draft, new.revision, new.model, draft.spec.replicas)
    point(draft, "candidate", new.revision)
    point(draft, "stable", new.revision)
    service = draft.seen.stable_service
    if not service or service.revision != new.revision:
        return
    switched = service.holds_only(new.revision) and service.ready[new.revision] >= draft.spec.replicas
    # Once the weight has moved the stable Service is what serves, and its pods may come and go.
    if not switched and (route is None or route.split.serves):
        draft.change(switched_at=None)
        return
    if draft.status.switched_at is None:
        draft.change(switched_at=draft.now)
        draft.look_again(SETTLE)
        return
    left = draft.status.switched_at + SETTLE - draft.now
    if left > timedelta(0):
        draft.look_again(left)
        return
    if route is None or route.split != Split():
        draft.do(WriteRoute())
        return
    if route.accepted:
        _settle(draft)


def _settle(draft: Draft) -> None:
    old, new = draft.stable, draft.candidate
    draft.change(
        stage=None,
        stage_since=draft.now,
        stable=Arm(new.revision, new.model, 100, new.retrain_run),
        candidate=None,
        started_at=None,
        switched_at=None,
        step=None,
    )
    record(draft, new.revision, new.model.version, "Promoted")
    draft.tell("Promoted", f"{new.model.version} serves all traffic, after {old.model.version}")
    draft.look_again(draft.spec.promotion.scale_down_delay)
