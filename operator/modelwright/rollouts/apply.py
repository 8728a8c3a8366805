"""Carries out a plan's actions, in order, each safe to repeat. A conflict stops the pass: read and plan again."""

from __future__ import annotations

from contextlib import suppress

from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONTROLLER_REVISION, DEPLOYMENT, MODEL_ROLLOUT, SERVICE
from modelwright.errors import Conflict
from modelwright.rollouts import manifests
from modelwright.rollouts.actions import (
    Action,
    Adopt,
    CreateDeployment,
    DeleteDeployment,
    ForgetRevision,
    PlaceModel,
    PointService,
    RecordRevision,
    RecordStable,
    ReleaseRoute,
    ScaleDeployment,
    SetFinalizer,
    TakeModel,
    TidyModel,
    WriteRoute,
)
from modelwright.rollouts.ownership import owner_reference
from modelwright.traffic.kserve.service import name_of
from modelwright.traffic.routers import KSERVE, router_for


async def apply(cluster: Cluster, rollout: ModelRollout, actions: tuple[Action, ...]) -> None:
    """Raises what `Cluster` raises; the actions after the failed one are left for the next pass."""
    for action in actions:
        await _apply_one(cluster, rollout, action)


async def _apply_one(cluster: Cluster, rollout: ModelRollout, action: Action) -> None:
    namespace = rollout.namespace
    match action:
        case Adopt(kind, name):
            owners = {"metadata": {"ownerReferences": [owner_reference(rollout)]}}
            await cluster.merge_patch(kind, namespace, name, owners)
        case RecordRevision():
            # TRAP: its data is immutable to the byte. Created, it keeps the bytes of our JSON, and the server refuses
            # every later patch, which writes its own: an adoption, and the garbage collector's with --cascade=orphan.
            with suppress(Conflict):
                await cluster.apply(CONTROLLER_REVISION, manifests.controller_revision(rollout, action), force=False)
        case RecordStable():
            with suppress(Conflict):
                await cluster.apply(CONTROLLER_REVISION, manifests.stable_record(rollout, action), force=False)
        case CreateDeployment(revision, model, template, replicas):
            body = manifests.deployment(rollout, revision, model, template, replicas)
            await cluster.create(DEPLOYMENT, body, strict=True)
        case ScaleDeployment(name, replicas):
            await cluster.merge_patch(DEPLOYMENT, namespace, name, {"spec": {"replicas": replicas}})
        case DeleteDeployment(name, uid):
            await cluster.delete(DEPLOYMENT, namespace, name, uid=uid)
        case PointService(role, revision, port):
            await cluster.apply(SERVICE, manifests.service(rollout, role, revision, port))
        case WriteRoute():
            await router_for(rollout.spec).write(cluster, rollout, action)
        case ReleaseRoute():
            await router_for(rollout.spec).release(cluster, rollout)
        case PlaceModel(revision, model, replicas):
            await KSERVE.place(cluster, rollout, model.uri, name_of(revision), replicas)
        case TakeModel():
            await KSERVE.take(cluster, rollout)
        case TidyModel():
            await KSERVE.tidy(cluster, rollout)
        case SetFinalizer(name, wanted):
            others = [one for one in rollout.finalizers if one != name]
            metadata = {
                "resourceVersion": rollout.resource_version,
                "finalizers": [*others, *([name] if wanted else [])],
            }
            await cluster.merge_patch(MODEL_ROLLOUT, namespace, rollout.name, {"metadata": metadata})
        case ForgetRevision(revision):
            await cluster.delete(CONTROLLER_REVISION, namespace, manifests.child_name(rollout, revision))
