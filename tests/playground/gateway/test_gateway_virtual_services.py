"""VirtualServices to Envoy routes: what Istio's documentation says of each field that the fake takes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.traffic.routes import to

from modelwright_playground.gateway.facts import Object

HOST = "churn.example"


def virtual_service(*http: Object, hosts: tuple[str, ...] = (HOST,), **spec: Any) -> Object:
    metadata = {"namespace": "ml", "name": "churn", "creationTimestamp": "2026-11-01T00:00:00Z"}
    return {"metadata": metadata, "spec": {"hosts": list(hosts), "http": list(http), **spec}}


def served(given: Any, *http: Object, **spec: Any) -> list[Object]:
    found: list[Object] = given.envoy_routes(virtual_services=(virtual_service(*http, **spec),), host=HOST)
    return found


def weights(route: Object) -> dict[str, int]:
    return {one["name"]: one["weight"] for one in route["route"]["weighted_clusters"]["clusters"]}


def test_entries_keep_their_order_and_come_before_routes_of_the_gateway_api(given: Any) -> None:
    wide = {"name": "wide", "route": [to("stable")]}
    narrow = {"match": [{"uri": {"exact": "/v2/models/churn/infer"}}], "route": [to("candidate")]}
    of_the_gateway_api = given.route(rules=[given.split(stable=1)], hostnames=[HOST])
    found = given.envoy_routes(of_the_gateway_api, virtual_services=(virtual_service(wide, narrow),), host=HOST)
    assert [route["match"] for route in found] == [
        {"prefix": ""},
        {"path": "/v2/models/churn/infer"},
        {"prefix": "/"},
    ]


def test_a_match_is_all_of_its_fields_and_a_prefix_one_of_characters(given: Any) -> None:
    headers = {"x-tester": {"exact": "1"}, "cookie": {"regex": "^b=1$"}, "x-plan": {"prefix": "go"}, "x-any": {}}
    matches = [
        {"uri": {"prefix": "/v2"}, "method": {"exact": "POST"}, "headers": headers},
        {"uri": {"regex": "/v3/.*"}},
    ]
    first, second = served(given, {"match": matches, "route": [to("stable")]})
    assert first["match"] == {
        "prefix": "/v2",
        "headers": [
            {"name": "x-tester", "string_match": {"exact": "1"}},
            {"name": "cookie", "string_match": {"safe_regex": {"regex": "^b=1$"}}},
            {"name": "x-plan", "string_match": {"prefix": "go"}},
            {"name": "x-any", "present_match": True},
            {"name": ":method", "string_match": {"exact": "POST"}},
        ],
    }
    assert second["match"] == {"safe_regex": {"regex": "/v3/.*"}}


def test_a_weight_left_out_is_nothing_beside_others_and_everything_alone(given: Any) -> None:
    beside, alone = served(given, {"route": [to("stable", 100), to("candidate")]}, {"route": [to("candidate")]})
    assert (weights(beside), weights(alone)) == ({"ml.stable.80": 100}, {"ml.candidate.80": 100})


@pytest.mark.parametrize("host", ["stable", "stable.ml", "stable.ml.svc", "stable.ml.svc.cluster.local"])
def test_a_destination_is_a_service_by_any_of_its_names(given: Any, host: str) -> None:
    (route,) = served(given, {"route": [to(host)]})
    assert weights(route) == {"ml.stable.80": 100}


def test_a_destination_that_is_not_there_is_answered_with_an_error_for_its_share(given: Any) -> None:
    (route,) = served(given, {"route": [to("stable", 75), to("gone", 25)]})
    assert weights(route) == {"ml.stable.80": 75, "missing": 25}


@pytest.mark.parametrize(
    ("fields", "millionths"),
    [
        ({"mirror": {"host": "candidate"}}, 1_000_000),
        ({"mirror": {"host": "candidate"}, "mirrorPercentage": {"value": 0.5}}, 5_000),
        ({"mirrors": [{"destination": {"host": "candidate"}, "percentage": {"value": 20}}]}, 200_000),
    ],
    ids=str,
)
def test_copies_are_a_percentage_and_all_where_none_is_given(given: Any, fields: Object, millionths: int) -> None:
    (route,) = served(given, {"route": [to("stable")], **fields})
    (copy,) = route["route"]["request_mirror_policies"]
    assert (copy["cluster"], copy["runtime_fraction"]["default_value"]["numerator"]) == ("ml.candidate.80", millionths)


def test_a_host_without_dots_is_a_service_of_its_own_namespace(given: Any) -> None:
    body = virtual_service({"route": [to("stable")]}, hosts=("churn",))
    hosts = given.translated(virtual_services=(body,)).resources.routes["virtual_hosts"]
    assert [host["name"] for host in hosts] == ["churn.ml", "churn.ml.svc", "churn.ml.svc.cluster.local"]


@pytest.mark.parametrize(
    "fields",
    [
        {"retries": {"attempts": 2}},
        {"route": [{"destination": {"host": "stable", "subset": "v1"}}]},
        {"route": [to("stable", 0), to("candidate")]},
        {"match": [{"uri": {"regex": "(?=x)"}}]},
        {"match": [{"headers": {"x-plan": {"prefix": ""}}}]},
        {"match": [{"sourceLabels": {"app": "front"}}]},
        {"timeout": "1h30m"},
    ],
    ids=str,
)
def test_what_the_fake_cannot_do_is_answered_with_what_it_was(given: Any, fields: Object) -> None:
    (route,) = served(given, {"route": [to("stable")]}, {"route": [to("stable")], **fields})
    assert route["direct_response"]["status"] == 501
    assert "fake Istio" in route["direct_response"]["body"]["inline_string"]
