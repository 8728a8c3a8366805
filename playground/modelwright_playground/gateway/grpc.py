"""A GRPCRoute as the HTTPRoute that leads the same requests: a method is a path, `/service/method`. Pure."""

from __future__ import annotations

import re

from modelwright_playground.gateway.facts import Object

GRPC_ROUTE = "GRPCRoute"


def as_http(route: Object) -> Object:
    """`route`, with paths for methods where it is a GRPCRoute. All else means the same in both."""
    if route.get("kind") != GRPC_ROUTE:
        return route
    rules = [
        {**rule, "matches": [_match(match) for match in rule["matches"]]} if rule.get("matches") else rule
        for rule in route["spec"].get("rules") or ()
    ]
    return {**route, "spec": {**route["spec"], "rules": rules}}


def _match(match: Object) -> Object:
    rest = {key: value for key, value in match.items() if key != "method"}
    method = match.get("method")
    return {**rest, "path": _path(method)} if method else rest


def _path(method: Object) -> Object:
    service, name = method.get("service"), method.get("method")
    if method.get("type", "Exact") == "RegularExpression":
        return {"type": "RegularExpression", "value": f"/{service or '[^/]+'}/{name or '[^/]+'}"}
    if service and name:
        return {"type": "Exact", "value": f"/{service}/{name}"}
    if service:
        return {"type": "PathPrefix", "value": f"/{service}"}
    return {"type": "RegularExpression", "value": f"/[^/]+/{re.escape(str(name))}"}
