"""Reads the two versions that a KServe InferenceService runs: which they are, and what is ready of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import CONTROLLER_REVISION, ROLLOUT_LABEL
from modelwright.rollouts.observation import DeploymentSeen, InferenceServiceSeen, Observation
from modelwright.rollouts.observe_existing import record_of, service_of
from modelwright.rollouts.ownership import Ownership, ownership
from modelwright.rollouts.shared_servers import shared_server_in
from modelwright.traffic.kserve import owners
from modelwright.traffic.kserve.router import Look, look, seen
from modelwright.traffic.kserve.service import Facts, Mode, predictor_of, shared_server
from modelwright.traffic.route import RouteSeen


async def observe_inference_service(cluster: Cluster, rollout: ModelRollout) -> Observation:
    """What concerns the workload. The pods that all traffic needs are the predictor's `minReplicas`."""
    found, records = await asyncio.gather(
        look(cluster, rollout), cluster.list(CONTROLLER_REVISION, rollout.namespace, {ROLLOUT_LABEL: rollout.name})
    )
    return observation(rollout, found, await seen(cluster, rollout, found), records)


def observation(
    rollout: ModelRollout, found: Look | None, route: RouteSeen, records: Iterable[Object] = ()
) -> Observation:
    """`found` beside the arms of `rollout`."""
    status, facts = rollout.status, (found.facts if found else None) or Facts(0, None)
    stable, candidate = facts.stable, facts.candidate
    result = Observation(
        rollout=replace(rollout, spec=replace(rollout.spec, replicas=facts.replicas)),
        stables=tuple(record_of(body) for body in records if ownership(body, rollout) is not Ownership.FOREIGN),
        stable_service=service_of(status.stable, stable.ready if stable else 0),
        route=route,
        inference_service=_service(found),
        shared_server=_shared(found),
    )
    if status.candidate is None:
        return result
    revision, model = status.candidate.revision, status.candidate.model
    pods = DeploymentSeen("", revision, model, facts.placed_replicas, problem=facts.message)
    service = service_of(status.candidate, candidate.ready if candidate else 0)
    return replace(result, candidate_service=service, deployments={revision: pods})


def _service(found: Look | None) -> InferenceServiceSeen | None:
    if found is None or found.facts is None:
        return None
    return InferenceServiceSeen(
        found.body["metadata"]["name"],
        found.facts,
        git_follows=owners.git_follows(found.body),
        counts_pods=found.mode is Mode.STANDARD,
        predictor=str(predictor_of(found.body).get("name", "")),
    )


def _shared(found: Look | None) -> str:
    if found is None:
        return ""
    said = shared_server(found.body)
    in_pods = next(filter(None, (shared_server_in(body["spec"]["template"]) for body in found.deployments)), "")
    return f"InferenceService '{found.body['metadata']['name']}': {said or in_pods}" if said or in_pods else ""
