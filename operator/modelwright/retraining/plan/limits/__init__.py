"""What holds a retraining back, as chains of named limits: the first that applies is the reason that people read.

One chain decides whether a firing trigger creates a run, the other whether a created run may launch its pipeline.
"""

from __future__ import annotations

from dataclasses import replace

from modelwright.api.policy import Pending
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.blackouts import blacked_out
from modelwright.retraining.plan.limits.budget import over_budget, spent_out
from modelwright.retraining.plan.limits.concurrency import another_run, suspended
from modelwright.retraining.plan.limits.following import cooldown, evaluated_lately, rollout_in_progress, settling
from modelwright.retraining.plan.limits.model_lock import model_locked
from modelwright.retraining.plan.limits.rejected_recipe import rejected_recipe
from modelwright.retraining.plan.limits.runs_per_day import launches, runs_per_day
from modelwright.retraining.plan.limits.setbacks import failing, rejected, rolled_back, streak
from modelwright.retraining.plan.limits.situation import Hold, Limit, Situation
from modelwright.retraining.plan.limits.spending import accounted

__all__ = [
    "BEFORE_CREATING",
    "BEFORE_CREATING_BY_HAND",
    "BEFORE_CREATING_ON_LOOKS",
    "BEFORE_EVALUATING",
    "BEFORE_LAUNCHING",
    "BEFORE_REVERTING",
    "Hold",
    "Limit",
    "Situation",
    "accounted",
    "failing",
    "first_hold",
    "held_back",
    "launches",
    "spent_out",
    "streak",
]

BEFORE_CREATING: tuple[Limit, ...] = (
    suspended,
    another_run,
    model_locked,
    rollout_in_progress,
    failing,
    rejected,
    rolled_back,
    rejected_recipe,
)
# A person has looked: no rest after setbacks.
BEFORE_CREATING_BY_HAND: tuple[Limit, ...] = (suspended, another_run, model_locked, rollout_in_progress)
# What fires as long as something lasts would fire again on looks at a time that is over.
BEFORE_CREATING_ON_LOOKS: tuple[Limit, ...] = (*BEFORE_CREATING, settling)
# Whatever keeps a run from being launched keeps this one from being created: it must not be in the way of a retraining.
BEFORE_EVALUATING: tuple[Limit, ...] = (
    suspended,
    another_run,
    model_locked,
    rollout_in_progress,
    failing,
    settling,
    blacked_out,
    cooldown,
    evaluated_lately,
    runs_per_day,
    over_budget,
)
# No pipeline is started.
BEFORE_REVERTING: tuple[Limit, ...] = (suspended, rollout_in_progress, settling)
BEFORE_LAUNCHING: tuple[Limit, ...] = (
    suspended,
    another_run,
    rollout_in_progress,
    blacked_out,
    cooldown,
    runs_per_day,
    over_budget,
    model_locked,
)


def first_hold(chain: tuple[Limit, ...], situation: Situation) -> Hold | None:
    return next((hold for limit in chain if (hold := limit(situation))), None)


def held_back(situation: Situation, hold: Hold | None) -> Pending | None:
    """What a person is told of the run that waits to be launched or, without one, of `hold`, which keeps a trigger that
    fires from creating one."""
    waiting = lineage.newest(
        run for run in situation.runs if not lineage.finished(run) and not run.status.pipeline_run.requested_at
    )
    if waiting:
        hold = first_hold(BEFORE_LAUNCHING, replace(situation, run=waiting))
    if hold is None:
        return None
    known, run = situation.policy.status.pending, waiting.name if waiting else ""
    same = known is not None and (known.reason, known.run) == (hold.reason, run)
    return Pending(hold.reason, hold.message, known.since if known and same else situation.now, hold.until, run)
