"""Fires once for each model that another policy approves.

A trigger that is new begins with the next approval. Of several that were missed only the newest counts.
"""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.policy import TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.triggers import After
from modelwright.errors import InvalidSpec
from modelwright.retraining.plan.triggers.seen import FIRING, NO_DATA, QUIET, TriggerSeen, View

# Nobody wakes a policy for what happens to another one.
LOOK_AGAIN = timedelta(seconds=30)


def look_at(view: View, name: str, after: After, path: str) -> TriggerSeen:
    """InvalidSpec for a circle of policies that wait for each other."""
    bound, wake_at = f"models of {after.policy}", view.now + LOOK_AGAIN
    upstream = view.upstreams.get(after.policy)
    if upstream is None:
        message = f"there is no RetrainPolicy {after.policy} that can be read in namespace {view.policy.namespace}"
        before = view.before(name)
        handled = before.handled if before and before.bound == bound else ""
        status = TriggerStatus(name, NO_DATA, "PolicyMissing", message, bound=bound, handled=handled)
        return TriggerSeen(status, wake_at=wake_at)
    if any(each.after and each.after.policy == view.policy.name for each in upstream.spec.triggers):
        message = f"policy {after.policy} itself retrains after {view.policy.name}: they would never stop"
        raise InvalidSpec(f"{path}.after.retrainPolicyRef.name", message)
    approved = upstream.status.approved
    number = approved.number if approved else 0
    seen = max((int(text) for text in _known(view, name, bound)), default=number)
    if approved is None or number <= seen:
        message = f"waiting for a model of {after.policy} that comes after number {seen}"
        return TriggerSeen(
            TriggerStatus(name, QUIET, "Waiting", message, bound=bound, handled=str(seen)), wake_at=wake_at
        )
    version = approved.model.version
    if view.passes_over:
        message = f"{version} was approved while a run was unfinished"
        status = TriggerStatus(name, QUIET, "Skipped", message, version, bound, handled=str(number))
        return TriggerSeen(status, wake_at=wake_at)
    status = TriggerStatus(name, FIRING, "Due", f"{version} was approved", version, bound, handled=str(seen))
    evidence = Evidence(name, view.now.replace(microsecond=0), bound, version, bound, occasion=str(number))
    return TriggerSeen(status, evidence=evidence, wake_at=wake_at)


def _known(view: View, name: str, bound: str) -> list[str]:
    before = view.before(name)
    known = [before.handled] if before and before.bound == bound and before.handled else []
    return [*known, *view.occasions(name, bound)]
