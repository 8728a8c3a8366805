"""The conditions of a RetrainPolicy, so that kstatus, Flux, Helm and Argo CD read them right.

Armed is Ready=True, also while a training of six hours runs: no deployment tool may wait for it. Stalled and
Reconciling are present only while True.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from modelwright.api.conditions import Condition
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import State
from modelwright.api.run import RetrainRun
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits import Hold
from modelwright.retraining.plan.triggers.reach import out_of_reach


@dataclass(frozen=True)
class Readiness:
    ready: bool
    reason: str
    message: str
    stalled: bool = False
    reconciling: bool = False

    def conditions(self) -> tuple[Condition, ...]:
        found = [Condition("Ready", "True" if self.ready else "False", self.reason, self.message)]
        if self.reconciling:
            found.append(Condition("Reconciling", "True", self.reason, self.message))
        if self.stalled:
            found.append(Condition("Stalled", "True", self.reason, self.message))
        return tuple(found)


def armed(policy: RetrainPolicy) -> Readiness:
    if policy.spec.state is State.SUSPENDED:
        return Readiness(True, "Suspended", "triggers are watched, but start nothing")
    names = ", ".join(trigger.name for trigger in policy.spec.triggers)
    return Readiness(True, "Armed", f"watching {names}")


def stalled(reason: str, message: str) -> Readiness:
    return Readiness(False, reason, message, stalled=True)


def unconfirmed(policy: RetrainPolicy, reason: str, message: str) -> Readiness:
    """The pipeline cannot be looked up now. A policy whose present spec was found good stays armed: a pipeline server
    that is down for an hour does not make it wrong."""
    for condition in policy.status.conditions:
        same_spec = condition.observed_generation == policy.generation
        if condition.type == "Ready" and condition.status == "True" and same_spec:
            return armed(policy)
    # A restart of the operator must not make a stalled policy look as if it were under way.
    for condition in policy.status.conditions:
        if reason == "Checking" and condition.type == "Stalled" and condition.observed_generation == policy.generation:
            return stalled(condition.reason, condition.message)
    return Readiness(False, reason, message, reconciling=True)


def never_fires(policy: RetrainPolicy, now: datetime) -> Condition | None:
    """A warning, present only while True: other triggers may fire, so the policy is armed all the same."""
    found = [f"{path} {message}" for path, message in out_of_reach(policy.spec, now)]
    return Condition("NeverFires", "True", "OutOfReach", "; ".join(found)) if found else None


def retraining(runs: Iterable[RetrainRun], firing: bool, hold: Hold | None, created: RetrainRun | None) -> Condition:
    """True while a pipeline is asked for or runs; otherwise the reason why not."""
    unfinished = lineage.newest(run for run in runs if not lineage.finished(run))
    if unfinished is None and created is not None:
        return Condition("Retraining", "False", "Triggered", f"run {created.name} was created")
    if unfinished is not None:
        condition = lineage.succeeded(unfinished)
        reason = condition.reason if condition else "Pending"
        launched = unfinished.status.pipeline_run.requested_at is not None
        return Condition("Retraining", "True" if launched else "False", reason, f"run {unfinished.name}")
    if firing and hold:
        return Condition("Retraining", "False", hold.reason, hold.message)
    return Condition("Retraining", "False", "NotTriggered", "no trigger fires")
