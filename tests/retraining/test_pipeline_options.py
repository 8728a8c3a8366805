"""What a run may use besides its parameters, packages that a policy brings along, and retries of a failed run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import yaml
from tests.playground.kubeflow import package as packages
from tests.retraining.builders import DECLARED, DESCRIBE, NOW, SERVERS, answered, policy, policy_seen
from tests.retraining.passes import condition, fired
from tests.retraining.run_passes import LAUNCHING, MINUTE, RUNNING, answer_to, outcome, plan

from modelwright.api.pipelines import Caching, Gpu, Package, Parameter, Pipeline, Resources, Spot
from modelwright.api.run import RetrainRun
from modelwright.kubeflow.packages import package_digest
from modelwright.kubeflow.questions import (
    EnsureRun,
    FollowRun,
    KubeflowRun,
    PackageToRun,
    PipelineDescription,
    RetryRun,
    RunOptions,
)
from modelwright.retraining.plan import PolicyPlan, plan_policy

TEXT = yaml.safe_dump(
    packages.pipeline(packages.NOTHING, result_uri={"parameterType": "STRING"}, run_uid={"parameterType": "STRING"})
)
SERVER = replace(
    SERVERS["default"],
    service_accounts=("trainer",),
    pipeline_roots=("s3://artefacts",),
    package_roots=("s3://pipelines",),
)


def policy_with(known: Any = None, **pipeline: Any) -> PolicyPlan:
    spec = Pipeline(**{"name": "churn-training", **pipeline})
    answers = {DESCRIBE: answered(known)} if known else {}
    return plan_policy(policy_seen(policy(pipeline=spec), servers={"default": SERVER}, answers=answers), NOW)


def packaged(text: str | None) -> PolicyPlan:
    """The plan for a policy whose pipeline is in a ConfigMap that holds `text`."""
    return plan_policy(policy_seen(policy(pipeline=Pipeline(package=Package("churn"))), package=text), NOW)


def run_with(run: RetrainRun, **pipeline: Any) -> RetrainRun:
    return replace(run, spec=replace(run.spec, pipeline=replace(run.spec.pipeline, **pipeline)))


def message(plan: PolicyPlan) -> str:
    return next(each.message for each in plan.status.conditions if each.type == "Stalled")


@pytest.mark.parametrize(
    ("pipeline", "allowed"),
    [
        ({"service_account": "admin"}, "trainer"),
        ({"pipeline_root": "s3://elsewhere/x"}, "s3://artefacts"),
        ({"name": "", "package": Package(uri="https://example.com/p.yaml")}, "s3://pipelines"),
    ],
)
def test_what_the_platform_does_not_allow_stalls_with_what_it_does(pipeline: dict[str, Any], allowed: str) -> None:
    made = policy_with(**pipeline)
    assert condition(made, "Stalled") == ("True", "InvalidSpec")
    assert allowed in message(made)
    assert made.questions == ()


def test_what_the_platform_allows_is_passed_on_with_the_run() -> None:
    run = run_with(LAUNCHING, service_account="trainer", pipeline_root="s3://artefacts/churn", caching=Caching.DISABLED)
    (question,) = plan(run).questions
    assert isinstance(question, EnsureRun)
    assert question.options == RunOptions("trainer", "s3://artefacts/churn", caching_off=True)


def test_resources_are_offered_to_pipelines_that_declare_them() -> None:
    run = run_with(LAUNCHING, resources=Resources(Gpu("a100", 2), "training", Spot.PREFERRED))
    (question,) = plan(run).questions
    offered = dict(question.offered)
    assert [offered[name] for name in ("gpu_type", "gpu_count", "node_pool", "spot")] == [
        "a100",
        "2",
        "training",
        "Preferred",
    ]


def test_a_secret_is_passed_by_its_name() -> None:
    pipeline = Pipeline(
        "churn-training", parameters=(Parameter("epochs", value="20"), Parameter("since", secret="churn-db"))
    )
    made = fired(policy(pipeline=pipeline))
    assert made.create_run is not None
    assert made.create_run.spec.pipeline.parameters[1] == Parameter("since", value="churn-db")


def test_a_cache_that_cannot_be_switched_off_stalls_only_where_that_is_asked() -> None:
    known = PipelineDescription("p", "v", "1", DECLARED, caching_controllable=False)
    epochs = (Parameter("epochs", value="20"),)
    stalled = policy_with(known, parameters=epochs, caching=Caching.DISABLED)
    assert condition(stalled, "Stalled") == ("True", "CachingNotControllable")
    armed = policy_with(known, parameters=epochs)
    assert condition(armed, "Ready") == ("True", "Armed")


def test_a_package_in_a_config_map_is_read_and_nothing_is_asked_about_it() -> None:
    made = packaged(TEXT)
    assert condition(made, "Ready") == ("True", "Armed")
    assert not [question for question in made.questions if hasattr(question, "package_uri")]


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "PipelineNotFound"), ("a: b", "InvalidPipeline"), ("{", "InvalidPipeline")]
)
def test_a_package_that_is_not_there_or_none_stalls_with_its_place(text: str | None, reason: str) -> None:
    made = packaged(text)
    assert condition(made, "Stalled") == ("True", reason)
    assert "ConfigMap 'churn'" in message(made)


def test_a_run_remembers_which_package_it_was_created_for() -> None:
    pipeline = Pipeline(package=Package("churn"))
    made = fired(policy(pipeline=pipeline), package=TEXT)
    assert made.create_run is not None
    assert made.create_run.spec.pipeline.package == Package("churn", digest=package_digest(TEXT))


def test_a_run_is_launched_with_the_package_that_it_was_created_for() -> None:
    run = run_with(LAUNCHING, name="", package=Package("churn", digest=package_digest(TEXT)))
    (question,) = plan(run, package=TEXT).questions
    assert question.package == PackageToRun(package_digest(TEXT), TEXT)


def test_a_run_whose_config_map_is_gone_waits_and_says_so() -> None:
    run = run_with(LAUNCHING, name="", package=Package("churn"))
    made = plan(run, package=None)
    assert outcome(made) == ("Unknown", "InvalidSpec")
    assert made.questions == ()


FAILED = KubeflowRun("kf-1", "FAILED", NOW, NOW + MINUTE)
AT = NOW + 2 * MINUTE


def test_a_failed_run_is_not_retried_unless_the_policy_says_so() -> None:
    assert outcome(answer_to(RUNNING, FAILED, AT)) == ("False", "PipelineFailed")


def test_a_retry_is_saved_before_it_is_asked_for() -> None:
    run = run_with(RUNNING, retries=1)
    saved = answer_to(run, FAILED, AT)
    assert outcome(saved) == ("Unknown", "Retrying")
    assert not [question for question in saved.questions if isinstance(question, RetryRun)]
    assert (saved.status.pipeline_run.retries, saved.status.pipeline_run.failed_at) == (1, NOW + MINUTE)
    asked = answer_to(replace(run, status=saved.status), FAILED, AT)
    assert RetryRun("default", "kf-1", 1) in asked.questions
    assert asked.status == saved.status


def test_a_run_that_goes_on_is_followed_to_its_end() -> None:
    run = run_with(RUNNING, retries=1)
    run = replace(run, status=answer_to(run, FAILED, AT).status)
    going_on = answer_to(run, KubeflowRun("kf-1", "RUNNING", NOW), AT + MINUTE)
    assert outcome(going_on) == ("Unknown", "PipelineRunning")
    assert not [question for question in going_on.questions if isinstance(question, RetryRun)]
    ended = answer_to(replace(run, status=going_on.status), KubeflowRun("kf-1", "SUCCEEDED", NOW, AT), AT + MINUTE)
    assert outcome(ended) == ("Unknown", "Evaluating")


def test_after_the_last_retry_a_failure_is_a_failure() -> None:
    run = run_with(RUNNING, retries=1)
    run = replace(run, status=answer_to(run, FAILED, AT).status)
    again = replace(FAILED, finished_at=AT)
    assert outcome(answer_to(run, again, AT + MINUTE)) == ("False", "PipelineFailed")


def test_a_run_is_not_retried_past_its_timeout() -> None:
    run = run_with(RUNNING, retries=5, timeout=timedelta(minutes=1, seconds=30))
    assert outcome(answer_to(run, FAILED, AT)) == ("False", "PipelineFailed")


def test_the_question_that_follows_a_run_names_its_namespace() -> None:
    (follow,) = [question for question in plan(RUNNING).questions if isinstance(question, FollowRun)]
    assert follow.namespace == "ml"
