"""Times in which no pipeline is started."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from modelwright.api.limits import Blackout
from modelwright.api.times import format_time
from modelwright.retraining.plan.limits.situation import Hold, Situation

# Blackouts that follow upon each other for longer than this leave no time at all.
FOR_EVER = timedelta(days=62)


def blacked_out(situation: Situation) -> Hold | None:
    blackouts, now = situation.policy.spec.limits.blackouts, situation.now
    until = end_of_blackout(blackouts, now)
    if until == now:
        return None
    if until is None:
        return Hold("Blackout", "the blackouts leave no time in which a pipeline may start")
    return Hold("Blackout", f"no pipeline starts before {format_time(until)}", until)


def end_of_blackout(blackouts: Sequence[Blackout], at: datetime) -> datetime | None:
    """The first moment from `at` on that is in none of `blackouts`, or None where it does not come."""
    free = at
    while free - at < FOR_EVER:
        ends = [end for blackout in blackouts if (end := _end(blackout, free)) is not None and end > free]
        if not ends:
            return free
        free = max(ends)
    return None


def _end(blackout: Blackout, at: datetime) -> datetime | None:
    began = blackout.cron.newest(at)
    return began + blackout.duration if began else None
