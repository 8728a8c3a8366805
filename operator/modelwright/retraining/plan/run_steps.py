"""What a pass over a run may come to: its plan, and the few ways in which a run's status changes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from modelwright.api.conditions import Condition, carry_over
from modelwright.api.run import RetrainRun, RunStatus
from modelwright.retraining.observation import RunObservation
from modelwright.retraining.plan.telling import Event

FINALIZER = "modelwright.dev/pipeline-run"
MAX_MESSAGE = 4096


@dataclass(frozen=True)
class RunPlan:
    """`finalizer`: whether ours has to be on the run. It is set before a pipeline is asked for and removed when there
    is nothing left to stop; a pass that has to change it does nothing else."""

    questions: tuple[Any, ...]
    status: RunStatus
    finalizer: bool
    events: tuple[Event, ...] = ()
    requeue_after: timedelta | None = None


@dataclass(frozen=True)
class Step:
    """Builds plans for one run at one time."""

    seen: RunObservation
    now: datetime

    @property
    def run(self) -> RetrainRun:
        return self.seen.run

    @property
    def holds_finalizer(self) -> bool:
        return FINALIZER in self.seen.finalizers

    def stays(
        self,
        phase: str,
        reason: str,
        message: str,
        *questions: Any,
        finalizer: bool = True,
        requeue_after: timedelta | None = None,
        event: Event | None = None,
        **changes: Any,
    ) -> RunPlan:
        """Not finished: Succeeded is Unknown, and `reason` says what the run waits for."""
        status = self._status(phase, Condition("Succeeded", "Unknown", reason, message), changes)
        # The API server refuses a new finalizer on an object that is being deleted.
        finalizer = finalizer and (self.run.deleted_at is None or self.holds_finalizer)
        return RunPlan(questions, status, finalizer, (event,) if event else (), requeue_after)

    def fails(self, reason: str, message: str, *, phase: str = "Failed", **changes: Any) -> RunPlan:
        """Finished without a model. The finalizer goes in a pass of its own, after this was written."""
        status = self._status(phase, Condition("Succeeded", "False", reason, message), changes)
        events = (Event("Warning", reason, message),)
        return RunPlan((), status, self.holds_finalizer, events, timedelta(0))

    def succeeds(self, reason: str, message: str, **changes: Any) -> RunPlan:
        status = self._status("Approved", Condition("Succeeded", "True", reason, message), changes)
        events = (Event("Normal", reason, message),)
        return RunPlan((), status, self.holds_finalizer, events, timedelta(0))

    def concludes(self, reason: str, message: str, **changes: Any) -> RunPlan:
        """Finished: the champion was evaluated, and there is no model to come."""
        status = self._status("Evaluated", Condition("Succeeded", "True", reason, message), changes)
        return RunPlan((), status, self.holds_finalizer, (Event("Normal", reason, message),), timedelta(0))

    def rests(self, **learnt: Any) -> RunPlan:
        """Nothing to ask, nothing left to stop, and nothing to write but what was `learnt` since."""
        return RunPlan((), replace(self.run.status, **learnt), finalizer=False)

    def _status(self, phase: str, condition: Condition, changes: dict[str, Any]) -> RunStatus:
        message = condition.message[:MAX_MESSAGE]
        stamped = replace(condition, message=message, observed_generation=self.run.generation)
        return replace(
            self.run.status,
            observed_generation=self.run.generation,
            phase=phase,
            conditions=carry_over((stamped,), self.run.status.conditions, self.now),
            **changes,
        )
