"""One run of a policy at a time."""

from __future__ import annotations

from modelwright.api.rollout import State
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.situation import Hold, Situation


def suspended(situation: Situation) -> Hold | None:
    if situation.policy.spec.state is State.SUSPENDED:
        return Hold("Suspended", "the policy is suspended")
    return None


def another_run(situation: Situation) -> Hold | None:
    """A new run waits for every unfinished one, unless it replaces them; a created run only for older ones, else two
    would wait for each other."""
    me = situation.run
    if me is None and situation.replaces:
        return None
    for run in situation.runs:
        if not lineage.finished(run) and (me is None or run.spec.number < me.spec.number):
            return Hold("Queued", f"run {run.name} has not finished")
    return None
