"""Reads everything a rollout's plan depends on, freshly, from the API server. Never waits for anything else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelwright.api.models import Model
from modelwright.api.parsing import parse_policy, parse_rollout_status, parse_run
from modelwright.api.rollout import ExistingWorkload, InferenceServiceWorkload, ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    MODEL_ROLLOUT,
    POD,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    REVISION_LABEL,
    ROLLOUT_LABEL,
    SERVICE,
)
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource
from modelwright.rollouts.actions import Adopt
from modelwright.rollouts.chains import read_chain
from modelwright.rollouts.golden import addresses_of, read_golden
from modelwright.rollouts.manifests import DIGEST_ANNOTATION, URI_ANNOTATION, VERSION_ANNOTATION
from modelwright.rollouts.observation import (
    Approved,
    DeploymentSeen,
    Observation,
    RecordedRevision,
    ServiceSeen,
)
from modelwright.rollouts.observe_existing import observe_existing
from modelwright.rollouts.observe_inference_service import observe_inference_service
from modelwright.rollouts.ownership import Ownership, ownership
from modelwright.traffic.backends import candidate_service, stable_service
from modelwright.traffic.routers import router_for

Object = Mapping[str, Any]

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


async def observe(
    cluster: Cluster,
    rollout: ModelRollout,
    answers: Mapping[Any, Answer],
    sources: Mapping[str, MetricSource],
    *,
    may_raise: bool,
    first_pass: bool,
) -> Observation:
    """One complete observation. Raises Unavailable or Forbidden where any part of it could not be read."""
    if isinstance(rollout.spec.workload, ExistingWorkload):
        found = await observe_existing(cluster, rollout)
        return replace(found, answers=answers, sources=sources, may_raise=may_raise, first_pass=first_pass)
    if isinstance(rollout.spec.workload, InferenceServiceWorkload):
        found = await observe_inference_service(cluster, rollout)
        exists, approved = await _approved(cluster, rollout)
        found = replace(found, policy_exists=exists, approved=approved)
        return replace(found, answers=answers, sources=sources, may_raise=may_raise, first_pass=first_pass)
    namespace, name = rollout.namespace, rollout.name
    labels = {ROLLOUT_LABEL: name}
    services = (stable_service(name), candidate_service(name))
    deployments, revisions, pods, stable_slices, candidate_slices = await asyncio.gather(
        cluster.list(DEPLOYMENT, namespace, labels),
        cluster.list(CONTROLLER_REVISION, namespace, labels),
        cluster.list(POD, namespace, labels),
        *(cluster.list(ENDPOINT_SLICE, namespace, {SERVICE_NAME_LABEL: service}) for service in services),
    )
    route, stable, candidate = await asyncio.gather(
        router_for(rollout.spec).read(cluster, rollout),
        cluster.get(SERVICE, namespace, services[0]),
        cluster.get(SERVICE, namespace, services[1]),
    )
    policy_exists, approved = await _approved(cluster, rollout)
    revision_of_pod = {pod["metadata"]["name"]: _revision(pod) for pod in pods}
    problems = _problems(pods)
    named = [(kind, body) for kind, body in ((SERVICE, stable), (SERVICE, candidate)) if body]
    listed = [(DEPLOYMENT, body) for body in deployments] + [(CONTROLLER_REVISION, body) for body in revisions]
    owned = [_deployment(body, problems) for body in deployments if not _is_foreign(body, rollout)]
    recorded = [_recorded(body) for body in revisions if not _is_foreign(body, rollout)]
    return Observation(
        rollout=rollout,
        policy_exists=policy_exists,
        approved=approved,
        chain=await read_chain(cluster, rollout),
        deployments={deployment.revision: deployment for deployment in owned},
        recorded={record.revision: record for record in recorded},
        stable_service=_service(stable, stable_slices, revision_of_pod),
        candidate_service=_service(candidate, candidate_slices, revision_of_pod),
        route=route,
        orphans=tuple(
            Adopt(kind, _name(body))
            for kind, body in [*named, *listed]
            if ownership(body, rollout) is Ownership.ORPHANED
        )
        + tuple(Adopt(kind, orphan) for kind, orphan in (route.orphaned if route else ())),
        foreign=tuple(f"{kind.name} {_name(body)}" for kind, body in named if _is_foreign(body, rollout))
        + (route.foreign if route else ()),
        golden=await read_golden(cluster, rollout, approved),
        addresses=addresses_of(pods, rollout.spec.workload.port),
        answers=answers,
        sources=sources,
        may_raise=may_raise,
        first_pass=first_pass,
    )


async def _approved(cluster: Cluster, rollout: ModelRollout) -> tuple[bool, Approved | None]:
    source = rollout.spec.model_from
    if source is None:
        return False, None
    if source.model_rollout:
        return await _promoted(cluster, rollout.namespace, source.model_rollout.name)
    if not source.retrain_policy:
        return False, None
    body = await cluster.get(RETRAIN_POLICY, rollout.namespace, source.retrain_policy)
    if body is None:
        return False, None
    try:
        status = parse_policy(body).status
        approved, reverted = status.approved, status.reverted
        if approved is None:
            return True, None
        run = await cluster.get(RETRAIN_RUN, rollout.namespace, approved.retrain_run)
        evaluation = parse_run(run).status.evaluation if run else None
    except InvalidSpec:
        # The policy's own conditions say what is wrong with it; here it only means that nothing is approved.
        return True, None
    judged_against = evaluation.champion if evaluation else ""
    if reverted and approved.number > reverted.number:
        reverted = None
    return True, Approved(approved.model, approved.retrain_run, judged_against, reverted=reverted)


async def _promoted(cluster: Cluster, namespace: str, name: str) -> tuple[bool, Approved | None]:
    """The stable model of the rollout `name`, since its newest promotion. One that is on trial there is nobody's."""
    body = await cluster.get(MODEL_ROLLOUT, namespace, name)
    if body is None:
        return False, None
    try:
        status = parse_rollout_status(body)
    except InvalidSpec:
        return True, None
    stable = status.stable
    promoted = [entry.at for entry in status.history if entry.result == "Promoted"]
    if stable is None or not promoted:
        return True, None
    return True, Approved(stable.model, stable.retrain_run, since=promoted[0])


def _is_foreign(body: Object, rollout: ModelRollout) -> bool:
    return ownership(body, rollout) is Ownership.FOREIGN


def _name(body: Object) -> str:
    return str(body["metadata"]["name"])


def _revision(body: Object) -> str:
    return str(body["metadata"].get("labels", {}).get(REVISION_LABEL, ""))


def _deployment(body: Object, problems: Mapping[str, str]) -> DeploymentSeen:
    annotations = body["metadata"].get("annotations", {})
    revision = _revision(body)
    return DeploymentSeen(
        name=body["metadata"]["name"],
        revision=revision,
        model=Model(
            annotations.get(VERSION_ANNOTATION, ""),
            annotations.get(URI_ANNOTATION, ""),
            annotations.get(DIGEST_ANNOTATION, ""),
        ),
        wanted=int(body["spec"].get("replicas", 1)),
        uid=body["metadata"]["uid"],
        problem=problems.get(revision, "") or _replica_failure(body),
        pods=int(body.get("status", {}).get("replicas", 0)),
    )


def _replica_failure(body: Object) -> str:
    for condition in body.get("status", {}).get("conditions", []):
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True":
            return str(condition.get("message", ""))[:300]
    return ""


def _problems(pods: Sequence[Object]) -> dict[str, str]:
    """Why pods of a revision do not start, in the kubelet's own words: the reason only, its text may hold anything."""
    problems = {}
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", []):
            waiting = container.get("state", {}).get("waiting", {})
            if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
                problems[_revision(pod)] = f"{container['name']} is in {waiting['reason']}"
    return problems


def _recorded(body: Object) -> RecordedRevision:
    data = body.get("data", {})
    return RecordedRevision(
        _revision(body), int(body["revision"]), Model(**data["model"]), data["template"], data["port"]
    )


def _service(body: Object | None, slices: Sequence[Object], revision_of_pod: Mapping[str, str]) -> ServiceSeen | None:
    if body is None:
        return None
    ready: Counter[str] = Counter()
    for endpoint in (endpoint for piece in slices for endpoint in piece.get("endpoints") or []):
        if endpoint.get("conditions", {}).get("ready"):
            ready[revision_of_pod.get(endpoint.get("targetRef", {}).get("name", ""), "")] += 1
    return ServiceSeen(str(body["spec"].get("selector", {}).get(REVISION_LABEL, "")), dict(ready))
