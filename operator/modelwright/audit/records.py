"""What a line says of a decision: the object, the reason, and the facts that it was decided on. Pure.

Facts are what status and evidence hold anyway, which never is a secret or a response body.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from modelwright.api.times import format_time

FACTS = {
    "ModelRollout": ("stage", "stable", "candidate", "step", "metrics", "command"),
    "RetrainPolicy": ("approved", "champion", "triggers"),
    "RetrainRun": ("pipelineRun", "model", "evaluation", "gate", "approval", "cancelled", "rollouts"),
}
OF_SPEC = {"RetrainRun": ("evidence", "pipeline")}


def decision(
    body: Mapping[str, Any], status: Mapping[str, Any], reason: str, message: str, by: str, now: datetime
) -> dict[str, Any]:
    """One decision about the object `body`, with the `status` that it came to."""
    metadata, kind = body["metadata"], body["kind"]
    spec = body.get("spec", {})
    facts = {name: status[name] for name in FACTS.get(kind, ()) if status.get(name)}
    facts |= {name: spec[name] for name in OF_SPEC.get(kind, ()) if spec.get(name)}
    return {
        "at": format_time(now),
        "by": by,
        "object": {
            "kind": kind,
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata.get("uid", ""),
            "generation": metadata.get("generation", 0),
        },
        "decision": reason,
        "message": message,
        "facts": facts,
    }
