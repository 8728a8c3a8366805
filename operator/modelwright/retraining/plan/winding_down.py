"""Ends a run whose result nobody wants any more: nothing is started, and what runs is stopped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from modelwright.api.limits import Concurrency
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.kubeflow.questions import TERMINAL_STATES, Failure, KubeflowRun, NoRun, StopRun
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.run_steps import RunPlan, Step

# After a create call that failed without telling whether it created, nobody creates again before this has passed.
GRACE = timedelta(seconds=60)
LOOK_AGAIN = timedelta(seconds=30)


def display_name(run_name: str, uid: str) -> str:
    """What the Kubeflow run is called: readable by its first half, unique by its second."""
    return f"{run_name}-{uid}"


def replaced_by(policy: RetrainPolicy, run: RetrainRun, siblings: Iterable[RetrainRun]) -> RetrainRun | None:
    """The newer run that was started in this one's place. One whose pipeline has ended is judged all the same."""
    ended = run.status.pipeline_run.state in TERMINAL_STATES
    if policy.spec.limits.concurrency is not Concurrency.REPLACE or ended:
        return None
    return lineage.newest(sibling for sibling in siblings if sibling.spec.number > run.spec.number)


def wind_down(step: Step, reason: str, message: str) -> RunPlan:
    """End `step.run`, with `reason` if it is not being deleted, when nothing runs for it any more."""
    run, known = step.run, step.run.status.pipeline_run
    reachable = run.spec.pipeline.server in step.seen.servers
    if known.requested_at is None or known.state in TERMINAL_STATES or not reachable:
        return _wound_down(step, reason, message)
    question = StopRun(run.spec.pipeline.server, known.id, display_name(run.name, run.uid), run.namespace)
    answer = step.seen.answers.get(question)
    match answer.value if answer else None:
        case KubeflowRun() as found if found.ended or found.state == "CANCELING":
            return _wound_down(step, reason, message)
        case NoRun() if known.id or (answer and answer.started_at >= known.requested_at + GRACE):
            return _wound_down(step, reason, message)
        case Failure(message=failure):
            return step.stays(run.status.phase, "Stopping", failure, question)
        case _:
            waiting = "the pipeline run is being stopped"
            return step.stays(run.status.phase, "Stopping", waiting, question, requeue_after=LOOK_AGAIN)


def _wound_down(step: Step, reason: str, message: str) -> RunPlan:
    if step.run.deleted_at is not None:
        return step.rests()
    return step.fails(reason, message)
