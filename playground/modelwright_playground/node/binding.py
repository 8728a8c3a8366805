"""The scheduler's part: pods that nobody bound yet are bound to this node, or told why they cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD
from modelwright_playground.node.status import timestamp

Object = Mapping[str, Any]


def wants_binding(pod: Object) -> bool:
    """Whether the default scheduler would look at this pod now."""
    spec, metadata = pod["spec"], pod["metadata"]
    return not (
        spec.get("nodeName")
        or metadata.get("deletionTimestamp")
        or spec.get("schedulingGates")
        or spec.get("schedulerName", "default-scheduler") != "default-scheduler"
        or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    )


def obstacle(pod: Object, node: Object) -> str | None:
    """Why `pod` cannot run on `node`, for its PodScheduled condition; None when it can."""
    if node["spec"].get("unschedulable"):
        return "0/1 nodes are available: 1 node(s) were unschedulable (kubectl uncordon makes it available)."
    labels = node["metadata"].get("labels") or {}
    selector = pod["spec"].get("nodeSelector") or {}
    if missing := [f"{key}={value}" for key, value in sorted(selector.items()) if labels.get(key) != value]:
        return (
            "0/1 nodes are available: 1 node(s) didn't match the pod's nodeSelector "
            f"({node['metadata']['name']} lacks {', '.join(missing)})."
        )
    return None


async def bind(cluster: Cluster, pod: Object, node_name: str) -> None:
    """Bind as a scheduler does; Conflict when somebody else was faster."""
    metadata = {key: pod["metadata"][key] for key in ("name", "namespace", "uid")}
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": metadata,
        "target": {"apiVersion": "v1", "kind": "Node", "name": node_name},
    }
    await cluster.raw("post", POD.path(metadata["namespace"], metadata["name"], "binding"), body)


async def report_obstacle(cluster: Cluster, pod: Object, message: str, now: datetime) -> None:
    """Write PodScheduled=False Unschedulable, unless it says so already."""
    others = [c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] != "PodScheduled"]
    before: Object = next(
        (c for c in (pod.get("status") or {}).get("conditions") or [] if c["type"] == "PodScheduled"), {}
    )
    if before.get("message") == message:
        return
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": message,
        "lastTransitionTime": before.get("lastTransitionTime") or timestamp(now),
    }
    metadata = {key: pod["metadata"][key] for key in ("uid", "resourceVersion")}
    body = {"metadata": metadata, "status": {"conditions": [*others, condition]}}
    await cluster.merge_patch(POD, pod["metadata"]["namespace"], pod["metadata"]["name"], body, "status")
