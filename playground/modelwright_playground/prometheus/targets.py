"""Pods to scrape targets, in the form of Prometheus's file-based discovery. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelwright_playground.addresses import local_address

SCRAPE = "prometheus.io/scrape"
PORT = "prometheus.io/port"
PATH = "prometheus.io/path"

# From a pod's label to the label of its series.
_LABELS = {"modelwright.dev/rollout": "rollout", "modelwright.dev/revision": "revision"}


def scrape_targets(pods: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One group per running pod that asks to be scraped and says, or declares, on which port.

    A pod that is being deleted stays: its last requests are answered, and to be counted, until it is gone.
    """
    groups = [group for pod in pods if (group := _group(pod))]
    return sorted(groups, key=lambda group: (group["labels"]["namespace"], group["labels"]["pod"]))


def _group(pod: Mapping[str, Any]) -> dict[str, Any] | None:
    metadata, status = pod["metadata"], pod.get("status") or {}
    annotations = metadata.get("annotations") or {}
    address, port = status.get("podIP"), _port(pod, annotations)
    if annotations.get(SCRAPE) != "true" or status.get("phase") != "Running" or not address or not port:
        return None
    own = metadata.get("labels") or {}
    return {
        "targets": [f"{local_address(address)}:{port}"],
        "labels": {
            "__metrics_path__": "/" + annotations.get(PATH, "/metrics").lstrip("/"),
            "namespace": metadata["namespace"],
            "pod": metadata["name"],
            **{ours: own[theirs] for theirs, ours in _LABELS.items() if own.get(theirs)},
        },
    }


def _port(pod: Mapping[str, Any], annotations: Mapping[str, str]) -> int | None:
    """The annotated port, else the first that a container declares; None when that is no port."""
    if (written := annotations.get(PORT)) is not None:
        return int(written) if written.isascii() and written.isdigit() and 0 < int(written) < 65536 else None
    containers = pod["spec"].get("containers") or ()
    return next((port["containerPort"] for item in containers for port in item.get("ports") or ()), None)
