"""From the frozen types to what Kubernetes holds: statuses, and the RetrainRun that the operator creates.

Whatever is written here reads back equal, so that a second pass with nothing changed writes nothing. A status is
written whole: a merge patch would keep what is absent now.
"""

from __future__ import annotations

from typing import Any

from modelwright.api.durations import format_duration
from modelwright.api.pipelines import Package, Parameter, Pipeline, Resources
from modelwright.api.policy import PolicyStatus
from modelwright.api.records import write_record
from modelwright.api.rollout import RolloutStatus
from modelwright.api.run import RetrainRun, RunSpec, RunStatus, Streak

API_VERSION = "modelwright.dev/v1alpha1"


def rollout_status(status: RolloutStatus) -> dict[str, Any]:
    return write_record(status)


def policy_status(status: PolicyStatus) -> dict[str, Any]:
    return write_record(status)


def run_status(status: RunStatus) -> dict[str, Any]:
    return write_record(status)


def run_body(run: RetrainRun) -> dict[str, Any]:
    """What to create for `run`, owned by its policy. Raises ValueError where a parameter is not a literal yet."""
    return {
        "apiVersion": API_VERSION,
        "kind": "RetrainRun",
        "metadata": {
            "name": run.name,
            "namespace": run.namespace,
            "labels": {"app.kubernetes.io/managed-by": "modelwright"},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "RetrainPolicy",
                    "name": run.spec.policy_name,
                    "uid": run.spec.policy_uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": _run_spec(run.spec),
    }


def _run_spec(spec: RunSpec) -> dict[str, Any]:
    written: dict[str, Any] = {
        "number": spec.number,
        "policyRef": {"name": spec.policy_name, "uid": spec.policy_uid, "generation": spec.policy_generation},
        "key": spec.key,
        "evidence": [write_record(evidence) for evidence in spec.evidence],
        "pipeline": _pipeline(spec.pipeline),
    }
    if spec.champion:
        written["champion"] = write_record(spec.champion)
    if spec.streak != Streak():
        written["streak"] = write_record(spec.streak)
    if spec.model:
        written["model"] = spec.model
    if spec.purpose is not RunSpec.purpose:
        written["purpose"] = str(spec.purpose)
    if spec.planned_recipe:
        written["plannedRecipe"] = spec.planned_recipe
    if spec.price:
        written["price"] = write_record(spec.price)
    if spec.confidence:
        written["confidence"] = spec.confidence
    return written


def _pipeline(pipeline: Pipeline) -> dict[str, Any]:
    written = {
        "server": pipeline.server,
        "name": pipeline.name,
        "version": pipeline.version,
        "experiment": pipeline.experiment,
        "timeout": format_duration(pipeline.timeout),
        "parameters": [_parameter(parameter) for parameter in pipeline.parameters],
        "package": _package(pipeline.package) if pipeline.package else None,
        "serviceAccountName": pipeline.service_account,
        "pipelineRoot": pipeline.pipeline_root,
        "caching": str(pipeline.caching) if pipeline.caching is not Pipeline.caching else "",
        "retries": pipeline.retries,
        "resources": _resources(pipeline.resources),
    }
    return {name: value for name, value in written.items() if value}


def _package(package: Package) -> dict[str, Any]:
    source = {"uri": package.uri} if package.uri else {"configMap": {"name": package.config_map, "key": package.key}}
    return {**source, **({"digest": package.digest} if package.digest else {})}


def _resources(resources: Resources) -> dict[str, Any]:
    written: dict[str, Any] = {"nodePool": resources.node_pool, "spot": str(resources.spot or "")}
    if resources.gpu:
        written["gpu"] = {"type": resources.gpu.type, "count": resources.gpu.count}
    return {name: value for name, value in written.items() if value}


def _parameter(parameter: Parameter) -> dict[str, str]:
    # A run is the record of one attempt: what it was given is written down, not where it came from.
    if parameter.value is None:
        raise ValueError(f"parameter '{parameter.name}' must be resolved before the run is written")
    return {"name": parameter.name, "value": parameter.value}
