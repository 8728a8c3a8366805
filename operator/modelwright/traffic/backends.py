"""The two Services that a rollout's route leads to."""

from __future__ import annotations

SERVICE_PORT = 80


def stable_service(rollout_name: str) -> str:
    return f"{rollout_name}-stable"


def candidate_service(rollout_name: str) -> str:
    return f"{rollout_name}-candidate"
