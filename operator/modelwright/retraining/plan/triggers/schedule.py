"""A schedule fires once for each slot: for the newest one, and only while it is not too late.

Whatever kept slots from being started (suspension, a run that lasts, an operator that was down), at most one of them is
made up for. A schedule that is new, or says something else than before, begins with its next slot.
"""

from __future__ import annotations

from datetime import UTC, datetime

from modelwright.api.durations import format_duration
from modelwright.api.policy import TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.times import format_time, parse_time
from modelwright.api.triggers import Schedule
from modelwright.retraining.plan.triggers.seen import FIRING, QUIET, TriggerSeen, View


def look_at(view: View, name: str, schedule: Schedule) -> TriggerSeen:
    bound, now = str(schedule.cron), view.now
    handled = _handled(view, name, bound)
    slot, following = schedule.cron.newest(now), schedule.cron.next(now)
    next_slot = f"next at {format_time(following)}" if following else "there is no next one"
    if slot is None or slot <= handled:
        before = view.before(name)
        if before and before.reason == "Skipped" and (before.bound, before.handled) == (bound, format_time(handled)):
            return TriggerSeen(before, wake_at=following)
        status = TriggerStatus(name, QUIET, "Waiting", next_slot, bound=bound, handled=format_time(handled))
        return TriggerSeen(status, wake_at=following)
    due = format_time(slot)
    if view.passes_over:
        message = f"slot {due} came while a run was unfinished; {next_slot}"
        return TriggerSeen(TriggerStatus(name, QUIET, "Skipped", message, due, bound, handled=due), wake_at=following)
    late = slot + schedule.starting_deadline
    if now > late:
        message = f"slot {due} was not started within {format_duration(schedule.starting_deadline)}; {next_slot}"
        status = TriggerStatus(name, QUIET, "Missed", message, due, bound, handled=format_time(handled))
        return TriggerSeen(status, wake_at=following)
    status = TriggerStatus(
        name, FIRING, "Due", f"slot {due}; {next_slot}", due, bound, since=slot, handled=format_time(handled)
    )
    evidence = Evidence(trigger=name, at=slot, query=bound, value=due, bound=bound, occasion=due)
    return TriggerSeen(status, evidence=evidence, wake_at=min(late, following) if following else late)


def _handled(view: View, name: str, bound: str) -> datetime:
    """The newest slot that needs no run any more."""
    before = view.before(name)
    known = before.handled if before and before.bound == bound else ""
    times = [parse_time(text) for text in (known, *view.occasions(name, bound)) if text]
    return max(times, default=view.now.astimezone(UTC).replace(microsecond=0))
