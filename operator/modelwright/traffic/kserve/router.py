"""The router of InferenceServices: KServe divides the traffic, we write by how much, and which models there are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.rollout import InferenceServiceRoute, ModelRollout
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KNATIVE_REVISION,
    Kind,
)
from modelwright.errors import Conflict, InvalidSpec
from modelwright.traffic import field_managers, gitops
from modelwright.traffic.kserve import knative, owners, standard
from modelwright.traffic.kserve.service import Arms, Facts, Mode, mode_of, shared_server, unsupported
from modelwright.traffic.kserve.standard import Evidence
from modelwright.traffic.route import (
    HEADER_MATCH,
    MIRROR,
    REGULAR_EXPRESSION_MATCH,
    Obstacle,
    RouteSeen,
    Split,
    WriteRoute,
)

UNSUPPORTED = frozenset({MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH})
REASONS = tuple(
    (need, "KServe divides traffic by percent alone: leave those steps out") for need in sorted(UNSUPPORTED)
)
SERVICE_LABEL = "serving.kserve.io/inferenceservice"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
TRIES = 10

Object = Mapping[str, Any]
Patch = list[dict[str, Any]]


@dataclass(frozen=True)
class Look:
    """One look at an InferenceService and what KServe made of it. `facts` is None where its mode is not supported."""

    body: Object
    mode: Mode | None
    facts: Facts | None
    revisions: tuple[Object, ...] = ()
    deployments: tuple[Object, ...] = ()


class KServeRouter:
    """Router: `canaryTrafficPercent` or `spec.canary` of the InferenceService that the rollout names."""

    kinds: tuple[Kind, ...] = (INFERENCE_SERVICE,)

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        return await seen(cluster, rollout, await look(cluster, rollout))

    async def write(
        self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute, manager: str = FIELD_MANAGER
    ) -> None:
        arms, raises, weight = Arms.of(rollout.status), bool(action.resource_version), action.split.weight

        def weighed(found: Look) -> Patch:
            if raises and found.body["metadata"]["resourceVersion"] != action.resource_version:
                raise Conflict(f"InferenceService '{name_in(rollout)}' changed since the raise was decided")
            if found.mode is Mode.KNATIVE:
                return knative.weigh(found.body, weight, arms, raises=raises)
            return standard.weigh(found.body, weight, arms, raises=raises)

        await self._patch(cluster, rollout, weighed, manager, repeats=not raises)

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        body = await cluster.get(INFERENCE_SERVICE, rollout.namespace, name_in(rollout))
        operations = field_managers.release(body, *owners.OURS) if body else []
        if operations:
            await cluster.json_patch(INFERENCE_SERVICE, rollout.namespace, name_in(rollout), operations)

    async def place(self, cluster: Cluster, rollout: ModelRollout, uri: str, name: str, replicas: int) -> None:
        """Have KServe run the candidate's model beside stable's, without traffic. InvalidSpec where it refuses."""
        arms = Arms(Arms.of(rollout.status).stable, uri, name, 0)

        def placed(found: Look) -> Patch:
            if found.mode is Mode.KNATIVE:
                return knative.place(found.body, uri, arms.stable, found.revisions)
            return standard.place(found.body, uri, arms, replicas)

        await self._patch(cluster, rollout, placed, FIELD_MANAGER)

    async def take(self, cluster: Cluster, rollout: ModelRollout) -> None:
        """Make the candidate, which has all traffic, what the InferenceService is."""
        arms = Arms.of(rollout.status)
        await self._patch(
            cluster,
            rollout,
            lambda found: (knative if found.mode is Mode.KNATIVE else standard).take(found.body, arms),
            FIELD_MANAGER,
        )

    async def tidy(self, cluster: Cluster, rollout: ModelRollout, manager: str = FIELD_MANAGER) -> None:
        """Take back what a candidate without traffic left behind, as far as that can be done now."""
        arms = Arms.of(rollout.status)
        alone = Arms(arms.stable, "", "", 0)

        def tidied(found: Look) -> Patch:
            if found.mode is Mode.KNATIVE:
                return knative.tidy(found.body, alone, found.revisions)
            return standard.tidy(found.body)

        await self._patch(cluster, rollout, tidied, manager)

    async def _patch(
        self,
        cluster: Cluster,
        rollout: ModelRollout,
        decide: Callable[[Look], Patch],
        manager: str,
        *,
        repeats: bool = False,
    ) -> None:
        name = name_in(rollout)
        for _ in range(TRIES if repeats else 1):
            found = await look(cluster, rollout)
            operations = decide(found) if found and found.facts else []
            if not operations:
                return
            try:
                await cluster.json_patch(
                    INFERENCE_SERVICE, rollout.namespace, name, operations, manager=manager, strict=True
                )
            except InvalidSpec as error:
                old = ". `spec.canary` needs KServe 0.20 or newer" if "unknown field" in error.message else ""
                raise InvalidSpec(f"InferenceService '{name}'", error.message[:500] + old) from error
            except Conflict:
                if not repeats:
                    raise
            else:
                return
        raise Conflict(f"InferenceService '{name}' is being written by others all the time")


def name_in(rollout: ModelRollout) -> str:
    assert isinstance(rollout.spec.route, InferenceServiceRoute), "a rollout with another router was given to this one"
    return rollout.spec.route.name


async def look(cluster: Cluster, rollout: ModelRollout) -> Look | None:
    """None where there is no such InferenceService."""
    namespace, name = rollout.namespace, name_in(rollout)
    body = await cluster.get(INFERENCE_SERVICE, namespace, name)
    if body is None:
        return None
    arms, mode = Arms.of(rollout.status), mode_of(body)
    if mode is Mode.KNATIVE:
        names = knative.revisions_of(body)
        found = await asyncio.gather(*(cluster.get(KNATIVE_REVISION, namespace, each) for each in names))
        revisions = tuple(filter(None, found))
        return Look(body, mode, knative.facts(body, arms, revisions, is_ours=owners.is_ours(body)), revisions)
    if mode is Mode.STANDARD:
        evidence = await _evidence(cluster, namespace, name, body)
        return Look(body, mode, standard.facts(body, arms, evidence), deployments=evidence.deployments)
    return Look(body, mode, None)


async def _evidence(cluster: Cluster, namespace: str, name: str, body: Object) -> Evidence:
    deployments, (top, *below) = await asyncio.gather(
        cluster.list(DEPLOYMENT, namespace, {SERVICE_LABEL: name}),
        asyncio.gather(*(cluster.get(HTTP_ROUTE, namespace, each) for each in standard.routes_of(body))),
    )
    names = [str(each["metadata"]["name"]) for each in deployments]
    slices = await asyncio.gather(
        *(cluster.list(ENDPOINT_SLICE, namespace, {SERVICE_NAME_LABEL: each}) for each in names)
    )
    endpoints = {each: _ready(found) for each, found in zip(names, slices, strict=True)}
    # What a promotion left behind leads nowhere any more, and is nobody's to confirm.
    followed = [route for route in below if route and standard.leads_to(route, standard.stable_of(body))]
    return Evidence(tuple(deployments), endpoints, (top, *followed) if top else ())


def _ready(slices: Any) -> int:
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    return sum(1 for endpoint in endpoints if endpoint.get("conditions", {}).get("ready"))


async def seen(cluster: Cluster, rollout: ModelRollout, found: Look | None) -> RouteSeen:
    """The InferenceService as a route. Where there is none nobody reaches the candidate, and nobody confirms that."""
    if found is None:
        installed = await cluster.serves(INFERENCE_SERVICE)
        return missing(name_in(rollout), installed=installed)
    return route_of(found)


def missing(name: str, *, installed: bool) -> RouteSeen:
    if installed:
        message = f"there is no InferenceService '{name}' in this namespace: create it, or correct `workload`"
        obstacle = Obstacle("InferenceServiceNotFound", message)
    else:
        message = "the API server has no InferenceService in serving.kserve.io/v1beta1: install KServe, 0.20 or newer"
        obstacle = Obstacle("UnsupportedKServe", message)
    return RouteSeen(
        split=Split(),
        resource_version="",
        accepted=True,
        changed_by="whoever deleted the InferenceService",
        unsupported=UNSUPPORTED,
        reasons=REASONS,
        obstacle=obstacle,
        is_theirs=True,
    )


def route_of(found: Look) -> RouteSeen:
    """What the planner is told of a look."""
    body, facts = found.body, found.facts or Facts(0, None)
    managers = field_managers.managers(body)
    return RouteSeen(
        split=Split(facts.asked),
        resource_version=body["metadata"]["resourceVersion"],
        accepted=facts.accepted,
        message=facts.message,
        changed_by=owners.changed_by(body, placed=facts.placed),
        silence=facts.silence,
        written_at=field_managers.written_at(body),
        unsupported=UNSUPPORTED,
        reasons=REASONS,
        obstacle=None if shared_server(body) else unsupported(body) or facts.obstacle,
        is_theirs=True,
        is_held=field_managers.is_held(body, *owners.OURS),
        advice=gitops.advice_for_fields(
            managers,
            INFERENCE_SERVICE,
            body["metadata"]["name"],
            ("spec.predictor.model.storageUri", "spec.predictor.canaryTrafficPercent")
            if found.mode is Mode.KNATIVE
            else ("spec.predictor.name", "spec.predictor.model.storageUri", "spec.canary"),
        ),
    )
