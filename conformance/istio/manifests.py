"""What a team keeps in Git: a VirtualService with more in it than weights, and the ModelRollout that divides it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from tests.e2e.loop import Loop

from conformance.istio import gateway
from modelwright.traffic.shapes import MADE_BY_US
from modelwright_playground.demo.stage import HOST, Model

Object = dict[str, Any]

DOCS = {
    "name": "docs",
    "match": [{"uri": {"prefix": "/docs"}}],
    "directResponse": {"status": 200, "body": {"string": "read me"}},
}
PREDICT = {
    "name": "predict",
    "match": [{"uri": {"prefix": "/v2/"}, "method": {"regex": "GET|POST"}}, {"uri": {"exact": "/metrics"}}],
    "timeout": "20s",
    "retries": {"attempts": 2, "retryOn": "connect-failure,refused-stream"},
    "headers": {"response": {"set": {"x-mesh": "istio"}}},
}


def virtual_service() -> Object:
    route = [
        {"destination": {"host": "churn-stable", "port": {"number": 80}}, "weight": 100},
        {"destination": {"host": "churn-candidate.ml.svc.cluster.local", "port": {"number": 80}}, "weight": 0},
    ]
    http = [copy.deepcopy(DOCS), {**copy.deepcopy(PREDICT), "route": route}]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": "churn", "namespace": "ml"},
        "spec": {"hosts": [HOST], "gateways": [f"{gateway.NAMESPACE}/{gateway.NAME}"], "http": http},
    }


def release(loop: Loop, version: str, model: Model, steps: Sequence[Object]) -> Object:
    """The ModelRollout that asks for `model`; requests are counted by the pods, per revision."""
    body = loop.release(version, model)
    traffic = {"virtualService": {"attached": {"name": "churn"}}, "confirm": "ObservedShare"}
    return {**body, "spec": {**body["spec"], "traffic": traffic, "strategy": {"canary": {"steps": list(steps)}}}}


def theirs(spec: Object) -> Object:
    """`spec` of the VirtualService without what is Modelwright's to write: its entries, and the weights."""
    mine = copy.deepcopy(spec)
    mine["http"] = [entry for entry in mine["http"] if not entry["name"].startswith(MADE_BY_US)]
    for entry in mine["http"]:
        for destination in entry.get("route", []):
            del destination["weight"]
    return mine


def weights(spec: Object) -> tuple[int, int]:
    """Of stable and candidate, in the team's entry."""
    stable, candidate = next(entry for entry in spec["http"] if entry["name"] == PREDICT["name"])["route"]
    return stable["weight"], candidate["weight"]


def made(spec: Object) -> list[str]:
    """The names of Modelwright's entries."""
    return [entry["name"] for entry in spec["http"] if entry["name"].startswith(MADE_BY_US)]
