"""What was rejected is not run again while pipeline, parameters and data are the same, as far as triggers tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.retraining.builders import (
    DECLARED,
    DESCRIBE,
    NEW_DIGEST,
    NOW,
    TRIGGER,
    answered,
    counts,
    policy,
    policy_seen,
    run,
)
from tests.retraining.passes import BAD, condition

from modelwright.api.conditions import Condition
from modelwright.api.gate import Gate
from modelwright.api.limits import Limits
from modelwright.api.models import Model
from modelwright.api.pipelines import Parameter
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import GateLine, RetrainRun, RunStatus
from modelwright.api.triggers import Data, Trigger
from modelwright.kubeflow.questions import DescribePipeline, PipelineDescription
from modelwright.metrics.questions import ValueLook, ValueQuestion
from modelwright.retraining.plan import PolicyPlan, plan_policy

SNAPSHOT = Trigger("snapshot", data=Data(config_map="churn-data", key="snapshot"))
ROWS = Trigger("rows", data=Data(query="sum(rows)", grown_by=1_000_000))
ACCURACY = replace(TRIGGER, metric=replace(TRIGGER.metric, hold=timedelta(0)))  # type: ignore[type-var]


def watching(*data: Trigger, **spec: Any) -> RetrainPolicy:
    return policy(triggers=(ACCURACY, *data), limits=Limits(cooldown=timedelta(0)), **spec)


def seen(
    of: RetrainPolicy, *runs: RetrainRun, snapshot: str = "a", rows: float | None = 5, version: str = "v"
) -> PolicyPlan:
    """A pass in which the model is bad, with everything answered."""
    known: dict[str, Any] = {"runs": runs, "config_maps": {("churn-data", "snapshot"): snapshot}}
    answers: dict[Any, Any] = {DESCRIBE: answered(PipelineDescription("p", version, "1", DECLARED))}
    for question in plan_policy(policy_seen(of, **known), NOW).questions:
        if isinstance(question, ValueQuestion):
            if rows is not None:
                answers[question] = answered(ValueLook(rows, None, NOW))
        elif not isinstance(question, DescribePipeline):
            answers[question] = answered(counts(*BAD))
    return plan_policy(policy_seen(of, answers=answers, **known), NOW)


def rejected(plan: PolicyPlan, number: int = 1) -> RetrainRun:
    """The run of `plan` after its model missed a floor."""
    assert plan.create_run is not None
    name = f"churn-run{number}"
    failed = Condition("Succeeded", "False", "GateRejected", "", 1, NOW - timedelta(hours=1))
    status = RunStatus(
        1,
        "Rejected",
        model=Model(name, f"file:///results/ml/{name}/model", NEW_DIGEST),
        gate=(GateLine("floor", "Fail", "accuracy 0.8"),),
        conditions=(failed,),
    )
    return replace(run(number), spec=replace(plan.create_run.spec, number=number), status=status)


def held(plan: PolicyPlan) -> bool:
    assert (plan.create_run is None) == (condition(plan, "Retraining") == ("False", "RecipeRejected"))
    return plan.create_run is None


@pytest.mark.parametrize("data", [SNAPSHOT, ROWS], ids=["object", "count"])
def test_the_same_recipe_waits_and_says_for_what(data: Trigger) -> None:
    of = watching(data)
    again = seen(of, rejected(seen(of)))
    assert held(again)
    (told,) = (each.message for each in again.status.conditions if each.type == "Retraining")
    assert told == (
        "the same pipeline, parameters and data led to churn-run1, which was rejected; "
        "triggers wait for other data or an edit of the pipeline"
    )


def test_other_data_another_version_or_other_parameters_are_another_recipe() -> None:
    of = watching(SNAPSHOT, ROWS)
    first = rejected(seen(of))
    assert held(seen(of, first))
    assert not held(seen(of, first, snapshot="b"))
    assert not held(seen(of, first, rows=6))
    assert not held(seen(of, first, version="w"))
    more = (Parameter("epochs", value="21"), Parameter("since", trigger="windowStart"))
    edited = replace(of, spec=replace(of.spec, pipeline=replace(of.spec.pipeline, parameters=more)))
    assert not held(seen(edited, first))


def test_it_stays_known_when_the_run_is_gone() -> None:
    of = watching(SNAPSHOT)
    learnt = seen(of, rejected(seen(of)))
    assert held(seen(replace(of, status=learnt.status)))


def test_what_is_not_known_now_is_waited_for_only_where_something_was_rejected() -> None:
    of = watching(ROWS)
    assert not held(seen(of, rows=None))
    assert held(seen(of, rejected(seen(of)), rows=None))


def test_as_many_attempts_are_made_as_the_gate_judges_on_the_same_data() -> None:
    of = watching(SNAPSHOT, gate=Gate(attempts_per_data=2))
    first = rejected(seen(of))
    second = seen(of, first)
    assert not held(second)
    assert held(seen(of, first, rejected(second, 2)))


def test_a_policy_without_a_data_trigger_knows_nothing_beforehand() -> None:
    of = watching()
    first = rejected(seen(of))
    assert first.spec.planned_recipe == ""
    assert not held(seen(of, first))


def test_a_person_may_have_it_run_again() -> None:
    of = watching(SNAPSHOT)
    first = rejected(seen(of))
    asked = replace(of, annotations={"modelwright.dev/command": "retrain/7", "modelwright.dev/actor": "alice"})
    assert not held(seen(asked, first))
