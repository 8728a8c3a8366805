"""Lets go of RetrainRuns when the operator goes for good: their finalizer would keep them, and their namespaces.

A pipeline run is asked to stop before; whether it does is nobody's to watch any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.parsing import parse_run
from modelwright.api.run import RetrainRun
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_RUN
from modelwright.errors import Conflict, InvalidSpec
from modelwright.kubeflow.questions import TERMINAL_STATES, Failure, StopRun
from modelwright.retraining.plan.run_steps import FINALIZER
from modelwright.retraining.plan.winding_down import display_name

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Unfinished:
    """A RetrainRun that cannot be deleted yet; `pipeline_run` is the id of what may still run, "" if none is known."""

    namespace: str
    name: str
    pipeline_run: str
    run: RetrainRun | None


def unfinished(bodies: list[Object]) -> list[Unfinished]:
    """Those of `bodies` that carry our finalizer."""
    return [_unfinished(body) for body in bodies if FINALIZER in body["metadata"].get("finalizers", [])]


async def end(cluster: Cluster, found: Unfinished, ask: Callable[[StopRun], Any]) -> str:
    """Ask the pipeline server to stop what runs, remove the finalizer whatever it answers, and say what was done."""
    stopped = await asyncio.to_thread(_stop, found, ask)
    await _let_go(cluster, found)
    return f"{stopped}; its finalizer is removed"


def _unfinished(body: Object) -> Unfinished:
    metadata = body["metadata"]
    try:
        run = parse_run(body)
    except InvalidSpec:
        return Unfinished(metadata["namespace"], metadata["name"], "", None)
    known = run.status.pipeline_run
    runs = bool(known.requested_at) and known.state not in TERMINAL_STATES
    return Unfinished(run.namespace, run.name, known.id if runs else "", run if runs else None)


def _stop(found: Unfinished, ask: Callable[[StopRun], Any]) -> str:
    if found.run is None:
        return "nothing that runs is known of it"
    run, id_ = found.run, found.pipeline_run
    answer = ask(StopRun(run.spec.pipeline.server, id_, display_name(run.name, run.uid), run.namespace))
    named = f"pipeline run {id_}" if id_ else "its pipeline run"
    if isinstance(answer, Failure):
        return f"WARNING: {named} may go on, stop it by hand: {answer.message}"
    return f"{named} was asked to stop"


async def _let_go(cluster: Cluster, found: Unfinished) -> None:
    while (body := await cluster.get(RETRAIN_RUN, found.namespace, found.name)) is not None:
        finalizers = body["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            return
        operations = [
            {"op": "test", "path": "/metadata/finalizers", "value": finalizers},
            {"op": "replace", "path": "/metadata/finalizers", "value": [one for one in finalizers if one != FINALIZER]},
        ]
        try:
            await cluster.json_patch(RETRAIN_RUN, found.namespace, found.name, operations)
        except Conflict:
            continue
        return
