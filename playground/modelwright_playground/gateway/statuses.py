"""Reports to the `status` of objects. Pure: the time is given, and what does not change keeps its old time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelwright_playground.gateway.facts import CONTROLLER, GROUP, GatewayReport, Object, RouteReport, Saying

ROUTES = ("HTTPRoute", "GRPCRoute")
ACCEPTED_CLASS = (Saying("Accepted", "True", "Accepted", "served by the playground's Envoy"),)

# What translate.py does, by the Gateway API's names and in their order. Matching headers is part of "HTTPRoute"; for
# matching them by regular expression, which Envoy does, the Gateway API has no name.
SUPPORTED_FEATURES = (
    "GRPCRoute",
    "Gateway",
    "HTTPRoute",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteMethodMatching",
    "HTTPRouteParentRefPort",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteResponseHeaderModification",
)


def class_status(item: Object, now: str) -> Object | None:
    """The GatewayClass's new status; None where the present one says it already. `now` is RFC 3339."""
    status = item.get("status") or {}
    generation = item["metadata"]["generation"]
    return _changed(
        status,
        {
            **status,
            "conditions": _conditions(status.get("conditions"), ACCEPTED_CLASS, generation, now),
            "supportedFeatures": [{"name": name} for name in SUPPORTED_FEATURES],
        },
    )


def gateway_status(report: GatewayReport, address: str, now: str) -> Object | None:
    """The Gateway's new status, which names `address`; None where the present one says it already."""
    status = report.gateway.get("status") or {}
    generation = report.gateway["metadata"]["generation"]
    before = {item["name"]: item.get("conditions") for item in status.get("listeners") or ()}
    listeners = [
        {
            "name": listener.name,
            "supportedKinds": [{"group": GROUP, "kind": kind} for kind in ROUTES] if listener.supported else [],
            "attachedRoutes": listener.attached_routes,
            "conditions": _conditions(before.get(listener.name), listener.sayings, generation, now),
        }
        for listener in report.listeners
    ]
    return _changed(
        status,
        {
            **status,
            "addresses": [{"type": "IPAddress", "value": address}],
            "conditions": _conditions(status.get("conditions"), report.sayings, generation, now),
            "listeners": listeners,
        },
    )


def route_status(report: RouteReport, now: str) -> Object | None:
    """The HTTPRoute's new status; None where the present one says it already. Other controllers' entries stay."""
    status = report.route.get("status") or {}
    generation = report.route["metadata"]["generation"]
    entries: Sequence[Object] = status.get("parents") or ()
    ours = [entry for entry in entries if entry["controllerName"] == CONTROLLER]
    if not ours and not report.parents:
        return None
    parents = [entry for entry in entries if entry["controllerName"] != CONTROLLER]
    for parent in report.parents:
        before = next((entry.get("conditions") for entry in ours if entry["parentRef"] == parent.parent_ref), None)
        parents.append(
            {
                "parentRef": parent.parent_ref,
                "controllerName": CONTROLLER,
                "conditions": _conditions(before, parent.sayings, generation, now),
            }
        )
    return _changed(status, {**status, "parents": parents})


def _conditions(before: Iterable[Object] | None, sayings: Iterable[Saying], generation: int, now: str) -> list[Object]:
    """`sayings` over `before`; conditions of other types stay."""
    known = {item["type"]: item for item in before or ()}
    for saying in sayings:
        old = known.get(saying.type)
        since = old["lastTransitionTime"] if old and old["status"] == saying.status else now
        known[saying.type] = {
            "type": saying.type,
            "status": saying.status,
            "reason": saying.reason,
            "message": saying.message,
            "observedGeneration": generation,
            "lastTransitionTime": since,
        }
    return list(known.values())


def _changed(before: Object, after: Object) -> Object | None:
    return None if _ordered(before) == _ordered(after) else after


def _ordered(status: Object) -> Object:
    """`status` with its route parents in a fixed order: theirs belongs to whoever wrote last."""
    if "parents" not in status:
        return status
    return {**status, "parents": sorted(status["parents"], key=lambda item: (item["controllerName"], str(item)))}
