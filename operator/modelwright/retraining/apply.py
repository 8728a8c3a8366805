"""Carries out plans: creates runs, sets and removes the finalizer, writes a status if it changed.

Every write names what it was decided on, so that a stale plan fails with Conflict and is made again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from modelwright.api.parsing import parse_run
from modelwright.api.run import RetrainRun
from modelwright.api.serialising import run_body
from modelwright.cluster.access import Object
from modelwright.cluster.keys import RETRAIN_RUN, Kind
from modelwright.cluster.room import Room
from modelwright.errors import Conflict, InvalidSpec
from modelwright.retraining.plan.run_steps import FINALIZER


class NameTaken(Exception):
    """Something else already has the name of the run that was to be created."""


async def create_run(run: RetrainRun, room: Room) -> None:
    """Create the run, or find that it is there already: created before a crash, or by another operator.

    NameTaken when what is there belongs to another policy or trigger.
    """
    try:
        await room.cluster.create(RETRAIN_RUN, run_body(run))
    except Conflict:
        body = await room.cluster.get(RETRAIN_RUN, run.namespace, run.name)
        if body is None:
            # Deleted in between: the next pass decides again.
            raise
        if not _is_same(body, run):
            raise NameTaken(
                f"run {run.name} exists and belongs to another trigger: "
                "whom admission.recordWriters names may delete it"
            ) from None


async def delete_runs(runs: Iterable[RetrainRun], room: Room) -> None:
    """Delete these very runs; one that is gone already, or another one of the same name, is left alone."""
    for run in runs:
        # Another uid: somebody was quicker, and what is there now is not what was decided on.
        with suppress(Conflict):
            await room.cluster.delete(RETRAIN_RUN, run.namespace, run.name, uid=run.uid)


async def set_finalizer(body: Object, wanted: bool, room: Room) -> bool:
    """Whether our finalizer had to be set or removed."""
    metadata = body["metadata"]
    present: list[str] = metadata.get("finalizers", [])
    if wanted == (FINALIZER in present):
        return False
    changed = [*present, FINALIZER] if wanted else [one for one in present if one != FINALIZER]
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]},
        {"op": "add", "path": "/metadata/finalizers", "value": changed},
    ]
    await room.cluster.json_patch(RETRAIN_RUN, metadata["namespace"], metadata["name"], operations)
    return True


async def write_status(kind: Kind, body: Object, status: dict[str, Any], room: Room) -> None:
    """Replace the status as a whole; Conflict when the object changed since it was read."""
    await room.cluster.replace(kind, {**body, "status": status}, subresource="status")


def _is_same(body: Object, run: RetrainRun) -> bool:
    try:
        found = parse_run(body)
    except InvalidSpec:
        return False
    return (found.spec.policy_uid, found.spec.key) == (run.spec.policy_uid, run.spec.key)
