"""A person does not want a run any more: `modelwright.dev/command: cancel/<id>/<run>` on its policy.

On the policy, because runs are the operator's records. The run notes it in its own status, so that it is carried out
also where another command takes the annotation's place before the pipeline has stopped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import Cancellation
from modelwright.retraining.plan.run_steps import Step

ANNOTATION = "modelwright.dev/command"
ACTOR_ANNOTATION = "modelwright.dev/actor"
MAX_ACTOR = 253
_FORM = re.compile(r"cancel/([A-Za-z0-9._-]{1,64})/([a-z0-9.-]{1,253})")


@dataclass(frozen=True)
class Cancel:
    """What the command on a policy asks for."""

    id: str
    run: str
    actor: str


def asked(policy: RetrainPolicy) -> Cancel | None:
    form = _FORM.fullmatch(policy.annotations.get(ANNOTATION, ""))
    actor = policy.annotations.get(ACTOR_ANNOTATION, "")[:MAX_ACTOR]
    return Cancel(form.group(1), form.group(2), actor) if form else None


def noted(step: Step, policy: RetrainPolicy | None) -> Cancellation | None:
    """Who cancelled the run of `step`, now or before; None where nobody did."""
    if known := step.run.status.cancelled:
        return known
    cancel = asked(policy) if policy else None
    if cancel is None or cancel.run != step.run.name:
        return None
    return Cancellation(cancel.id, cancel.actor, step.now.replace(microsecond=0))
