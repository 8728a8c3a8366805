"""One pipeline at a time for a model, whichever policies of the namespace retrain it.

A run that nothing else holds back draws a ticket, the time, into its status, and launches no sooner than a moment
later. By then it sees every ticket that was drawn before its own, and whoever draws one later sees this one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from modelwright.api.run import RetrainRun
from modelwright.retraining.plan.limits.situation import Hold, Situation

# Longer than the clocks of two operators differ.
MOMENT = timedelta(seconds=5)


def model_locked(situation: Situation) -> Hold | None:
    """Who has launched holds the lock until its run has ended; of those with a ticket the earliest is next."""
    me = situation.run
    for rival in situation.rivals:
        if rival.status.pipeline_run.requested_at or (me and _ticket(rival, situation) < _ticket(me, situation)):
            message = f"run {rival.name} of policy {rival.spec.policy_name} retrains model {rival.spec.model}"
            return Hold("ModelLocked", message)
    if me is None or not me.spec.model:
        return None
    drawn = me.status.lock_asked_at
    if drawn and situation.now >= drawn + MOMENT:
        return None
    return Hold("ModelLocked", f"asking for the lock of model {me.spec.model}", drawn + MOMENT if drawn else None)


def _ticket(run: RetrainRun, situation: Situation) -> tuple[datetime, str]:
    """Who has none would draw it now."""
    return run.status.lock_asked_at or situation.now, run.name
