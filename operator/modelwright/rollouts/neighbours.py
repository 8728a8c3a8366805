"""Reads the other rollouts of a namespace: whom this one waits for, and who takes part in the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright.rollouts.observation import Neighbour

STARTS = "Starting"


async def read_neighbours(cluster: Cluster, rollout: ModelRollout, concurrent: int) -> tuple[Neighbour, ...]:
    """Empty where nobody asks for them: most rollouts depend on none, and a rollout under way waits no more."""
    if rollout.status.stage is not None or not (rollout.spec.depends_on or concurrent):
        return ()
    bodies = await cluster.list(MODEL_ROLLOUT, rollout.namespace)
    return tuple(_neighbour(body) for body in bodies if body["metadata"]["name"] != rollout.name)


def _neighbour(body: Mapping[str, Any]) -> Neighbour:
    metadata, status = body["metadata"], Fields(body, "").section_or_empty("status")
    held_back = any(c.text("type") == "Holdback" for c in status.sections("conditions"))
    progress = next((c for c in status.sections("conditions") if c.text("type") == "Progressing"), None)
    seen = status.integer("observedGeneration", -1) == metadata["generation"]
    depends_on = Fields(body, "").section_or_empty("spec").sections("dependsOn")
    return Neighbour(
        name=metadata["name"],
        # Not Ready: with modelFrom that says only that stable serves.
        rests=bool(seen and progress and progress.text("status") == "False" and progress.text("reason") == "Promoted"),
        # A holdback lasts for days, and nothing is raised in it.
        under_way=status.text("stage", STARTS) != STARTS and not held_back,
        queued_at=status.maybe_time("queuedAt"),
        depends_on=tuple(each.text("name", "") for each in depends_on),
    )
