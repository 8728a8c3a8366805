"""Which router serves a rollout: chosen by `spec.traffic`, known to nobody else."""

from __future__ import annotations

from modelwright.api.rollout import RolloutSpec
from modelwright.cluster.keys import Kind
from modelwright.traffic.managed_route import ManagedHTTPRoute
from modelwright.traffic.router import Router

MANAGED_HTTP_ROUTE = ManagedHTTPRoute()

ROUTERS: tuple[Router, ...] = (MANAGED_HTTP_ROUTE,)


def router_for(spec: RolloutSpec) -> Router:
    return MANAGED_HTTP_ROUTE


def watched_kinds() -> tuple[Kind, ...]:
    """What any router reads, each kind once, in a fixed order."""
    return tuple(dict.fromkeys(kind for router in ROUTERS for kind in router.kinds))
