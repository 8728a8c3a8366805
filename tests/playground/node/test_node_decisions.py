"""Small pure decisions: back-off, probe rows, binding, addresses, quantities."""

from decimal import Decimal
from typing import Any

import pytest

from modelwright_playground.node.addresses import Addresses
from modelwright_playground.node.backoff import Backoff, restarts
from modelwright_playground.node.binding import obstacle, wants_binding
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.probes import Port, Probe, Standing
from modelwright_playground.node.quantities import parse_quantity

PROBE = Probe.parse({"httpGet": {}, "successThreshold": 2, "failureThreshold": 3}, "readinessProbe")


def test_the_first_restart_is_immediate_and_then_the_wait_doubles_up_to_five_minutes() -> None:
    backoff, waits = Backoff(), []
    for _ in range(8):
        wait, backoff = backoff.after(1.0)
        waits.append(wait)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_container_that_ran_for_ten_minutes_starts_afresh() -> None:
    _, backoff = Backoff(next_seconds=160).after(600.0)
    assert backoff == Backoff(next_seconds=10)
    assert Backoff(next_seconds=160).after(600.0)[0] == 0


@pytest.mark.parametrize(
    ("policy", "code", "expected"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 1, True), ("Never", 1, False)],
)
def test_the_restart_policy_decides_on_a_new_start(policy: str, code: int, expected: bool) -> None:
    assert restarts(policy, code) is expected


@pytest.mark.parametrize(
    ("results", "passing"),
    [
        ([True], False),
        ([True, True], True),
        ([True, False, True], False),
        ([True, True, False, False], True),
        ([True, True, False, False, False], False),
        ([True, True, False, False, True, False, False], True),
    ],
)
def test_a_probe_changes_its_verdict_only_after_a_whole_row(results: list[bool], passing: bool) -> None:
    standing = Standing(passing=False)
    for ok in results:
        standing = standing.after(ok, PROBE)
    assert standing.passing is passing


def test_a_grpc_probe_is_refused_with_what_to_use_instead() -> None:
    with pytest.raises(CannotStart, match=r"gRPC probes are not supported.*use httpGet or exec"):
        Probe.parse({"grpc": {"port": 1}}, "livenessProbe of container app")


def test_a_port_is_found_by_number_and_by_name() -> None:
    container = {"name": "app", "ports": [{"name": "http", "containerPort": 8080}]}
    assert Port.resolve(9, container) == Port(9)
    assert Port.resolve("http", container) == Port(8080)
    with pytest.raises(CannotStart, match="container app has no port named admin"):
        Port.resolve("admin", container)


@pytest.mark.parametrize(
    "pod",
    [
        {"spec": {"nodeName": "other"}},
        {"spec": {"schedulingGates": [{"name": "wait"}]}},
        {"spec": {"schedulerName": "mine"}},
        {"metadata": {"deletionTimestamp": "now"}},
        {"status": {"phase": "Failed"}},
    ],
)
def test_pods_of_other_nodes_and_schedulers_are_left_alone(pod: dict[str, Any]) -> None:
    assert wants_binding({"spec": {}, "metadata": {}})
    assert not wants_binding({"spec": {}, "metadata": {}, **pod})


def test_a_node_selector_that_does_not_match_is_explained() -> None:
    node = {"metadata": {"name": "playground", "labels": {"kubernetes.io/os": "linux"}}, "spec": {}}
    assert obstacle({"spec": {"nodeSelector": {"kubernetes.io/os": "linux"}}}, node) is None
    assert "playground lacks gpu=yes" in str(obstacle({"spec": {"nodeSelector": {"gpu": "yes"}}}, node))


def test_a_cordoned_node_takes_no_pods() -> None:
    node = {"metadata": {"name": "playground"}, "spec": {"unschedulable": True}}
    assert "uncordon" in str(obstacle({"spec": {}}, node))


def test_a_pod_keeps_its_address_and_a_free_wish_is_granted() -> None:
    addresses = Addresses(7)
    assert addresses.claim("a", "10.244.7.9") == "10.244.7.9"
    assert addresses.claim("a") == "10.244.7.9"
    assert addresses.claim("b", "10.244.7.9") == "10.244.7.2"
    assert addresses.claim("c", "10.244.8.4") == "10.244.7.3"


def test_a_released_address_is_the_last_to_be_given_again() -> None:
    addresses = Addresses(7)
    first = addresses.claim("a")
    addresses.release("a")
    later = [addresses.claim(str(number)) for number in range(253)]
    assert later[-1] == first
    with pytest.raises(CannotStart, match="all 253 addresses"):
        addresses.claim("one too many")


@pytest.mark.parametrize(
    ("text", "value"), [("500m", "0.5"), ("2", "2"), ("1.5Gi", "1610612736"), ("1e3", "1000"), ("1E", "1e18")]
)
def test_quantities_mean_what_kubernetes_means(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


def test_a_quantity_that_means_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity("lots")
