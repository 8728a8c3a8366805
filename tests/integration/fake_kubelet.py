"""A fake kubelet and a fake gateway for tests that need the real API server but no traffic.

They do what the playground's real ones do to the API, at once and on demand: pods get an address and become ready,
routes become accepted for their current generation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import HTTP_ROUTE, NODE, POD

FAKE_NODE = "fake-node"

_addresses = count(1)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def make_pods_ready(cluster: Cluster, namespace: str, *, except_revision: str = "") -> int:
    """Make every pod of the namespace ready, but those of `except_revision`. Returns how many are ready."""
    ready = 0
    for pod in await cluster.list(POD, namespace):
        if pod["metadata"].get("deletionTimestamp"):
            await cluster.raw("delete", POD.path(namespace, pod["metadata"]["name"]), {"gracePeriodSeconds": 0})
            continue
        if pod["metadata"]["labels"].get("modelwright.dev/revision") == except_revision:
            continue
        ready += 1
        if _is_ready(pod):
            continue
        # The controller of nodes, which hears nothing of ours, takes the readiness from pods that it sees too late.
        address = pod.get("status", {}).get("podIP") or _address()
        if not pod["spec"].get("nodeName"):
            await _bind(cluster, namespace, pod["metadata"]["name"])
        conditions = [
            {"type": type_, "status": "True", "lastTransitionTime": _now()}
            for type_ in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        ]
        status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": conditions}
        await cluster.merge_patch(POD, namespace, pod["metadata"]["name"], {"status": status}, "status")
    return ready


def _address() -> str:
    number = next(_addresses)
    return f"10.244.{200 + number // 250}.{1 + number % 250}"


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


async def _bind(cluster: Cluster, namespace: str, pod: str) -> None:
    """The EndpointSlice controller leaves out pods whose node does not exist."""
    if await cluster.get(NODE, None, FAKE_NODE) is None:
        await cluster.create(NODE, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": FAKE_NODE}})
    target = {"apiVersion": "v1", "kind": "Node", "name": FAKE_NODE}
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": pod}, "target": target}
    await cluster.raw("post", POD.path(namespace, pod, "binding"), binding)


async def accept_route(cluster: Cluster, namespace: str, name: str) -> None:
    """Answer for every parent of the route that it is accepted and resolved, at its current generation."""
    route = await cluster.get(HTTP_ROUTE, namespace, name)
    if route is None:
        return
    generation = route["metadata"]["generation"]
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": type_,
            "message": "",
            "observedGeneration": generation,
            "lastTransitionTime": _now(),
        }
        for type_ in ("Accepted", "ResolvedRefs")
    ]
    parents = [
        {"parentRef": parent, "controllerName": "modelwright.dev/fake", "conditions": conditions}
        for parent in route["spec"]["parentRefs"]
    ]
    await cluster.merge_patch(HTTP_ROUTE, namespace, name, {"status": {"parents": parents}}, "status")
