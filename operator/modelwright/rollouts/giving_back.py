"""Settles a rollout whatever its router, when the operator goes for good: weights, fields, and the finalizer.

Statuses stay as they are: an operator that comes back reads the lowered weight as somebody's word (invariant 6).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import AttachedRoute, BackendKind, InferenceServiceRoute, ManagedRoute, ModelRollout
from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import ENDPOINT_SLICE, MODEL_ROLLOUT
from modelwright.errors import Conflict, InvalidSpec, ModelwrightError
from modelwright.rollouts.observe_inference_service import observe_inference_service
from modelwright.rollouts.plan.borrowing import FINALIZER
from modelwright.rollouts.settling import (
    GAVE_UP,
    SECONDS_BETWEEN_LOOKS,
    SERVICE_NAME_LABEL,
    Settled,
    settle,
)
from modelwright.traffic.attached_route import AttachedRouter
from modelwright.traffic.backends import backends_of
from modelwright.traffic.field_managers import SETTLER
from modelwright.traffic.managed_route import KINDS as MADE
from modelwright.traffic.replica_ratio import ReplicaRatioRouter
from modelwright.traffic.route import Split, WriteRoute
from modelwright.traffic.routers import ATTACHED, KSERVE, REPLICA_RATIO


async def settle_any(cluster: Cluster, body: Object, until: float) -> Settled:
    """Take the rollout in `body` back to stable, whatever its router. `until` as for `settle`."""
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    try:
        rollout = parse_rollout(body)
    except InvalidSpec:
        # Whatever stands in its spec now, a route of its name may still hold a weight.
        found = [await settle(cluster, namespace, name, until, kind) for kind in MADE.values()]
        return next((one for one in found if not one.ok), found[0])
    if isinstance(rollout.spec.route, ManagedRoute):
        return await settle(cluster, namespace, name, until, MADE[rollout.spec.route.kind])
    try:
        async with asyncio.timeout_at(until):
            if isinstance(rollout.spec.route, InferenceServiceRoute):
                return await _give_back_service(cluster, rollout)
            return await _give_back(cluster, rollout)
    except TimeoutError:
        return Settled(namespace, name, False, GAVE_UP)
    except ModelwrightError as error:
        return Settled(namespace, name, False, str(error))


async def _give_back(cluster: Cluster, rollout: ModelRollout) -> Settled:
    router, namespace, name = _router(rollout), rollout.namespace, rollout.name
    before = await router.read(cluster, rollout)
    if before and before.split != Split():
        if not await _stable_is_ready(cluster, rollout):
            says = f"stable has no ready endpoint: the candidate keeps its {before.split}"
            return Settled(namespace, name, False, says)
        await router.write(cluster, rollout, WriteRoute(), manager=SETTLER)
        await _until_confirmed(cluster, rollout, router)
    await router.release(cluster, rollout)
    await _let_go(cluster, rollout)
    if before and before.split != Split():
        return Settled(namespace, name, True, f"all traffic is back on stable, the candidate had {before.split}")
    return Settled(namespace, name, True, "no candidate holds weight")


async def _give_back_service(cluster: Cluster, rollout: ModelRollout) -> Settled:
    """Of KServe's, not only the weight: without us the candidate's model would get all traffic with the next apply."""
    namespace, name = rollout.namespace, rollout.name
    before = (await observe_inference_service(cluster, rollout)).route
    while (seen := await observe_inference_service(cluster, rollout)).inference_service:
        if seen.route is None or seen.inference_service.facts.tidy:
            break
        if seen.route.split != Split() and not (seen.stable_service and seen.stable_service.ready):
            return Settled(namespace, name, False, f"stable is not ready: the candidate keeps its {seen.route.split}")
        if seen.route.split != Split():
            await KSERVE.write(cluster, rollout, WriteRoute(), manager=SETTLER)
        elif seen.inference_service.facts.can_tidy and seen.route.accepted:
            await KSERVE.tidy(cluster, without_candidate(rollout), manager=SETTLER)
        else:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        rollout = without_candidate(rollout) if seen.route.split == Split() and seen.route.accepted else rollout
    await KSERVE.release(cluster, rollout)
    await _let_go(cluster, rollout)
    had = before.split if before else Split()
    says = f"all traffic is back on stable, the candidate had {had}" if had != Split() else "no candidate holds weight"
    return Settled(namespace, name, True, says)


def without_candidate(rollout: ModelRollout) -> ModelRollout:
    """As it is read once its candidate has nothing any more."""
    return replace(rollout, status=replace(rollout.status, candidate=None))


def _router(rollout: ModelRollout) -> AttachedRouter | ReplicaRatioRouter:
    route = rollout.spec.route
    return ATTACHED[route.kind] if isinstance(route, AttachedRoute) else REPLICA_RATIO


async def _until_confirmed(
    cluster: Cluster, rollout: ModelRollout, router: AttachedRouter | ReplicaRatioRouter
) -> None:
    while True:
        read = await router.read(cluster, rollout)
        if read is None or (read.split == Split() and read.accepted):
            return
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


async def _let_go(cluster: Cluster, rollout: ModelRollout) -> None:
    while FINALIZER in rollout.finalizers:
        left = [one for one in rollout.finalizers if one != FINALIZER]
        guarded = [
            {"op": "test", "path": "/metadata/finalizers", "value": list(rollout.finalizers)},
            {"op": "replace", "path": "/metadata/finalizers", "value": left},
        ]
        try:
            await cluster.json_patch(MODEL_ROLLOUT, rollout.namespace, rollout.name, guarded, manager=SETTLER)
        except Conflict:
            body = await cluster.get(MODEL_ROLLOUT, rollout.namespace, rollout.name)
            if body is None:
                return
            rollout = parse_rollout(body)
        else:
            return


async def _stable_is_ready(cluster: Cluster, rollout: ModelRollout) -> bool:
    stable = backends_of(rollout).stable
    if stable.kind is not BackendKind.SERVICE:
        # A pool has no endpoints of its own to look at, and its own gateway passes over pods that are not ready.
        return True
    slices = await cluster.list(ENDPOINT_SLICE, rollout.namespace, {SERVICE_NAME_LABEL: stable.name})
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    return any(endpoint.get("conditions", {}).get("ready") for endpoint in endpoints)
