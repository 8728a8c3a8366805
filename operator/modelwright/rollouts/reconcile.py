"""One pass over one ModelRollout: observe → plan → apply → one status write → events."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta

from modelwright.api.conditions import Condition, carry_over
from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import ManagedRoute, ModelRollout, RolloutStatus
from modelwright.api.serialising import rollout_status
from modelwright.cluster.access import NotInstalled, Object
from modelwright.cluster.keys import HTTP_ROUTE, MODEL_ROLLOUT, Key
from modelwright.cluster.room import Room
from modelwright.errors import InvalidSpec
from modelwright.rollouts.apply import apply
from modelwright.rollouts.neighbours import read_neighbours
from modelwright.rollouts.observe import observe
from modelwright.rollouts.plan import News, Plan, plan_rollout
from modelwright.rollouts.plan.queueing import has_begun
from modelwright.rollouts.profiled import with_profile

NOT_INSTALLED_RETRY = timedelta(seconds=15)


async def reconcile_rollout(key: Key, room: Room) -> timedelta | None:
    """Look at the rollout `key` names, and move it on. Returns when to look again, if nothing wakes it before.

    Raises Conflict (look again now), Unavailable or Forbidden (look again later).
    """
    body = await room.cluster.get(MODEL_ROLLOUT, key.namespace, key.name)
    if body is None:
        room.forget(key)
        return None
    try:
        rollout = parse_rollout(body)
    except InvalidSpec as error:
        await _stall_unparsed(room, body, "InvalidSpec", str(error))
        return None
    rollout, profile_problem = with_profile(rollout, room.configuration.profiles)
    seen = await observe(
        room.cluster,
        rollout,
        room.background.answers(key),
        room.configuration.sources,
        may_raise=room.may_raise(),
        first_pass=room.is_first_pass(key),
    )
    concurrent = room.configuration.limits.concurrent
    seen = replace(
        seen,
        profile_problem=profile_problem,
        registries=room.configuration.registries,
        webhooks=room.configuration.webhooks,
        concurrent=concurrent,
    )
    # Between looking for a free place and taking it nobody else may take it. Nothing that has begun waits here.
    async with room.turn(key.namespace) if concurrent and not has_begun(rollout.status) else nullcontext():
        seen = replace(seen, neighbours=await read_neighbours(room.cluster, rollout, concurrent))
        plan = plan_rollout(seen, room.now())
        refused = await _try(room, body, rollout, plan)
    if refused:
        return refused.again
    room.background.want(key, plan.questions)
    for news in plan.news:
        await room.events.emit(body, news.type, news.reason, news.message)
    room.remember(key)
    return plan.requeue_after


@dataclass(frozen=True)
class _Refused:
    """The API server took something not; a person was told. `again` is when to try it again, None for never."""

    again: timedelta | None = None


async def _try(room: Room, body: Object, rollout: ModelRollout, plan: Plan) -> _Refused | None:
    try:
        await _carry_out(room, body, rollout, plan)
    except InvalidSpec as error:
        if error.path:
            # KServe refused the candidate's fields. Nobody wakes us when it is another one by now.
            await _stall(room, body, rollout, "UnsupportedKServe", str(error))
            return _Refused(NOT_INSTALLED_RETRY)
        # The API server refused an object of ours, which only the user's pod template can cause.
        await _stall(room, body, rollout, "InvalidPodTemplate", error.message)
        return _Refused()
    except NotInstalled as error:
        if plan.urgent:
            raise
        needed = rollout.spec.route.kind if isinstance(rollout.spec.route, ManagedRoute) else HTTP_ROUTE.name
        await _stall(room, body, rollout, "GatewayApiNotInstalled", f"{error}: install the Gateway API, with {needed}")
        return _Refused(NOT_INSTALLED_RETRY)
    return None


async def _carry_out(room: Room, body: Object, rollout: ModelRollout, plan: Plan) -> None:
    if plan.urgent:
        # The rollback must not wait for its own record, nor the record for the rollback.
        results = await asyncio.gather(
            apply(room.cluster, rollout, plan.actions),
            _record(room, body, rollout.status, plan),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return
    await apply(room.cluster, rollout, plan.actions)
    await _record(room, body, rollout.status, plan)


async def _record(room: Room, body: Object, old: RolloutStatus, plan: Plan) -> None:
    # Before it is saved: a decision that is made again after a kill has two lines, but none is without.
    await room.audit.decided(body, rollout_status(plan.status), plan.news)
    await _save(room, body, old, plan.status)


async def _save(room: Room, body: Object, old: RolloutStatus, new: RolloutStatus) -> None:
    if new == old:
        return
    written = {
        "apiVersion": body["apiVersion"],
        "kind": body["kind"],
        "metadata": {k: body["metadata"][k] for k in ("name", "namespace", "resourceVersion")},
        "spec": body["spec"],
        "status": rollout_status(new),
    }
    await room.cluster.replace(MODEL_ROLLOUT, written, subresource="status")


async def _stall(room: Room, body: Object, rollout: ModelRollout, reason: str, message: str) -> None:
    """Say that a person is needed, once."""
    stalled = _stalled(room, rollout, reason, message)
    if stalled != rollout.status:
        await room.audit.decided(body, rollout_status(stalled), [News("Warning", reason, message)])
        await _save(room, body, rollout.status, stalled)
        await room.events.emit(body, "Warning", reason, message[:1000])


def _stalled(room: Room, rollout: ModelRollout, reason: str, message: str) -> RolloutStatus:
    generation = rollout.generation
    conditions = (
        Condition("Ready", "False", reason, message[:1000], generation),
        Condition("Stalled", "True", reason, message[:1000], generation),
    )
    return replace(
        rollout.status,
        observed_generation=generation,
        phase="Degraded",
        conditions=carry_over(conditions, rollout.status.conditions, room.now()),
    )


async def _stall_unparsed(room: Room, body: Object, reason: str, message: str) -> None:
    """The spec cannot be read: say so on top of whatever status there is, without touching the rest of it."""
    generation = body["metadata"]["generation"]
    now = room.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    old = {c["type"]: c for c in body.get("status", {}).get("conditions", [])}
    conditions = []
    for type_, status in (("Ready", "False"), ("Stalled", "True")):
        same = old.get(type_, {}).get("status") == status
        conditions.append(
            {
                "type": type_,
                "status": status,
                "reason": reason,
                "message": message[:1000],
                "observedGeneration": generation,
                "lastTransitionTime": old[type_]["lastTransitionTime"] if same else now,
            }
        )
    told = {"observedGeneration": generation, "phase": "Degraded", "conditions": conditions}
    if {**body.get("status", {}), **told} != body.get("status", {}):
        await room.audit.decided(body, told, [News("Warning", reason, message)])
        await room.cluster.merge_patch(
            MODEL_ROLLOUT, body["metadata"]["namespace"], body["metadata"]["name"], {"status": told}, "status"
        )
        await room.events.emit(body, "Warning", reason, message[:1000])


__all__ = ["News", "reconcile_rollout"]
