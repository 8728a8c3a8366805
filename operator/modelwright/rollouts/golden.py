"""Reads what a smoke check needs: where the evaluation of a model lies, and the addresses of the pods that serve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.api.parsing import parse_run
from modelwright.api.rollout import ModelRollout, SmokeCheck, Stage
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_RUN, REVISION_LABEL
from modelwright.errors import InvalidSpec
from modelwright.rollouts.observation import Approved, Golden

Object = Mapping[str, Any]


async def read_golden(cluster: Cluster, rollout: ModelRollout, approved: Approved | None) -> Golden | None:
    """The evaluation of the candidate, or of the model that comes next; None where nothing is to be checked."""
    if rollout.spec.promotion.smoke_check is not SmokeCheck.GOLDEN_ROWS:
        return None
    candidate, stage = rollout.status.candidate, rollout.status.stage
    if stage not in (None, Stage.STARTING, Stage.STEPPING, Stage.BAKING) or (candidate and candidate.weight):
        return None
    name = candidate.retrain_run if candidate else approved.retrain_run if approved else ""
    body = await cluster.get(RETRAIN_RUN, rollout.namespace, name) if name else None
    if body is None:
        return None
    try:
        run = parse_run(body)
    except InvalidSpec:
        return None
    found = run.status.evaluation
    return Golden(name, run.spec.pipeline.server, found.uri, found.digest) if found else None


def addresses_of(pods: Sequence[Object], port: str) -> dict[str, tuple[str, ...]]:
    """By revision, "host:port" of its ready pods, as their status states them."""
    found: dict[str, list[str]] = {}
    for pod in pods:
        status = pod.get("status", {})
        ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
        numbers = [
            each["containerPort"]
            for container in pod["spec"]["containers"]
            for each in container.get("ports", [])
            if each.get("name") == port
        ]
        address = status.get("podIP", "")
        if ready and numbers and address:
            host = f"[{address}]" if ":" in address else address
            found.setdefault(pod["metadata"]["labels"].get(REVISION_LABEL, ""), []).append(f"{host}:{numbers[0]}")
    return {revision: tuple(sorted(addresses)) for revision, addresses in found.items()}
