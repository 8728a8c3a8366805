"""Reading `spec.workload`: pods that we make from a template, versions that somebody deployed, or KServe's."""

from __future__ import annotations

from modelwright.api.fields import Fields
from modelwright.api.rollout import (
    Backend,
    BackendKind,
    CandidateReplicas,
    ExistingVersion,
    ExistingWorkload,
    InferenceServiceWorkload,
    Workload,
)

BACKENDS = {"serviceRef": BackendKind.SERVICE, "inferencePoolRef": BackendKind.INFERENCE_POOL}


def workload(fields: Fields) -> Workload | ExistingWorkload | InferenceServiceWorkload:
    """The one kind of workload that is chosen. Raises InvalidSpec where none is, or several are."""
    member = fields.exactly_one("deployment", "existing", "inferenceService")
    if member == "deployment":
        return _deployment(fields.section("deployment"))
    if member == "inferenceService":
        return InferenceServiceWorkload(fields.section("inferenceService").text("name"))
    existing = fields.section("existing")
    return ExistingWorkload(_version(existing.section("stable")), _version(existing.section("candidate")))


def _version(fields: Fields) -> ExistingVersion:
    member = fields.exactly_one(*BACKENDS)
    backend = Backend(fields.section(member).text("name"), BACKENDS[member])
    return ExistingVersion(fields.section("deploymentRef").text("name"), backend)


def _deployment(fields: Fields) -> Workload:
    found = Workload(
        template=fields.mapping("template"),
        port=fields.text("port", Workload.port),
        candidate_replicas=fields.choice("candidateReplicas", CandidateReplicas, Workload.candidate_replicas),
        fixed_replicas=fields.maybe_integer("fixedReplicas"),
    )
    if (found.candidate_replicas is CandidateReplicas.FIXED) != (found.fixed_replicas is not None):
        raise fields.refuse("fixedReplicas", "must be set with `candidateReplicas: Fixed`, and only there")
    # The template is the one part that no schema describes, so what we rely on in it is asked here.
    containers = fields.section("template").section("spec").some_sections("containers")
    ports = [port.text("name", "") for container in containers for port in container.sections("ports")]
    if found.port not in ports:
        named = ", ".join(f"'{name}'" for name in ports if name) or "no named port"
        raise fields.refuse(
            "port", f"must be the name of a container port of `template`: '{found.port}', found {named}"
        )
    return found
