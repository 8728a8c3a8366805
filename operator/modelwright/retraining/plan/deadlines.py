"""Until when the pipeline of a run may take: its timeout, or the moment at which it will have spent what it may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelwright.api.policy import RetrainPolicy
from modelwright.retraining.plan.limits import spent_out
from modelwright.retraining.plan.run_steps import Step


@dataclass(frozen=True)
class Deadline:
    """When the pipeline is stopped: `reason` is that of a run that was not done by then, `passed` what it passed."""

    at: datetime
    reason: str
    passed: str


def deadline_of(step: Step, policy: RetrainPolicy | None) -> Deadline:
    """Whichever comes first. Of a policy that cannot be read, the budget cannot be read either."""
    run = step.run
    started = run.status.pipeline_run.started_at or step.now
    timeout = Deadline(started + run.spec.pipeline.timeout, "DeadlineExceeded", "its timeout")
    out = spent_out(policy, run, step.seen.siblings) if policy else None
    return Deadline(out[0], "BudgetExceeded", f"the budget of {out[1]}") if out and out[0] < timeout.at else timeout
