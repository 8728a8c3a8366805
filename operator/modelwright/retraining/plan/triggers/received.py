"""Triggers for what came in over HTTP: an event or an alert fires once, together with whatever waits beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modelwright.api.policy import ReceivedEvent, TriggerStatus
from modelwright.api.run import Evidence, RetrainRun
from modelwright.retraining.plan.triggers.seen import FIRING, QUIET, TriggerSeen, View

NOTHING = "nothing came in that waits for a run"


def look_at(view: View, name: str) -> TriggerSeen:
    """Fires as long as an event of the trigger waits; the newest one stands for all that waited with it."""
    waiting = [
        event for event in with_runs(view.policy.status.events, view.runs) if event.trigger == name and not event.run
    ]
    if not waiting:
        return TriggerSeen(TriggerStatus(name, QUIET, "Waiting", NOTHING))
    first, newest = waiting[0], waiting[-1]
    more = f", and {len(waiting) - 1} before it" if len(waiting) > 1 else ""
    source = f" from {newest.source}" if newest.source else ""
    message = f"{newest.type}{source}: {newest.id}{more}"
    count = str(len(waiting))
    status = TriggerStatus(name, FIRING, "EventReceived", message, count, newest.type, len(waiting), first.at)
    evidence = Evidence(
        trigger=name,
        at=newest.at,
        query=newest.source,
        value=count,
        bound=newest.type,
        samples=len(waiting),
        window_start=first.at,
        occasion=newest.id,
    )
    return TriggerSeen(status, evidence=evidence)


def with_runs(events: Sequence[ReceivedEvent], runs: Sequence[RetrainRun]) -> tuple[ReceivedEvent, ...]:
    """The events, those with a run that have one. Whoever waited when a run was started needs none of its own."""
    known = tuple(events)
    for run in runs:
        for evidence in run.spec.evidence:
            known = _taken(known, run.name, evidence)
    return known


def _taken(events: tuple[ReceivedEvent, ...], run: str, evidence: Evidence) -> tuple[ReceivedEvent, ...]:
    """All that waited for the trigger up to the occasion that `run` was started for."""
    newest = max((n for n, event in enumerate(events) if _is_occasion(event, evidence)), default=-1)
    return tuple(
        replace(event, run=run) if n <= newest and event.trigger == evidence.trigger and not event.run else event
        for n, event in enumerate(events)
    )


def _is_occasion(event: ReceivedEvent, evidence: Evidence) -> bool:
    return (event.trigger, event.id) == (evidence.trigger, evidence.occasion)
