"""One pass: observe, plan, apply, write the status once, then tell.

Level-based: a pass is told which object to look at, never what happened to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from modelwright.api.parsing import parse_policy, parse_policy_status, parse_run
from modelwright.api.pipelines import Pipeline
from modelwright.api.policy import PolicySpec, RetrainPolicy
from modelwright.api.serialising import policy_status, run_status
from modelwright.cluster.access import Object
from modelwright.cluster.keys import RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.errors import InvalidSpec
from modelwright.retraining import apply
from modelwright.retraining.observe import observe_policy, observe_run
from modelwright.retraining.plan import Event, PolicyPlan, plan_policy, plan_run
from modelwright.retraining.plan.policy_plan import invalid_policy

NOTHING = PolicySpec(Pipeline(""))
LOOK_AGAIN = timedelta(seconds=30)


async def reconcile_policy(key: Key, room: Room) -> timedelta | None:
    """One pass over a RetrainPolicy; when to look again without being woken, or None.

    Raises Conflict (look again at once), Unavailable and Forbidden (look again later).
    """
    body = await room.cluster.get(RETRAIN_POLICY, key.namespace, key.name)
    if body is None:
        room.forget(key)
        return None
    try:
        policy = parse_policy(body)
    except InvalidSpec as error:
        policy = _unreadable(body)
        plan = invalid_policy(policy, error, room.now())
    else:
        plan = plan_policy(await observe_policy(key, policy, room), room.now())
    room.background.want(key, plan.questions)
    return await _carry_out(body, policy, plan, room)


async def reconcile_run(key: Key, room: Room) -> timedelta | None:
    """One pass over a RetrainRun; as reconcile_policy."""
    body = await room.cluster.get(RETRAIN_RUN, key.namespace, key.name)
    if body is None:
        room.forget(key)
        return None
    try:
        run = parse_run(body)
    except InvalidSpec as error:
        # Runs are written by us alone: this one is of a later version, or somebody made it by hand.
        await room.events.emit(body, "Warning", "InvalidSpec", str(error))
        return None
    plan = plan_run(await observe_run(key, body, run, room), room.now())
    room.background.want(key, plan.questions)
    if await apply.set_finalizer(body, plan.finalizer, room):
        return timedelta(0)
    if plan.status != run.status:
        # Before it is saved: a decision that is made again after a crash has two lines, but none is without.
        await room.audit.decided(body, run_status(plan.status), plan.events)
        await apply.write_status(RETRAIN_RUN, body, run_status(plan.status), room)
        await _tell(body, plan.events, room)
    return plan.requeue_after


async def _carry_out(body: Object, policy: RetrainPolicy, plan: PolicyPlan, room: Room) -> timedelta | None:
    if plan.create_run:
        # Before the status: a crash in between is made good by the next pass, which finds the run by its name.
        try:
            await apply.create_run(plan.create_run, room)
        except apply.NameTaken as error:
            await room.events.emit(body, "Warning", "RunNameTaken", str(error))
            return LOOK_AGAIN
    if plan.status != policy.status:
        await room.audit.decided(body, policy_status(plan.status), plan.events)
        await apply.write_status(RETRAIN_POLICY, body, policy_status(plan.status), room)
        await _tell(body, plan.events, room)
    else:
        await apply.delete_runs(plan.delete_runs, room)
    return timedelta(0) if plan.create_run else plan.requeue_after


async def _tell(body: Object, events: Iterable[Event], room: Room) -> None:
    for event in events:
        await room.events.emit(body, event.type, event.reason, event.message)


def _unreadable(body: Object) -> RetrainPolicy:
    """What can be told of a policy whose spec cannot be parsed: enough to write its status."""
    metadata = body["metadata"]
    return RetrainPolicy(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata["generation"],
        resource_version=metadata["resourceVersion"],
        spec=NOTHING,
        status=parse_policy_status(body),
    )
