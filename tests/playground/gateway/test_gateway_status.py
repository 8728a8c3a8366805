"""What the gateway says about routes, Gateways and its class."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright_playground.gateway.facts import CONTROLLER, Translation
from modelwright_playground.gateway.statuses import class_status, gateway_status, route_status

NOW = "2026-11-21T10:00:00Z"
LATER = "2026-11-21T11:00:00Z"


def mirror(service: str) -> dict[str, Any]:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": service, "port": 80}}}


def test_a_route_that_envoy_serves_is_accepted_and_resolved(given: Any) -> None:
    route = given.route(rules=[given.split(stable=1)])
    assert given.conditions(route) == {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}


@pytest.mark.parametrize(
    ("ref", "reason"),
    [
        ({"name": "ghost", "port": 80}, "BackendNotFound"),
        ({"name": "stable", "port": 81}, "BackendNotFound"),
        ({"name": "stable", "port": 80, "namespace": "other"}, "RefNotPermitted"),
        ({"name": "pool", "group": "inference.networking.k8s.io", "kind": "InferencePool"}, "InvalidKind"),
    ],
)
def test_a_backend_that_cannot_be_resolved_has_its_reason(given: Any, ref: dict[str, Any], reason: str) -> None:
    assert given.conditions(given.route(rules=[{"backendRefs": [ref]}])) == {
        "Accepted": "True Accepted",
        "ResolvedRefs": f"False {reason}",
    }


def test_a_mirror_to_a_missing_service_is_not_resolved_and_the_rule_is_served_without_it(given: Any) -> None:
    route = given.route(rules=[given.split(stable=1, filters=[mirror("ghost")])])
    assert given.conditions(route)["ResolvedRefs"] == "False BackendNotFound"
    (served,) = given.envoy_routes(route)
    assert "request_mirror_policies" not in served["route"]


@pytest.mark.parametrize(
    "rule",
    [
        {"filters": [{"type": "URLRewrite", "urlRewrite": {"hostname": "a"}}]},
        {"timeouts": {"request": "1s"}},
        {"matches": [{"path": {"type": "RegularExpression", "value": "/(?=x)"}}]},
        {"matches": [{"path": {"type": "RegularExpression", "value": "/("}}]},
        {"matches": [{"headers": [{"name": "a", "type": "RegularExpression", "value": "(.)\\1"}]}]},
        {"filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["Host"]}}]},
        {"backendRefs": [{"name": "stable", "port": 80, "filters": [mirror("candidate")]}]},
    ],
    ids=["rewrite", "timeouts", "look-ahead", "broken regex", "back-reference", "host header", "mirror of one backend"],
)
def test_what_is_not_supported_is_refused_loudly_and_not_half_served(given: Any, rule: dict[str, Any]) -> None:
    route = given.route(rules=[{**given.split(stable=1), **rule}])
    assert given.conditions(route)["Accepted"] == "False UnsupportedValue"
    assert given.envoy_routes(route) == []


@pytest.mark.parametrize(
    ("listener", "spec", "reason"),
    [
        ({}, {"parentRefs": [{"name": "public", "sectionName": "grpc"}]}, "NoMatchingParent"),
        ({}, {"parentRefs": [{"name": "public", "port": 81}]}, "NoMatchingParent"),
        ({"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}, {}, "NotAllowedByListeners"),
        ({"hostname": "a.example"}, {"hostnames": ["b.example"]}, "NoMatchingListenerHostname"),
    ],
)
def test_a_route_that_no_listener_takes_is_told_why(
    given: Any, listener: dict[str, Any], spec: dict[str, Any], reason: str
) -> None:
    gateway = given.gateway({"name": "http", "protocol": "HTTP", "port": 80, **listener})
    route = given.route(rules=[given.split(stable=1)], **spec)
    assert given.conditions(route, gateways=(gateway,))["Accepted"] == f"False {reason}"
    assert given.envoy_routes(route, gateways=(gateway,)) == []


@pytest.mark.parametrize(
    ("allowed", "accepted"),
    [
        ({}, False),
        ({"from": "All"}, True),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "risk"}}}, True),
        (
            {
                "from": "Selector",
                "selector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["risk"]}]},
            },
            False,
        ),
    ],
    ids=["same namespace by default", "all", "selected", "not selected"],
)
def test_routes_of_other_namespaces_need_the_listeners_leave(given: Any, allowed: Any, accepted: bool) -> None:
    listener = {"name": "http", "protocol": "HTTP", "port": 80, "allowedRoutes": {"namespaces": allowed}}
    namespaces = ({"metadata": {"name": "other", "labels": {"team": "risk"}}},)
    found = given.conditions(given.route(namespace="other"), gateways=(given.gateway(listener),), namespaces=namespaces)
    assert found["Accepted"] == ("True Accepted" if accepted else "False NotAllowedByListeners")


def test_nothing_is_said_about_routes_and_gateways_of_other_controllers(given: Any) -> None:
    translation = given.translated(given.route(), classes=(given.gateway_class("somebody.else/controller"),))
    assert (translation.classes, translation.gateways) == ((), ())
    assert route_status(translation.routes[0], NOW) is None


def test_a_gateway_counts_the_routes_on_each_listener(given: Any) -> None:
    gateway = given.gateway(
        {"name": "http", "protocol": "HTTP", "port": 80}, {"name": "tls", "protocol": "HTTPS", "port": 443}
    )
    routes = [
        given.route("one", parentRefs=[{"name": "public"}, {"name": "public", "sectionName": "http"}]),
        given.route("two"),
    ]
    (report,) = given.translated(*routes, gateways=(gateway,)).gateways
    status = gateway_status(report, "127.0.0.1", NOW)
    assert status is not None
    assert status["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    assert [(item["name"], item["attachedRoutes"]) for item in status["listeners"]] == [("http", 2), ("tls", 0)]
    by_listener = [
        {item["type"]: item["reason"] for item in listener["conditions"]}["Accepted"]
        for listener in status["listeners"]
    ]
    assert by_listener == ["Accepted", "UnsupportedProtocol"]


def test_a_gateway_without_a_listener_that_can_be_served_is_not_accepted(given: Any) -> None:
    gateway = given.gateway({"name": "tls", "protocol": "HTTPS", "port": 443})
    (report,) = given.translated(gateways=(gateway,)).gateways
    assert {saying.type: saying.status for saying in report.sayings} == {"Accepted": "False", "Programmed": "False"}


def told(translation: Translation, now: str) -> dict[str, Any]:
    status = route_status(translation.routes[0], now)
    assert status is not None
    return status


def test_every_condition_of_a_route_names_the_generation_it_is_about(given: Any) -> None:
    status = told(given.translated(given.route(rules=[given.split(stable=1)], generation=7)), NOW)
    (entry,) = status["parents"]
    assert entry["parentRef"] == {"name": "public", "namespace": "ml"}
    assert {(item["type"], item["observedGeneration"]) for item in entry["conditions"]} == {
        ("Accepted", 7),
        ("ResolvedRefs", 7),
    }


def test_a_status_that_says_it_already_is_not_written_again(given: Any) -> None:
    route = given.route(rules=[given.split(stable=1)])
    route["status"] = told(given.translated(route), NOW)
    assert route_status(given.translated(route).routes[0], LATER) is None


def test_a_conditions_time_changes_only_with_its_status(given: Any) -> None:
    route = given.route(rules=[given.split(stable=1)])
    status = told(given.translated(route), NOW)
    changed = {**given.route(rules=[given.split(ghost=1)], generation=2), "status": status}
    (entry,) = told(given.translated(changed), LATER)["parents"]
    assert {item["type"]: item["lastTransitionTime"] for item in entry["conditions"]} == {
        "Accepted": NOW,
        "ResolvedRefs": LATER,
    }


def test_what_other_controllers_said_stays(given: Any) -> None:
    theirs = {"controllerName": "somebody.else/controller", "parentRef": {"name": "public"}, "conditions": []}
    route = {**given.route(rules=[given.split(stable=1)]), "status": {"parents": [theirs]}}
    controllers = [entry["controllerName"] for entry in told(given.translated(route), NOW)["parents"]]
    assert controllers == ["somebody.else/controller", CONTROLLER]


def test_a_route_that_left_our_gateway_loses_our_words_only(given: Any) -> None:
    theirs = {"controllerName": "somebody.else/controller", "parentRef": {"name": "x"}, "conditions": []}
    ours = {"controllerName": CONTROLLER, "parentRef": {"name": "public"}, "conditions": []}
    route = {**given.route(parentRefs=[{"name": "x"}]), "status": {"parents": [ours, theirs]}}
    assert told(given.translated(route), NOW)["parents"] == [theirs]


def test_our_class_is_accepted_once(given: Any) -> None:
    item = given.gateway_class()
    status = class_status(item, NOW)
    assert status is not None
    assert class_status({**item, "status": status}, LATER) is None


def test_the_class_names_its_features_in_their_order(given: Any) -> None:
    status = class_status(given.gateway_class(), NOW)
    assert status is not None
    names = [item["name"] for item in status["supportedFeatures"]]
    assert "HTTPRouteRequestPercentageMirror" in names
    assert names == sorted(set(names))
