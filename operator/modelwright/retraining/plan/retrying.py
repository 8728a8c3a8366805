"""A pipeline run that failed goes on from its failed tasks, as often as the policy allows, within its timeout."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from modelwright.api.run import PipelineRun
from modelwright.kubeflow.questions import FollowRun, KubeflowRun, RetryRun
from modelwright.retraining.plan.run_steps import RunPlan, Step
from modelwright.retraining.plan.telling import Event


def retry(step: Step, found: KubeflowRun, known: PipelineRun, follow: FollowRun, deadline: datetime) -> RunPlan | None:
    """The plan for a failed run that may go on, None for every other.

    The wish is saved before the server is asked: after a crash the same attempt is asked for again, not one more.
    """
    pipeline = step.run.spec.pipeline
    if found.state != "FAILED" or step.now >= deadline:
        return None
    # Only times of the server are compared, with each other: its clock is not ours.
    if known.retries and found.finished_at == known.failed_at:
        again = RetryRun(pipeline.server, found.id, known.retries)
        message = f"pipeline run {found.id} failed and goes on, retry {known.retries} of {pipeline.retries}"
        running = replace(known, state="")
        wait = deadline - step.now
        return step.stays("Running", "Retrying", message, follow, again, requeue_after=wait, pipeline_run=running)
    if known.retries >= pipeline.retries:
        return None
    attempt = known.retries + 1
    message = f"pipeline run {found.id} failed and goes on, retry {attempt} of {pipeline.retries}"
    return step.stays(
        "Running",
        "Retrying",
        message,
        follow,
        requeue_after=timedelta(0),
        event=Event("Warning", "PipelineRetried", message),
        pipeline_run=replace(known, state="", retries=attempt, failed_at=found.finished_at),
    )
