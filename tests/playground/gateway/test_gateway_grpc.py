"""GRPCRoutes at the playground's gateway: methods become paths, and everything else is as in an HTTPRoute."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright_playground.gateway.grpc import as_http

SERVICE = "inference.GRPCInferenceService"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ({"service": SERVICE, "method": "ModelInfer"}, {"type": "Exact", "value": f"/{SERVICE}/ModelInfer"}),
        ({"type": "Exact", "service": SERVICE}, {"type": "PathPrefix", "value": f"/{SERVICE}"}),
        ({"method": "ModelInfer"}, {"type": "RegularExpression", "value": "/[^/]+/ModelInfer"}),
        (
            {"type": "RegularExpression", "service": "inference[.].*"},
            {"type": "RegularExpression", "value": "/inference[.].*/[^/]+"},
        ),
    ],
    ids=["service and method", "service", "method", "expression"],
)
def test_a_method_is_a_path(given: Any, method: dict[str, str], path: dict[str, str]) -> None:
    headers = [{"name": "x-tester", "value": "1"}]
    rule = given.split(stable=1, matches=[{"method": method, "headers": headers}, {"headers": headers}])
    grpc = {**given.route(rules=[rule]), "kind": "GRPCRoute"}
    assert as_http(grpc)["spec"]["rules"][0]["matches"] == [{"path": path, "headers": headers}, {"headers": headers}]


def test_servers_behind_one_are_spoken_to_as_the_client_speaks(given: Any) -> None:
    rules = [given.split(stable=1)]
    for kind, option in (("GRPCRoute", "use_downstream_protocol_config"), ("HTTPRoute", "explicit_http_config")):
        (cluster,) = given.translated({**given.route(rules=rules), "kind": kind}).resources.clusters
        (options,) = cluster["typed_extension_protocol_options"].values()
        assert option in options


def test_a_listener_may_allow_http_routes_only(given: Any) -> None:
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"kinds": [{"kind": "HTTPRoute"}]}}
    grpc = {**given.route(rules=[given.split(stable=1)]), "kind": "GRPCRoute"}
    said = given.conditions(grpc, gateways=(given.gateway(listener),))
    assert said["Accepted"] == "False NotAllowedByListeners"
