"""No more than so many pipeline runs in any 24 hours, counted from when they were asked for.

A calendar day would let twice as many start around midnight.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from modelwright.api.policy import Launch, RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.api.times import format_time
from modelwright.retraining.plan.limits.situation import Hold, Situation

DAY = timedelta(hours=24)


def runs_per_day(situation: Situation) -> Hold | None:
    limit = situation.policy.spec.limits.max_runs_per_day
    times = sorted(launch.at for launch in launches(situation.policy, situation.others, situation.now))
    if limit is None or len(times) < limit:
        return None
    until = times[-limit] + DAY
    message = f"{len(times)} pipeline runs in 24 hours, at most {limit} may start; the next at {format_time(until)}"
    return Hold("RunsPerDay", message, until)


def launches(policy: RetrainPolicy, runs: Iterable[RetrainRun], now: datetime) -> tuple[Launch, ...]:
    """The pipeline runs of the last 24 hours, oldest first, also those whose RetrainRun is gone."""
    if policy.spec.limits.max_runs_per_day is None:
        return ()
    found = {launch.run: launch.at for launch in policy.status.launches}
    found |= {run.name: at for run in runs if (at := run.status.pipeline_run.requested_at)}
    recent = [Launch(run, at) for run, at in found.items() if at > now - DAY]
    return tuple(sorted(recent, key=lambda launch: (launch.at, launch.run)))
