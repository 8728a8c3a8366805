"""From the rules of one HTTPRoute to Envoy's routes."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright_playground.gateway.matching import envoy_match


def clusters(route: dict[str, Any]) -> dict[str, int]:
    return {item["name"]: item["weight"] for item in route["route"]["weighted_clusters"]["clusters"]}


def test_weights_are_passed_on_as_they_are(given: Any) -> None:
    (route,) = given.envoy_routes(given.route(rules=[given.split(stable=90, candidate=10)]))
    assert clusters(route) == {"ml.stable.80": 90, "ml.candidate.80": 10}


def test_a_backend_without_a_weight_has_weight_one(given: Any) -> None:
    (route,) = given.envoy_routes(given.route(rules=[{"backendRefs": [{"name": "stable", "port": 80}]}]))
    assert clusters(route) == {"ml.stable.80": 1}


def test_a_backend_of_weight_zero_gets_nothing_but_is_known_to_envoy(given: Any) -> None:
    translation = given.translated(given.route(rules=[given.split(stable=100, candidate=0)]))
    (host,) = translation.resources.routes["virtual_hosts"]
    assert clusters(host["routes"][0]) == {"ml.stable.80": 100}
    assert [item["name"] for item in translation.resources.clusters] == ["ml.candidate.80", "ml.stable.80"]


@pytest.mark.parametrize("rule", [{}, {"backendRefs": [{"name": "stable", "port": 80, "weight": 0}]}])
def test_a_rule_that_leads_nowhere_answers_500(given: Any, rule: dict[str, Any]) -> None:
    (route,) = given.envoy_routes(given.route(rules=[rule]))
    assert route["direct_response"] == {"status": 500}


def test_the_share_of_a_missing_service_is_answered_with_500_and_the_rest_is_served(given: Any) -> None:
    (route,) = given.envoy_routes(given.route(rules=[given.split(stable=75, ghost=25)]))
    assert clusters(route) == {"ml.stable.80": 75, "missing": 25}
    assert route["route"]["cluster_not_found_response_code"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize(
    ("mirror", "parts_per_million"),
    [({}, 1_000_000), ({"percent": 20}, 200_000), ({"fraction": {"numerator": 1, "denominator": 8}}, 125_000)],
)
def test_a_mirror_copies_its_share(given: Any, mirror: dict[str, Any], parts_per_million: int) -> None:
    mirror = {"backendRef": {"name": "candidate", "port": 80}, **mirror}
    rule = given.split(stable=1, filters=[{"type": "RequestMirror", "requestMirror": mirror}])
    (route,) = given.envoy_routes(given.route(rules=[rule]))
    (policy,) = route["route"]["request_mirror_policies"]
    assert policy["cluster"] == "ml.candidate.80"
    assert policy["runtime_fraction"]["default_value"] == {"numerator": parts_per_million, "denominator": "MILLION"}


def test_headers_are_set_added_and_removed_on_the_way_in_and_out(given: Any) -> None:
    modifier = {"set": [{"name": "a", "value": "50%"}], "add": [{"name": "b", "value": "2"}], "remove": ["c"]}
    filters = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": modifier},
        {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["d"]}},
    ]
    (route,) = given.envoy_routes(given.route(rules=[given.split(stable=1, filters=filters)]))
    assert route["request_headers_to_add"] == [
        # Envoy would take a single percent sign for the start of a variable.
        {"header": {"key": "a", "value": "50%%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
        {"header": {"key": "b", "value": "2"}, "append_action": "APPEND_IF_EXISTS_OR_ADD"},
    ]
    assert (route["request_headers_to_remove"], route["response_headers_to_remove"]) == (["c"], ["d"])


def test_a_backend_may_have_header_filters_of_its_own(given: Any) -> None:
    modifier = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "arm", "value": "b"}]}}
    rule = {"backendRefs": [{"name": "stable", "port": 80, "filters": [modifier]}]}
    (route,) = given.envoy_routes(given.route(rules=[rule]))
    (cluster,) = route["route"]["weighted_clusters"]["clusters"]
    assert cluster["response_headers_to_add"][0]["header"] == {"key": "arm", "value": "b"}


PREFIX = {"path": {"type": "PathPrefix", "value": "/v2"}}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"path": {"type": "Exact", "value": "/v2"}}, {"path": {"type": "PathPrefix", "value": "/v2/models/long"}}),
        (
            {"path": {"type": "RegularExpression", "value": "/v."}},
            {"path": {"type": "PathPrefix", "value": "/v2/long"}},
        ),
        ({"path": {"type": "PathPrefix", "value": "/v2/models"}}, {**PREFIX, "method": "GET"}),
        (
            {**PREFIX, "method": "GET"},
            {**PREFIX, "headers": [{"name": "a", "value": "1"}, {"name": "b", "value": "1"}]},
        ),
        (
            {**PREFIX, "headers": [{"name": "a", "value": "1"}]},
            {**PREFIX, "queryParams": [{"name": "q", "value": "1"}]},
        ),
        ({**PREFIX, "queryParams": [{"name": "q", "value": "1"}]}, PREFIX),
    ],
    ids=["exact path", "regular expression", "longer prefix", "method", "headers", "query parameters"],
)
def test_the_more_specific_match_goes_first_whatever_the_order_written(
    given: Any, first: dict[str, Any], second: dict[str, Any]
) -> None:
    for written in ([first, second], [second, first]):
        routes = given.envoy_routes(given.route(rules=[given.split(matches=written, stable=1)]))
        assert [route["match"] for route in routes] == [envoy_match(first), envoy_match(second)]


def test_of_equal_matches_the_older_route_wins_then_the_name_then_the_order_of_rules(given: Any) -> None:
    rules = [given.split(stable=1), given.split(candidate=1)]
    routes = given.envoy_routes(
        given.route("b-young", rules[:1], created="2026-11-02T00:00:00Z"),
        given.route("a-young", rules[:1], created="2026-11-02T00:00:00Z"),
        given.route("old", rules, created="2026-11-01T00:00:00Z"),
    )
    assert [route["name"] for route in routes] == ["ml/old/0/0", "ml/old/1/0", "ml/a-young/0/0", "ml/b-young/0/0"]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, {"prefix": "/"}),
        ({"path": {"type": "PathPrefix", "value": "/v2/"}}, {"path_separated_prefix": "/v2"}),
        ({"path": {"type": "Exact", "value": "/v2"}}, {"path": "/v2"}),
        (
            {"method": "POST", "headers": [{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]},
            {
                "prefix": "/",
                "headers": [
                    {"name": ":method", "string_match": {"exact": "POST"}},
                    {"name": "X-A", "string_match": {"exact": "1"}},
                ],
            },
        ),
        (
            {"queryParams": [{"name": "q", "type": "RegularExpression", "value": "a+"}]},
            {
                "prefix": "/",
                "query_parameters": [{"name": "q", "string_match": {"safe_regex": {"regex": "a+"}}}],
            },
        ),
    ],
    ids=["everything", "prefix by path element", "exact", "method, and the first of equal headers", "query"],
)
def test_a_match_says_the_same_to_envoy(match: dict[str, Any], expected: dict[str, Any]) -> None:
    assert envoy_match(match) == expected


def test_a_route_is_served_under_the_host_names_it_shares_with_the_listener(given: Any) -> None:
    gateway = given.gateway({"name": "http", "protocol": "HTTP", "port": 80, "hostname": "*.example.com"})
    route = given.route(rules=[given.split(stable=1)], hostnames=["a.example.com", "example.com", "b.example.org"])
    hosts = given.translated(route, gateways=(gateway,)).resources.routes["virtual_hosts"]
    assert [host["domains"] for host in hosts] == [["a.example.com"]]
