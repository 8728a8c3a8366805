"""Reads the other rollouts of a namespace: whom this one waits for, and who takes part in the queue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright.rollouts.observation import Neighbour
from modelwright.rollouts.plan.queueing import has_begun

STARTS = "Starting"
STEPS = ("Stepping", "Baking")


async def read_neighbours(cluster: Cluster, rollout: ModelRollout, concurrent: int) -> tuple[Neighbour, ...]:
    """Empty where nobody asks for them: most rollouts depend on none, and one that has begun waits no more."""
    starts = rollout.status.stage is None and rollout.spec.depends_on
    if has_begun(rollout.status) or not (starts or concurrent):
        return ()
    bodies = await cluster.list(MODEL_ROLLOUT, rollout.namespace)
    return tuple(_neighbour(body) for body in bodies if body["metadata"]["name"] != rollout.name)


def _neighbour(body: Mapping[str, Any]) -> Neighbour:
    metadata, status = body["metadata"], Fields(body, "").section_or_empty("status")
    held_back = any(c.text("type") == "Holdback" for c in status.sections("conditions"))
    progress = next((c for c in status.sections("conditions") if c.text("type") == "Progressing"), None)
    seen = status.integer("observedGeneration", -1) == metadata["generation"]
    step, queued_at = status.section_or_empty("step"), status.maybe_time("queuedAt")
    # A holdback lasts for days, and nothing is raised in it. Who stepped back into the queue is not under way.
    under_way = status.text("stage", STARTS) != STARTS and not held_back and queued_at is None
    asked = status.text("stage", STARTS) not in STEPS or step.maybe_time("askedAt") or step.integer("stretch", 0)
    depends_on = Fields(body, "").section_or_empty("spec").sections("dependsOn")
    return Neighbour(
        name=metadata["name"],
        # Not Ready: with modelFrom that says only that stable serves.
        rests=bool(seen and progress and progress.text("status") == "False" and progress.text("reason") == "Promoted"),
        under_way=under_way,
        begun=under_way and bool(asked),
        began_at=status.maybe_time("beganAt"),
        queued_at=queued_at,
        depends_on=tuple(each.text("name", "") for each in depends_on),
    )
