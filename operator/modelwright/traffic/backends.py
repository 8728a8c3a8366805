"""The two backends that a rollout's traffic goes to: Services of ours, or what the user has already."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.api.rollout import Backend, BackendKind, ExistingWorkload, ModelRollout

SERVICE_PORT = 80

GROUPS = {BackendKind.SERVICE: "", BackendKind.INFERENCE_POOL: "inference.networking.k8s.io"}
"""API groups of what a backendRef may name."""


@dataclass(frozen=True)
class Backends:
    stable: Backend
    candidate: Backend


def stable_service(rollout_name: str) -> str:
    return f"{rollout_name}-stable"


def candidate_service(rollout_name: str) -> str:
    return f"{rollout_name}-candidate"


def backends_of(rollout: ModelRollout) -> Backends:
    """Which backend serves which arm.

    Of existing workloads status knows it, and neither a swap of the two names in the spec nor a new name moves an arm.
    Before status knows anything, it is as the spec says.
    """
    workload, status = rollout.spec.workload, rollout.status
    if not isinstance(workload, ExistingWorkload):
        return Backends(Backend(stable_service(rollout.name)), Backend(candidate_service(rollout.name)))
    stable = (status.stable.backend if status.stable else None) or workload.stable.backend
    if status.candidate and status.candidate.backend:
        return Backends(stable, status.candidate.backend)
    other = workload.candidate.backend
    return Backends(stable, workload.stable.backend if other == stable else other)
