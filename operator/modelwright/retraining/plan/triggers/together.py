"""Fires while several metrics of the policy fire, or did within a window: drift alone says little, with accuracy much.

What fires now is known from the looks of this pass. What did before is known from `lastFired`, which a metric that is
asked for gets when it stops to fire; with another champion, or another spec, it is forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from modelwright.api.durations import format_duration
from modelwright.api.policy import TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.times import format_time
from modelwright.api.triggers import AllOf, Trigger
from modelwright.retraining.plan.triggers.seen import ERROR, FIRING, NO_DATA, QUIET, TriggerSeen, View

MAX_VALUE = 63
MAX_BOUND = 255


def remembered(view: View, triggers: Sequence[Trigger], name: str, look: TriggerSeen) -> TriggerSeen:
    """`look` of the metric `name`, with the time at which it last stopped to fire where somebody asks for it."""
    if not any(trigger.all_of and name in trigger.all_of.triggers for trigger in triggers):
        return look
    before, known, champion = view.before(name), view.policy.status.champion, view.champion
    same = (known.revision if known else "") == (champion.revision if champion else "")
    if before is None or not same or view.policy.status.observed_generation != view.policy.generation:
        return replace(look, status=replace(look.status, last_fired=None))
    stopped = before.verdict == FIRING and look.status.verdict != FIRING
    last = view.now.replace(microsecond=0) if stopped else before.last_fired
    return replace(look, status=replace(look.status, last_fired=last))


def look_at(view: View, name: str, all_of: AllOf, looks: Mapping[str, TriggerSeen]) -> TriggerSeen:
    """`looks` are those of the metrics of the policy in this pass."""
    bound = f"{' and '.join(all_of.triggers)} within {format_duration(all_of.window)}"[:MAX_BOUND]
    members = {member: looks[member] for member in all_of.triggers}
    missing = [member for member, look in members.items() if not _fired(look.status, all_of, view.now)]
    if missing:
        unknown = [member for member in missing if members[member].status.verdict in (NO_DATA, ERROR)]
        verdict, reason = (NO_DATA, "MemberUnknown") if unknown else (QUIET, "Waiting")
        message = f"{(unknown or missing)[0]} has not fired within {format_duration(all_of.window)}"
        return TriggerSeen(TriggerStatus(name, verdict, reason, message, bound=bound))
    ends = [
        look.status.last_fired + all_of.window
        for look in members.values()
        if look.status.verdict != FIRING and look.status.last_fired
    ]
    since = view.now.replace(microsecond=0)
    before = view.before(name)
    if before and (before.verdict, before.bound) == (FIRING, bound) and before.since:
        since = before.since
    value = ", ".join(_shown(member, look.status) for member, look in members.items())
    status = TriggerStatus(name, FIRING, "AllFired", value, value[:MAX_VALUE], bound, since=since)
    if before and (before.verdict, before.bound, before.since) == (FIRING, bound, since):
        status = before
    starts = [look.evidence.window_start for look in members.values() if look.evidence and look.evidence.window_start]
    evidence = Evidence(
        name,
        view.now.replace(microsecond=0),
        bound,
        value[:MAX_VALUE],
        bound,
        window_start=min(starts, default=since),
    )
    return TriggerSeen(status, evidence=evidence, wake_at=min(ends, default=None))


def _fired(status: TriggerStatus, all_of: AllOf, now: datetime) -> bool:
    return status.verdict == FIRING or (status.last_fired is not None and now < status.last_fired + all_of.window)


def _shown(member: str, status: TriggerStatus) -> str:
    if status.verdict == FIRING or status.last_fired is None:
        return f"{member} {status.value}"
    return f"{member} until {format_time(status.last_fired)}"
