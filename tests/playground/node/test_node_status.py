"""The status of a pod, from what its containers do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelwright_playground.node.restoring import restored
from modelwright_playground.node.status import (
    ContainerView,
    PodView,
    Running,
    State,
    Terminated,
    Waiting,
    phase,
    pod_status,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
RUNNING = Running(NOW, 42)
GOOD = Terminated(0, "Completed", NOW, NOW)
BAD = Terminated(3, "Error", NOW, NOW)
POD: dict[str, Any] = {"metadata": {"name": "p", "generation": 4}, "spec": {}}


def container(state: State, name: str = "app", **more: Any) -> ContainerView:
    return ContainerView(name, "app:1", state, **more)


def pod(*states: State, init: tuple[State, ...] = (), policy: str = "Always", **more: Any) -> PodView:
    return PodView([container(s) for s in init], [container(s) for s in states], policy, **more)


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(c for c in status["conditions"] if c["type"] == kind)


def status_of(view: PodView, before: dict[str, Any] | None = None, now: datetime = NOW, **spec: Any) -> dict[str, Any]:
    body = {**POD, "spec": spec, "status": before or {}}
    return pod_status(body, view, pod_ip="10.244.7.2", host_ip="127.244.7.1", now=now)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (pod(Waiting()), "Pending"),
        (pod(Waiting(), init=(RUNNING,)), "Pending"),
        (pod(Waiting(), init=(BAD,), policy="Never"), "Failed"),
        (pod(Waiting(), init=(BAD,)), "Pending"),
        (pod(RUNNING), "Running"),
        (pod(RUNNING, Waiting()), "Pending"),
        (pod(RUNNING, GOOD, policy="Never"), "Running"),
        (pod(GOOD, GOOD, policy="Never"), "Succeeded"),
        (pod(GOOD, BAD, policy="Never"), "Failed"),
        (pod(BAD, policy="OnFailure"), "Running"),
        (pod(GOOD, policy="OnFailure"), "Succeeded"),
        (pod(GOOD), "Running"),
        (pod(GOOD, over=True), "Succeeded"),
        (pod(BAD, over=True), "Failed"),
    ],
)
def test_the_phase_follows_the_kubelets_rules(view: PodView, expected: str) -> None:
    assert phase(view) == expected


def test_a_container_that_waits_to_start_again_keeps_the_pod_running() -> None:
    view = PodView([], [container(Waiting("CrashLoopBackOff"), last=BAD, restarts=2)], "Always")
    assert phase(view) == "Running"


def test_a_pod_is_ready_when_all_its_containers_are() -> None:
    ready = PodView([], [container(RUNNING, "a", ready=True), container(RUNNING, "b", ready=True)], "Always")
    half = replace(ready, containers=[ready.containers[0], container(RUNNING, "b")])
    assert condition(status_of(ready), "Ready")["status"] == "True"
    told = condition(status_of(half), "Ready")
    assert (told["status"], told["reason"]) == ("False", "ContainersNotReady")
    assert told["message"] == "containers with unready status: b"


def test_a_pod_that_is_being_deleted_is_not_ready_at_once() -> None:
    view = PodView([], [container(RUNNING, ready=True)], "Always", terminating=True)
    assert condition(status_of(view), "Ready")["reason"] == "PodTerminating"


def test_a_closed_readiness_gate_holds_the_pod_and_not_its_containers() -> None:
    view = PodView([], [container(RUNNING, ready=True)], "Always")
    gates = [{"conditionType": "example.com/gate"}]
    closed = status_of(view, readinessGates=gates)
    assert condition(closed, "ContainersReady")["status"] == "True"
    assert condition(closed, "Ready")["reason"] == "ReadinessGatesNotReady"
    before = {"conditions": [{"type": "example.com/gate", "status": "True"}]}
    opened = status_of(view, before, readinessGates=gates)
    assert condition(opened, "Ready")["status"] == "True"
    assert condition(opened, "example.com/gate")["status"] == "True"


def test_a_transition_time_moves_only_with_its_status() -> None:
    waiting = status_of(PodView([], [container(RUNNING)], "Always"))
    later = NOW + timedelta(minutes=1)
    still = status_of(PodView([], [container(RUNNING)], "Always"), waiting, later)
    ready = status_of(PodView([], [container(RUNNING, ready=True)], "Always"), waiting, later)
    assert condition(still, "Ready")["lastTransitionTime"] == "2026-11-21T12:00:00Z"
    assert condition(ready, "Ready")["lastTransitionTime"] == "2026-11-21T12:01:00Z"
    assert condition(ready, "PodScheduled")["lastTransitionTime"] == "2026-11-21T12:00:00Z"
    assert ready["startTime"] == "2026-11-21T12:00:00Z"


def test_the_same_view_gives_the_same_status_at_any_time() -> None:
    view = pod(RUNNING, init=(GOOD,))
    first = status_of(view)
    assert status_of(view, first, NOW + timedelta(hours=1)) == first


def test_addresses_and_generation_are_reported() -> None:
    status = status_of(pod(RUNNING))
    assert (status["podIP"], status["hostIP"], status["observedGeneration"]) == ("10.244.7.2", "127.244.7.1", 4)


def test_a_former_nodes_running_container_counts_as_killed_and_starts_again() -> None:
    before = status_of(PodView([], [container(RUNNING, restarts=1)], "Always"))["containerStatuses"][0]
    view = restored(before, "Always", NOW)
    assert view is not None
    assert isinstance(view.state, Waiting)
    assert (view.restarts, view.last) == (
        2,
        Terminated(137, "ContainerStatusUnknown", NOW, NOW, "the node was started anew"),
    )


@pytest.mark.parametrize(
    ("state", "policy", "runs_again"),
    [(RUNNING, "Never", False), (GOOD, "OnFailure", False), (BAD, "OnFailure", True), (GOOD, "Always", True)],
)
def test_a_restored_container_runs_again_only_where_its_policy_says_so(
    state: State, policy: str, runs_again: bool
) -> None:
    view = restored(status_of(pod(state))["containerStatuses"][0], policy, NOW)
    assert view is not None
    assert isinstance(view.state, Waiting) is runs_again


def test_a_container_in_back_off_keeps_its_last_end_and_counts_the_coming_start() -> None:
    waiting = container(Waiting("CrashLoopBackOff"), last=BAD, restarts=4)
    view = restored(status_of(PodView([], [waiting], "Always"))["containerStatuses"][0], "Always", NOW)
    assert view is not None
    assert (view.last, view.restarts) == (BAD, 5)


def test_a_container_that_never_ran_starts_for_the_first_time() -> None:
    view = restored(status_of(pod(Waiting("ErrImageNeverPull")))["containerStatuses"][0], "Always", NOW)
    assert view is not None
    assert (view.last, view.restarts) == (None, 0)
    assert restored(None, "Always", NOW) is None
