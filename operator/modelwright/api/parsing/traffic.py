"""Reading `spec.traffic`: which of the routers a rollout uses, and what it is told."""

from __future__ import annotations

from modelwright.api.fields import Fields
from modelwright.api.rollout import (
    AttachedRoute,
    ExistingWorkload,
    InferenceServiceRoute,
    InferenceServiceWorkload,
    ManagedRoute,
    ReplicaRatio,
    RouteForTesters,
    Workload,
)

KINDS = {"httpRoute": "HTTPRoute", "grpcRoute": "GRPCRoute", "virtualService": "VirtualService"}

MADE_OR_FOUND = ("httpRoute", "grpcRoute")
"""Those that we may make ourselves."""


def route_beside(
    workload: Workload | ExistingWorkload | InferenceServiceWorkload, traffic: Fields
) -> ManagedRoute | AttachedRoute | ReplicaRatio | InferenceServiceRoute:
    """The one router that is chosen, or KServe where it keeps the workload. Raises InvalidSpec for none or several."""
    if not isinstance(workload, InferenceServiceWorkload):
        return route(traffic)
    for member in (*KINDS, "replicaRatio"):
        if traffic.has(member):
            raise traffic.refuse(member, "must be left out with `workload.inferenceService`: KServe moves the traffic")
    return InferenceServiceRoute(workload.name)


def route(traffic: Fields) -> ManagedRoute | AttachedRoute | ReplicaRatio:
    """The one router that is chosen. Raises InvalidSpec where none is, or several are."""
    member = traffic.exactly_one(*KINDS, "replicaRatio")
    section = traffic.section(member)
    if member == "replicaRatio":
        return ReplicaRatio(section.text("service", ReplicaRatio.service))
    if member in MADE_OR_FOUND and section.exactly_one("managed", "attached") == "managed":
        return _managed(section.section("managed"), KINDS[member])
    attached = section.section("attached")
    name, rule_name = attached.text("name"), attached.text("ruleName", AttachedRoute.rule_name)
    if member == "virtualService":
        return AttachedRoute(KINDS[member], name, rule_name)
    beside = attached.choice("testersRoute", RouteForTesters, AttachedRoute.testers_route)
    return AttachedRoute(KINDS[member], name, rule_name, beside)


def _managed(fields: Fields, kind: str) -> ManagedRoute:
    references = tuple(dict(reference.as_written()) for reference in fields.some_sections("parentRefs"))
    return ManagedRoute(references, fields.texts("hostnames"), kind)
