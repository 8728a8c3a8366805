"""A person's command: `modelwright.dev/command: retrain/<id>` on the policy starts one run, whatever triggers say.

It waits for unfinished runs, rollouts, blackouts and the runs of the day, but for no rest: a person has looked. Who
gave it stands beside it, and is proven where the chart's admission policies stamp it. What became of the other command,
`cancel/<id>/<run>`, is told here too; the run itself heeds it.
"""

from __future__ import annotations

import re
from dataclasses import replace

from modelwright.api.limits import Concurrency
from modelwright.api.policy import PolicyCommand
from modelwright.api.rollout import State
from modelwright.api.run import Evidence
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.cancelling import ACTOR_ANNOTATION, ANNOTATION, MAX_ACTOR, Cancel, asked
from modelwright.retraining.plan.triggers.seen import View

_FORM = re.compile(r"retrain/([A-Za-z0-9._-]{1,64})")


def look_at(view: View) -> tuple[PolicyCommand | None, Evidence | None]:
    """What became of the newest command, and the evidence for a run while it is not answered."""
    policy, known = view.policy, view.policy.status.command
    text = policy.annotations.get(ANNOTATION, "")
    if not text:
        return known, None
    form = _FORM.fullmatch(text)
    actor = policy.annotations.get(ACTOR_ANNOTATION, "")[:MAX_ACTOR]
    command = PolicyCommand(form.group(1) if form else text[:64], actor=actor)
    if known and known.id == command.id:
        return known, None
    if cancel := asked(policy):
        return _cancelled(view, cancel) or known, None
    now, occasion = view.now.replace(microsecond=0), f"command/{command.id}"
    for run in view.runs:
        if any((each.trigger, each.occasion) == (lineage.BY_HAND, occasion) for each in run.spec.evidence):
            return replace(command, outcome="Done", message=f"run {run.name}", run=run.name, at=now), None
    if refused := _refused(view, bool(form)):
        return replace(command, outcome="Refused", message=refused, at=now), None
    return known, Evidence(lineage.BY_HAND, now, "retrain", command.id, "by hand", occasion=occasion, actor=actor)


def _cancelled(view: View, cancel: Cancel) -> PolicyCommand | None:
    """The answer once there is one: None while the pipeline is being stopped."""
    command = PolicyCommand(cancel.id, actor=cancel.actor, run=cancel.run, at=view.now.replace(microsecond=0))
    run = next((each for each in view.runs if each.name == cancel.run), None)
    if run is None:
        return replace(command, outcome="Refused", message=f"there is no run {cancel.run} of this policy", run="")
    if not lineage.finished(run):
        return None
    ended = lineage.succeeded(run)
    assert ended is not None, "a run that is finished says how"
    noted = run.status.cancelled
    if noted and noted.command == cancel.id and ended.reason == lineage.CANCELLED:
        return replace(command, outcome="Done", message=f"run {run.name} is cancelled")
    return replace(command, outcome="Refused", message=f"run {run.name} had ended: {ended.reason}")


def _refused(view: View, well_formed: bool) -> str:
    if not well_formed:
        return "must be 'retrain/<id>' or 'cancel/<id>/<run>', with an id of your own, for example 'retrain/7'"
    if view.policy.spec.state is State.SUSPENDED:
        return "spec.state is Suspended: set it to Active"
    unfinished = next((run for run in view.runs if not lineage.finished(run)), None)
    if unfinished and view.policy.spec.limits.concurrency is Concurrency.FORBID:
        return f"run {unfinished.name} has not finished"
    return ""
