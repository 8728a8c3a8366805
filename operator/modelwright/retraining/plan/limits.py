"""What holds a retraining back, as chains of named limits: the first that applies is the reason that people read.

One chain decides whether a firing trigger creates a run, the other whether a created run may launch its pipeline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout, State
from modelwright.api.run import RetrainRun
from modelwright.api.times import format_time
from modelwright.retraining.plan import lineage


@dataclass(frozen=True)
class Hold:
    """`until` is when it passes by itself, None when something has to happen."""

    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """`run` is the one that waits, None when a trigger asks for a new one. `runs` are all of the policy's."""

    policy: RetrainPolicy
    runs: tuple[RetrainRun, ...]
    follower: ModelRollout | None
    now: datetime
    run: RetrainRun | None = None


Limit = Callable[[Situation], Hold | None]


def suspended(situation: Situation) -> Hold | None:
    if situation.policy.spec.state is State.SUSPENDED:
        return Hold("Suspended", "the policy is suspended")
    return None


def another_run(situation: Situation) -> Hold | None:
    """A new run waits for every unfinished one; a created run only for older ones, else two would wait for each
    other."""
    me = situation.run
    for run in situation.runs:
        if not lineage.finished(run) and (me is None or run.spec.number < me.spec.number):
            return Hold("Queued", f"run {run.name} has not finished")
    return None


def rollout_in_progress(situation: Situation) -> Hold | None:
    message = lineage.rollout_under_way(situation.policy, situation.follower, situation.runs, situation.now)
    return Hold("RolloutInProgress", message) if message else None


def settling(situation: Situation) -> Hold | None:
    """The looks of a level trigger reach back over its window: right after a promotion they still see the old model."""
    promoted = lineage.promoted_at(situation.follower)
    if promoted is None or situation.now >= promoted + situation.policy.spec.limits.settle:
        return None
    until = promoted + situation.policy.spec.limits.settle
    return Hold("Settling", f"triggers rest until {format_time(until)}, after the last promotion", until)


def cooldown(situation: Situation) -> Hold | None:
    """Counts from when the last rollout settled, or the last run finished if no rollout came of it."""
    others = (run for run in situation.runs if situation.run is None or run.name != situation.run.name)
    finished = lineage.latest(
        (situation.policy.status.last_run_finished_at, *(lineage.pipeline_ended_at(run) for run in others))
    )
    if finished is None:
        return None
    anchor = lineage.latest((finished, lineage.settled_at(situation.follower))) or finished
    until = anchor + situation.policy.spec.limits.cooldown
    if situation.now >= until:
        return None
    return Hold("Cooldown", f"the next pipeline run may start at {format_time(until)}", until)


BEFORE_CREATING: tuple[Limit, ...] = (suspended, another_run, rollout_in_progress)
# What fires as long as something lasts would fire again on looks at a time that is over.
BEFORE_CREATING_ON_LOOKS: tuple[Limit, ...] = (*BEFORE_CREATING, settling)
BEFORE_LAUNCHING: tuple[Limit, ...] = (suspended, another_run, rollout_in_progress, cooldown)


def first_hold(chain: tuple[Limit, ...], situation: Situation) -> Hold | None:
    return next((hold for limit in chain if (hold := limit(situation))), None)
