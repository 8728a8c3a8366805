"""From Services and EndpointSlices to Envoy's clusters and endpoints."""

from __future__ import annotations

from typing import Any

import pytest


def addresses(given: Any, *slices: dict[str, Any], **others: Any) -> list[tuple[str, int]]:
    route = given.route(rules=[given.split(stable=1)])
    assignment = given.translated(route, slices=slices, **others).resources.endpoints["ml.stable.80"]
    sockets = [
        endpoint["endpoint"]["address"]["socket_address"]
        for group in assignment["endpoints"]
        for endpoint in group["lb_endpoints"]
    ]
    return [(socket["address"], socket["port_value"]) for socket in sockets]


def test_endpoints_are_where_their_processes_listen(given: Any) -> None:
    assert addresses(given, given.slice("stable", "10.244.9.3", "10.244.9.2")) == [
        ("127.244.9.2", 8080),
        ("127.244.9.3", 8080),
    ]


def test_slices_of_other_services_do_not_count(given: Any) -> None:
    assert addresses(given, given.slice("candidate", "10.244.9.3")) == []


@pytest.mark.parametrize(
    ("conditions", "used"),
    [
        ({"ready": True}, True),
        ({"serving": True}, True),
        ({"ready": False, "serving": True}, False),
        ({"ready": False, "serving": True, "terminating": True}, False),
        ({"ready": True, "serving": True, "terminating": True}, False),
    ],
    ids=["ready", "unknown is ready", "not ready", "serving while terminating", "published though not ready"],
)
def test_only_ready_endpoints_that_stay_are_used(given: Any, conditions: dict[str, bool], used: bool) -> None:
    assert bool(addresses(given, given.slice("stable", "10.244.9.2", conditions=conditions))) is used


def test_the_port_is_the_slices_port_of_the_same_name(given: Any) -> None:
    item = given.slice("stable", "10.244.9.2")
    item["ports"] = [{"name": "metrics", "port": 9000}, {"name": "http", "port": 8081}]
    assert addresses(given, item) == [("127.244.9.2", 8081)]


def test_a_port_without_a_name_is_found(given: Any) -> None:
    item = {**given.slice("stable", "10.244.9.2"), "ports": [{"port": 7000}]}
    service = given.service("stable", ports=[{"port": 80}])
    assert addresses(given, item, services=(service,)) == [("127.244.9.2", 7000)]


def test_statistics_carry_namespace_service_and_the_revision_that_the_service_selects(given: Any) -> None:
    services = (given.service("stable", "77d0aa91c2"), given.service("candidate"))
    route = given.route(rules=[given.split(stable=1, candidate=1)])
    clusters = given.translated(route, services=services).resources.clusters
    assert [item["alt_stat_name"] for item in clusters] == ["ml.candidate.none", "ml.stable.77d0aa91c2"]


def test_envoy_is_told_of_no_service_that_no_route_names(given: Any) -> None:
    assert given.translated(given.route(rules=[given.split(stable=1)])).resources.clusters[0]["name"] == "ml.stable.80"
    assert given.translated().resources.clusters == ()


def test_the_translation_does_not_depend_on_the_order_of_services_and_slices(given: Any) -> None:
    route = given.route(rules=[given.split(stable=1, candidate=1)])
    observed = given.observed(route)
    turned = given.translated(route, services=observed.services[::-1], slices=observed.slices[::-1])
    assert turned.resources == given.translated(route).resources
