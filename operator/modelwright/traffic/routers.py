"""Which router serves a rollout: chosen by `spec.traffic`, known to nobody else."""

from __future__ import annotations

from modelwright.api.rollout import AttachedRoute, InferenceServiceRoute, ReplicaRatio, RolloutSpec
from modelwright.cluster.keys import Kind
from modelwright.traffic.attached_route import KINDS, AttachedRouter
from modelwright.traffic.kserve.router import KServeRouter
from modelwright.traffic.managed_route import KINDS as MADE
from modelwright.traffic.managed_route import ManagedRouter
from modelwright.traffic.replica_ratio import ReplicaRatioRouter
from modelwright.traffic.router import Router

MANAGED = {name: ManagedRouter(kind) for name, kind in MADE.items()}

ATTACHED = {name: AttachedRouter(kind) for name, kind in KINDS.items()}

REPLICA_RATIO = ReplicaRatioRouter()

KSERVE = KServeRouter()

ROUTERS: tuple[Router, ...] = (*MANAGED.values(), *ATTACHED.values(), KSERVE)
"""Those with something that is watched. A Service by ratio carries our label, as all Services do that are watched."""


def router_for(spec: RolloutSpec) -> Router:
    if isinstance(spec.route, AttachedRoute):
        return ATTACHED[spec.route.kind]
    if isinstance(spec.route, InferenceServiceRoute):
        return KSERVE
    if isinstance(spec.route, ReplicaRatio):
        return REPLICA_RATIO
    return MANAGED[spec.route.kind]


def watched_kinds() -> tuple[Kind, ...]:
    """What any router reads, each kind once, in a fixed order."""
    return tuple(dict.fromkeys(kind for router in ROUTERS for kind in router.kinds))
