"""What is written to a pod's status. Pure: everything observed comes in, a dictionary comes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelwright_playground.node.backoff import restarts

Object = dict[str, Any]


@dataclass(frozen=True)
class Waiting:
    reason: str = "ContainerCreating"
    message: str = ""


@dataclass(frozen=True)
class Running:
    started_at: datetime
    pid: int


@dataclass(frozen=True)
class Terminated:
    exit_code: int
    reason: str
    started_at: datetime | None
    finished_at: datetime
    message: str = ""


State = Waiting | Running | Terminated


@dataclass(frozen=True)
class ContainerView:
    """One container now. `last` is how its previous run ended; `ready` and `started` are what its probes say."""

    name: str
    image: str
    state: State
    last: Terminated | None = None
    restarts: int = 0
    ready: bool = False
    started: bool = False


@dataclass(frozen=True)
class PodView:
    init: Sequence[ContainerView]
    containers: Sequence[ContainerView]
    restart_policy: str
    terminating: bool = False
    over: bool = False
    """Every process has ended for good, because the pod is being deleted."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as metav1.Time writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def phase(view: PodView) -> str:
    """Pending, Running, Succeeded or Failed, by the kubelet's rules."""
    if view.over:
        clean = all(isinstance(c.state, Terminated) and c.state.exit_code == 0 for c in view.containers)
        return "Succeeded" if clean else "Failed"
    failed = [c for c in view.init if isinstance(c.state, Terminated) and c.state.exit_code != 0]
    if failed and view.restart_policy == "Never":
        return "Failed"
    if not initialized(view):
        return "Pending"
    if any(isinstance(c.state, Waiting) and c.last is None for c in view.containers):
        return "Pending"
    ended = [c.state for c in view.containers if isinstance(c.state, Terminated)]
    if len(ended) < len(view.containers) or any(restarts(view.restart_policy, end.exit_code) for end in ended):
        return "Running"
    return "Succeeded" if all(end.exit_code == 0 for end in ended) else "Failed"


def initialized(view: PodView) -> bool:
    return all(isinstance(c.state, Terminated) and c.state.exit_code == 0 for c in view.init)


def pod_status(pod: Mapping[str, Any], view: PodView, *, pod_ip: str, host_ip: str, now: datetime) -> Object:
    """The status to write. Conditions that others own stay; a transition time moves only with its status."""
    previous = pod.get("status") or {}
    current = phase(view)
    status: Object = {
        "phase": current,
        "startTime": previous.get("startTime") or timestamp(now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "podIP": pod_ip,
        "podIPs": [{"ip": pod_ip}],
        "containerStatuses": [_container(c, is_init=False) for c in view.containers],
        "conditions": _conditions(pod, view, current, now),
    }
    if view.init:
        status["initContainerStatuses"] = [_container(c, is_init=True) for c in view.init]
    if generation := pod["metadata"].get("generation"):
        status["observedGeneration"] = generation
    return status


def _conditions(pod: Mapping[str, Any], view: PodView, current: str, now: datetime) -> list[Object]:
    previous = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or []}
    ready = _readiness(view, current)
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    closed = [gate for gate in gates if previous.get(gate, {}).get("status") != "True"]
    pod_ready = ready
    if ready[0] and closed:
        pod_ready = (False, "ReadinessGatesNotReady", f"readiness gates not True: {', '.join(closed)}")
    init_waits = [c.name for c in view.init if not (isinstance(c.state, Terminated) and c.state.exit_code == 0)]
    ours = {
        "PodReadyToStartContainers": (True, "", ""),
        "PodScheduled": (True, "", ""),
        "Initialized": (
            (False, "ContainersNotInitialized", f"init containers not completed: {', '.join(init_waits)}")
            if init_waits
            else (True, "PodCompleted" if current == "Succeeded" else "", "")
        ),
        "ContainersReady": ready,
        "Ready": pod_ready,
    }
    written = [_condition(previous.get(kind), kind, *value, now) for kind, value in ours.items()]
    return [c for kind, c in previous.items() if kind not in ours] + written


def _readiness(view: PodView, current: str) -> tuple[bool, str, str]:
    if current == "Succeeded":
        return False, "PodCompleted", ""
    if current == "Failed":
        return False, "PodFailed", ""
    if view.terminating:
        return False, "PodTerminating", "the pod is being deleted"
    unready = [c.name for c in view.containers if not c.ready]
    if unready:
        return False, "ContainersNotReady", f"containers with unready status: {', '.join(unready)}"
    return True, "", ""


def _condition(before: Object | None, kind: str, true: bool, reason: str, message: str, now: datetime) -> Object:
    status = "True" if true else "False"
    unchanged = before is not None and before.get("status") == status
    since = before["lastTransitionTime"] if before and unchanged and before.get("lastTransitionTime") else None
    condition: Object = {"type": kind, "status": status, "lastTransitionTime": since or timestamp(now)}
    return condition | {key: text for key, text in (("reason", reason), ("message", message)) if text}


def _container(view: ContainerView, *, is_init: bool) -> Object:
    done = isinstance(view.state, Terminated) and view.state.exit_code == 0
    status: Object = {
        "name": view.name,
        "image": view.image,
        "imageID": f"playground://{view.image}",
        "ready": done if is_init else view.ready,
        "started": view.started,
        "restartCount": view.restarts,
        "state": _state(view.state),
        "lastState": _state(view.last) if view.last else {},
    }
    if isinstance(view.state, Running):
        status["containerID"] = f"process://{view.state.pid}"
    return status


def _state(state: State) -> Object:
    match state:
        case Waiting():
            return {"waiting": {"reason": state.reason} | ({"message": state.message} if state.message else {})}
        case Running():
            return {"running": {"startedAt": timestamp(state.started_at)}}
        case Terminated():
            ended: Object = {
                "exitCode": state.exit_code,
                "reason": state.reason,
                "startedAt": timestamp(state.started_at) if state.started_at else None,
                "finishedAt": timestamp(state.finished_at),
            }
            return {"terminated": ended | ({"message": state.message} if state.message else {})}
