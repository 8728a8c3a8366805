"""What the gateway of a managed route cannot do, by what its GatewayClass says of itself.

A class that lists no features says nothing: then the route is written, and its acceptance tells. The Gateway API has
no name for matching headers, which every HTTPRoute can, nor for regular expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelwright.api.rollout import ManagedRoute, ModelRollout, RolloutSpec
from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import GATEWAY, GATEWAY_CLASS, HTTP_ROUTE
from modelwright.traffic.route import MIRROR

Object = Mapping[str, Any]

MIRROR_ALL = "HTTPRouteRequestMirror"
MIRROR_SOME = "HTTPRouteRequestPercentageMirror"


def unsupported_by(gateway_class: Object, mirrors: Iterable[int]) -> frozenset[str]:
    """Of what a route with these percents of mirrored requests needs, what the class does not list."""
    # Before v1.2 of the Gateway API features were plain strings.
    listed = {
        feature["name"] if isinstance(feature, Mapping) else str(feature)
        for feature in gateway_class.get("status", {}).get("supportedFeatures") or ()
    }
    wanted = {MIRROR_ALL if percent == 100 else MIRROR_SOME for percent in mirrors if percent}
    return frozenset({MIRROR}) if listed and wanted - listed else frozenset()


def mirrors_of(spec: RolloutSpec) -> tuple[int, ...]:
    """The percents of requests that the strategy wants mirrored at any time."""
    whole = (spec.shadow.percent,) if spec.shadow else ()
    return (*whole, *(step.shadow for step in spec.steps if step.shadow))


async def unsupported(cluster: Cluster, rollout: ModelRollout) -> frozenset[str]:
    """What any Gateway of the rollout's route cannot do. Asks nobody where nothing special is wanted."""
    mirrors, missing = mirrors_of(rollout.spec), frozenset[str]()
    route = rollout.spec.route
    # For mirrors of a GRPCRoute the Gateway API has no name: its acceptance tells.
    asked = isinstance(route, ManagedRoute) and route.kind == HTTP_ROUTE.name
    parents = route.parent_refs if isinstance(route, ManagedRoute) and asked else ()
    for parent in parents if mirrors else ():
        gateway_class = await _class_of(cluster, parent.get("namespace", rollout.namespace), parent["name"])
        missing |= unsupported_by(gateway_class, mirrors)
    return missing


async def _class_of(cluster: Cluster, namespace: str, gateway: str) -> Object:
    """The class of a Gateway; an empty one where it, or the right to read it, is missing."""
    try:
        found = await cluster.get(GATEWAY, namespace, gateway)
        named = (found or {}).get("spec", {}).get("gatewayClassName", "")
        return (await cluster.get(GATEWAY_CLASS, None, named) if named else None) or {}
    except Forbidden:
        return {}
