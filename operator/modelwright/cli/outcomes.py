"""Reads from a ModelRollout whether it is well: what `status` prints and exits with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

NEEDS_SOMEBODY = ("Stalled", "RolledBack", "Paused")
MOVES = ("Reconciling", "Progressing")


class Outcome(IntEnum):
    """The exit code of `status`."""

    HEALTHY = 0
    DEGRADED = 1
    PROGRESSING = 2


def outcome_of(body: Mapping[str, Any]) -> tuple[Outcome, str]:
    """How the rollout stands, with the reason and the message that it gives for it."""
    status = body.get("status", {})
    if status.get("observedGeneration") != body["metadata"]["generation"]:
        return Outcome.PROGRESSING, "the operator has not looked at its newest spec yet"
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    for outcome, types in ((Outcome.DEGRADED, NEEDS_SOMEBODY), (Outcome.PROGRESSING, MOVES)):
        for type_ in types:
            if conditions.get(type_, {}).get("status") == "True":
                return outcome, _says(conditions[type_])
    ready = conditions.get("Ready")
    if ready is None:
        return Outcome.PROGRESSING, "it has no condition Ready yet"
    return Outcome.HEALTHY if ready["status"] == "True" else Outcome.DEGRADED, _says(ready)


def _says(condition: Mapping[str, Any]) -> str:
    message = condition.get("message", "")
    return f"{condition['reason']}: {message}" if message else str(condition["reason"])
