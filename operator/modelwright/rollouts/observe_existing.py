"""Reads the two versions of an existing workload: who is ready behind each backend, and what its Deployment wants."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelwright.api.models import Model
from modelwright.api.rollout import Arm, Backend, BackendKind, ExistingWorkload, ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONTROLLER_REVISION, DEPLOYMENT, ENDPOINT_SLICE, ROLLOUT_LABEL
from modelwright.rollouts.observation import DeploymentSeen, Observation, ServiceSeen, StableRecord
from modelwright.rollouts.ownership import Ownership, ownership
from modelwright.rollouts.shared_servers import shared_server_in
from modelwright.traffic.backends import backends_of
from modelwright.traffic.routers import router_for

Object = Mapping[str, Any]

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


async def observe_existing(cluster: Cluster, rollout: ModelRollout) -> Observation:
    """What concerns the workload. The pods that all traffic needs are those that stable's Deployment asks for."""
    workload, status, namespace = rollout.spec.workload, rollout.status, rollout.namespace
    assert isinstance(workload, ExistingWorkload)
    backends = backends_of(rollout)
    both = (backends.stable, backends.candidate)
    names = [version.deployment if (version := workload.named(backend)) else "" for backend in both]
    route, records, deployments, ready = await asyncio.gather(
        router_for(rollout.spec).read(cluster, rollout),
        cluster.list(CONTROLLER_REVISION, namespace, {ROLLOUT_LABEL: rollout.name}),
        asyncio.gather(*(_deployment(cluster, namespace, name) for name in names)),
        asyncio.gather(*(_ready(cluster, namespace, backend) for backend in both)),
    )
    counts = [_ready_in(body) if found is None else found for found, body in zip(ready, deployments, strict=True)]
    wanted = _wanted(deployments[0]) or max(1, counts[0])
    seen = Observation(
        rollout=replace(rollout, spec=replace(rollout.spec, replicas=wanted)),
        stables=tuple(record_of(body) for body in records if ownership(body, rollout) is not Ownership.FOREIGN),
        stable_service=service_of(status.stable, counts[0]),
        route=route,
        shared_server=next(filter(None, map(_shared, deployments)), ""),
    )
    if status.candidate is None:
        return seen
    problem = _problem(deployments[1], names[1], backends.candidate)
    # While its Deployment is rolled out, some of what is ready may still be what was there before.
    count = 0 if problem and not status.candidate.weight else counts[1]
    revision, model = status.candidate.revision, status.candidate.model
    candidate = DeploymentSeen(names[1], revision, model, _wanted(deployments[1]), problem=problem)
    return replace(seen, candidate_service=service_of(status.candidate, count), deployments={revision: candidate})


async def _deployment(cluster: Cluster, namespace: str, name: str) -> Object | None:
    return await cluster.get(DEPLOYMENT, namespace, name) if name else None


async def _ready(cluster: Cluster, namespace: str, backend: Backend) -> int | None:
    """Ready endpoints of a Service. A pool has none to look at."""
    if backend.kind is not BackendKind.SERVICE:
        return None
    slices = await cluster.list(ENDPOINT_SLICE, namespace, {SERVICE_NAME_LABEL: backend.name})
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    return sum(1 for endpoint in endpoints if endpoint.get("conditions", {}).get("ready"))


def _ready_in(body: Object | None) -> int:
    return int((body or {}).get("status", {}).get("readyReplicas", 0))


def _wanted(body: Object | None) -> int:
    return int(body["spec"].get("replicas", 1)) if body else 0


def _problem(body: Object | None, name: str, backend: Backend) -> str:
    """Why the candidate is not what it has to be, "" where nothing is known to be wrong with it."""
    if body is None:
        return f"there is no Deployment '{name}'" if name else f"the spec names no Deployment behind {backend}"
    status, wanted = body.get("status", {}), _wanted(body)
    updated = int(status.get("updatedReplicas", 0))
    if status.get("observedGeneration", 0) < body["metadata"]["generation"] or updated < wanted:
        return f"Deployment '{name}' is still being rolled out"
    return ""


def _shared(body: Object | None) -> str:
    """How the pods of a Deployment share their process among models."""
    found = shared_server_in(body["spec"]["template"]) if body else ""
    return f"Deployment '{body['metadata']['name']}': {found}" if body and found else ""


def service_of(arm: Arm | None, ready: int) -> ServiceSeen | None:
    """A backend that leads to one version for good."""
    return ServiceSeen(arm.revision, {arm.revision: ready} if ready else {}) if arm else None


def record_of(body: Object) -> StableRecord:
    """A ControllerRevision as `manifests.stable_record` makes it."""
    data = body["data"]
    backend = Backend(data["backend"]["name"], BackendKind(data["backend"]["kind"]))
    return StableRecord(int(body["revision"]), Model(**data["model"]), backend)
