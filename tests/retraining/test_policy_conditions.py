"""What a policy says of itself: armed, stalled and why, or not known yet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import (
    DECLARED,
    DESCRIBE,
    METRIC,
    NOW,
    TRIGGER,
    answered,
    counts,
    policy,
    policy_seen,
    rollout,
)
from tests.retraining.passes import GOOD, after, condition, fired, look

from modelwright.analysis.verdict import Verdict
from modelwright.api.pipelines import Parameter, Pipeline
from modelwright.api.policy import RetrainPolicy
from modelwright.kubeflow.questions import DeclaredParameter, Failure, PipelineDescription, Trouble
from modelwright.metrics.questions import NoLook
from modelwright.metrics.reasons import Reason
from modelwright.retraining.plan import PolicyPlan, plan_policy


def test_an_unknown_source_stalls_and_names_the_known_ones() -> None:
    trigger = replace(TRIGGER, metric=replace(METRIC, source="mine"))
    plan = plan_policy(policy_seen(policy(triggers=(trigger,))), NOW)
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")
    assert "usable here: default" in plan.status.conditions[0].message
    assert plan.questions == ()


def test_a_window_too_short_for_the_scrapes_of_its_source_stalls() -> None:
    source = replace(policy_seen(policy()).sources["default"], scrape_interval=timedelta(minutes=2))
    plan = plan_policy(policy_seen(policy(), sources={"default": source}), NOW)
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")
    said = "must be at least four scrape intervals of metric source 'default', 8m; found 5m"
    assert plan.status.conditions[0].message == f"spec.triggers[0].metric.proportion.window: {said}"
    assert plan.questions == ()


def test_a_server_of_another_namespace_stalls() -> None:
    seen = policy_seen(
        policy(), servers={"default": replace(policy_seen(policy()).servers["default"], namespaces=("x",))}
    )
    assert condition(plan_policy(seen, NOW), "Stalled") == ("True", "InvalidSpec")


def test_bad_promql_stalls_with_the_triggers_name() -> None:
    plan = look(policy(), NOW, NoLook(Verdict.ERROR, Reason.BAD_QUERY, "the query does not parse", permanent=True))
    assert condition(plan, "Stalled") == ("True", "InvalidTrigger")
    assert "accuracy" in plan.status.conditions[0].message


def test_two_followers_and_none_named_stalls_with_their_names() -> None:
    plan = look(policy(), NOW, counts(*GOOD), followers=(rollout("a"), rollout("b")))
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")
    named = look(policy(model_rollout="b"), NOW, counts(*GOOD), followers=(rollout("a"), rollout("b")))
    assert named.status.champion is not None
    assert named.status.champion.model_rollout == "b"


def plan_with_pipeline(value: Any, policy_: RetrainPolicy | None = None) -> PolicyPlan:
    return plan_policy(policy_seen(policy_ or policy(), answers={DESCRIBE: answered(value)}), NOW)


def test_a_pipeline_that_is_not_there_stalls() -> None:
    plan = plan_with_pipeline(Failure(Trouble.NOT_FOUND, "pipeline 'churn-training' is not on the server"))
    assert condition(plan, "Stalled") == ("True", "PipelineNotFound")
    assert condition(plan, "Ready") == ("False", "PipelineNotFound")


def test_parameters_that_the_pipeline_does_not_declare_stall() -> None:
    for parameters, found in (
        ((Parameter("epoch", value="1"),), "epoch"),
        ((Parameter("epochs", value="many"),), "NUMBER_INTEGER"),
        ((), "epochs"),
        ((Parameter("epochs", value="1"), Parameter("run_uid", value="x")), "run_uid"),
        ((Parameter("epochs", value="1"), Parameter("sinc", trigger="windowStart")), "sinc"),
    ):
        wrong = policy(pipeline=Pipeline("churn-training", parameters=parameters))
        plan = plan_with_pipeline(PipelineDescription("p", "v", "1", DECLARED), wrong)
        assert condition(plan, "Stalled") == ("True", "InvalidParameters")
        assert found in plan.status.conditions[0].message


def test_a_pipeline_without_result_uri_stalls() -> None:
    declared = tuple(parameter for parameter in DECLARED if parameter.name != "result_uri")
    plan = plan_with_pipeline(PipelineDescription("p", "v", "1", declared))
    assert condition(plan, "Stalled") == ("True", "InvalidParameters")


def test_a_required_parameter_that_nobody_gives_stalls() -> None:
    plan = plan_with_pipeline(
        PipelineDescription("p", "v", "1", (*DECLARED, DeclaredParameter("rate", "NUMBER_DOUBLE")))
    )
    assert condition(plan, "Stalled") == ("True", "InvalidParameters")


def test_a_pipeline_server_that_is_down_does_not_disarm_a_policy_that_was_found_good() -> None:
    down = Failure(Trouble.UNAVAILABLE, "no answer")
    fresh = plan_with_pipeline(down)
    assert condition(fresh, "Ready") == ("False", "PipelineServerUnavailable")
    assert condition(fresh, "Reconciling") == ("True", "PipelineServerUnavailable")
    armed = after(policy(), look(policy(), NOW, counts(*GOOD)))
    assert condition(plan_with_pipeline(down, armed), "Ready") == ("True", "Armed")


def test_a_restart_does_not_make_a_stalled_policy_look_as_if_it_were_under_way() -> None:
    stalled = after(policy(), plan_with_pipeline(Failure(Trouble.NOT_FOUND, "not there")))
    plan = plan_policy(policy_seen(stalled), NOW)
    assert plan.status == stalled.status


def test_a_policy_that_is_being_deleted_creates_nothing() -> None:
    plan = fired(replace(policy(), deleted_at=NOW))
    assert plan.create_run is None
    assert plan.questions == ()
