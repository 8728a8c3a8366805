"""The two backends that a rollout's traffic goes to: Services of ours, or what the user has already."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.api.rollout import Backend, BackendKind, ModelRollout

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
    """Which backend serves which arm."""
    return Backends(Backend(stable_service(rollout.name)), Backend(candidate_service(rollout.name)))
