"""The downward API: what a container may learn about its own pod, as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright_playground.node.errors import config_error
from modelwright_playground.node.quantities import divided

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


@dataclass(frozen=True)
class PodFacts:
    """A pod as its containers see it. The addresses are those of the API, 10.244.s.n for the pod."""

    pod: Mapping[str, Any]
    pod_ip: str
    host_ip: str
    capacity: Mapping[str, str]


def field(facts: PodFacts, path: str) -> str:
    """The value of a fieldRef's `fieldPath`; a label or annotation that is not there is empty, as in Kubernetes."""
    metadata, spec = facts.pod["metadata"], facts.pod["spec"]
    if match := _SUBSCRIPT.fullmatch(path):
        return str((metadata.get(match.group(1)) or {}).get(match.group(2), ""))
    match path:
        case "metadata.name" | "metadata.namespace" | "metadata.uid":
            return str(metadata[path.split(".")[1]])
        case "metadata.labels" | "metadata.annotations":
            lines = (metadata.get(path.split(".")[1]) or {}).items()
            return "\n".join(f'{key}="{_escaped(value)}"' for key, value in sorted(lines))
        case "spec.nodeName" | "spec.serviceAccountName":
            return str(spec.get(path.split(".")[1], ""))
        case "status.podIP" | "status.podIPs":
            return facts.pod_ip
        case "status.hostIP" | "status.hostIPs":
            return facts.host_ip
    raise config_error(f"fieldRef {path} is not supported by the playground's node")


def resource(facts: PodFacts, reference: Mapping[str, Any], container_name: str) -> str:
    """The value of a resourceFieldRef: a limit that is not set is the node's capacity, a request its limit or 0."""
    name = reference.get("containerName") or container_name
    containers = [*facts.pod["spec"].get("initContainers", []), *facts.pod["spec"]["containers"]]
    resources = next((c.get("resources") or {} for c in containers if c["name"] == name), {})
    kind, _, what = reference["resource"].partition(".")
    if kind == "limits":
        quantity = resources.get("limits", {}).get(what) or facts.capacity.get(what, "0")
    else:
        quantity = resources.get(kind, {}).get(what) or resources.get("limits", {}).get(what, "0")
    return divided(str(quantity), str(reference.get("divisor", "1")))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
