"""Single passes over a run, and the runs that they start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.retraining.builders import (
    NOW,
    answered,
    policy,
    run,
    run_seen,
)

from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import PipelineRun, RetrainRun
from modelwright.retraining.plan import RunPlan, plan_run

MINUTE = timedelta(minutes=1)


def with_pipeline(**pipeline_run: Any) -> RetrainRun:
    built = run()
    uri = "file:///results/ml/churn-run1/evaluation.json"
    known = PipelineRun(**{"requested_at": NOW, "result_uri": uri, **pipeline_run})
    return replace(built, status=replace(built.status, phase="Running", pipeline_run=known))


LAUNCHING = with_pipeline()
RUNNING = with_pipeline(id="kf-1", state="RUNNING", started_at=NOW)
SUCCEEDED = with_pipeline(id="kf-1", state="SUCCEEDED", started_at=NOW, finished_at=NOW + MINUTE)


def plan(run: RetrainRun, at: datetime = NOW, of: RetrainPolicy | None = None, **seen: Any) -> RunPlan:
    return plan_run(run_seen(run, of or policy(), **seen), at)


def answer_to(run: RetrainRun, value: Any, at: datetime = NOW, **seen: Any) -> RunPlan:
    """The plan after the first question of a pass was answered with `value`."""
    question = plan(run, at, **seen).questions[0]
    return plan(run, at, answers={question: answered(value, at)}, **seen)


def outcome(plan: RunPlan) -> tuple[str, str]:
    (condition,) = plan.status.conditions
    return condition.status, condition.reason


def without_policy(run: RetrainRun, at: datetime = NOW, **seen: Any) -> RunPlan:
    return plan_run(run_seen(run, None, **seen), at)
