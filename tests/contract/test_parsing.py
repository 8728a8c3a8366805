"""What parsing makes of specs: defaults that an expert would have chosen, and errors that name path and need."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.contract.corpus import HERE, merged, read

from modelwright.api.metrics import AgainstStable, Bounds, Proportion
from modelwright.api.parsing import parse_policy, parse_rollout, parse_rollout_status
from modelwright.api.pipelines import Parameter
from modelwright.api.rollout import ManagedRoute, Step
from modelwright.api.triggers import MetricTrigger
from modelwright.errors import InvalidSpec

SERVER_SIDE = {"metadata": {"uid": "u", "generation": 1, "resourceVersion": "1"}}


def manifest(name: str, change: Mapping[str, Any] | None = None) -> dict[str, Any]:
    body = read(HERE / "accepted" / f"{name}.yaml")[0]
    return dict(merged(merged(body, SERVER_SIDE), change or {}))


def test_a_rollout_without_a_strategy_goes_over_10_and_50_percent() -> None:
    spec = parse_rollout(manifest("rollout")).spec
    assert spec.steps == (Step(10, timedelta(minutes=5)), Step(50, timedelta(minutes=5)))


def test_a_rollout_without_metrics_is_judged_by_its_request_errors() -> None:
    (metric,) = parse_rollout(manifest("rollout")).spec.analysis.metrics
    assert metric.proportion == Proportion(
        "model_request_errors_total{$(selector)}", "model_requests_total{$(selector)}"
    )
    assert metric.stable == AgainstStable(max_increase=Decimal("0.005"))


def test_a_preset_may_have_a_comparison_of_its_own() -> None:
    compare = {"threshold": {"max": "0.05"}}
    metrics = [{"name": "errors", "preset": "RequestErrors", "compare": compare}]
    (metric,) = parse_rollout(manifest("rollout", {"spec": {"analysis": {"metrics": metrics}}})).spec.analysis.metrics
    assert (metric.stable, metric.threshold) == (None, Bounds(max=Decimal("0.05")))


def test_parent_references_stay_as_they_were_written() -> None:
    route = parse_rollout(manifest("rollout-analysed")).spec.route
    assert isinstance(route, ManagedRoute)
    assert route.parent_refs[0]["sectionName"] == "http"
    assert route.hostnames == ("*.example.com",)


def test_a_policy_has_the_defaults_of_its_types() -> None:
    spec = parse_policy(manifest("policy")).spec
    proportion = Proportion("a{$(champion)}", "b{$(champion)}", timedelta(hours=1))
    assert spec.triggers[0].metric == MetricTrigger(bounds=Bounds(min=Decimal("0.90")), proportion=proportion)
    assert spec.limits.cooldown == timedelta(hours=1)
    assert spec.pipeline.server == "default"
    assert spec.gate.checks == ()


def test_parameters_say_where_their_values_come_from() -> None:
    parameters = parse_policy(manifest("policy-gated")).spec.pipeline.parameters
    assert parameters == (
        Parameter("epochs", value=""),
        Parameter("since", trigger="firedAt"),
        Parameter("base", champion="digest"),
    )


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"workload": {"deployment": {"port": "grpc"}}}, "spec.workload.deployment.port", "'grpc', found 'http'"),
        (
            {"workload": {"deployment": {"template": {"spec": {"containers": []}}}}},
            "spec.workload.deployment.template.spec.containers",
            "must be set, and not empty",
        ),
        ({"state": "Paused"}, "spec.state", "must be 'Active' or 'Suspended', found 'Paused'"),
        ({"replicas": "3"}, "spec.replicas", "must be an integer, found '3'"),
        ({"replicas": True}, "spec.replicas", "must be an integer, found True"),
        ({"promotion": {"bakeTime": "1d"}}, "spec.promotion.bakeTime", "must be a duration such as"),
        ({"analysis": {"errorRate": "NaN"}}, "spec.analysis.errorRate", "must be a decimal number such as"),
        ({"analysis": {"metrics": {}}}, "spec.analysis.metrics", "must be a list, found {}"),
        ({"traffic": []}, "spec.traffic", "must be an object, found []"),
        ({"model": {"version": 12}}, "spec.model.version", "must be a string, found 12"),
        ({"model": None}, "spec", "must have exactly one of `model`, `modelFrom`, found none of them"),
    ],
)
def test_an_error_names_the_path_and_what_is_needed(change: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_rollout(manifest("rollout", {"spec": change}))
    assert caught.value.path == path
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("schedule", "path", "message"),
    [
        ({"cron": "0 3 30 2 *"}, "spec.triggers[0].schedule.cron", "bad day-of-month"),
        (
            {"cron": "0 3 * * *", "timeZone": "Mars"},
            "spec.triggers[0].schedule.timeZone",
            "must be a time zone such as",
        ),
    ],
)
def test_a_schedule_that_never_comes_is_an_error(schedule: dict[str, str], path: str, message: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_policy(manifest("policy", {"spec": {"triggers": [{"name": "t", "schedule": schedule}]}}))
    assert caught.value.path == path
    assert message in caught.value.message


def test_the_status_can_be_read_where_the_spec_cannot() -> None:
    stable = {"revision": "6b8f9c", "version": "v11", "uri": "s3://models/churn/v11"}
    body = manifest("rollout", {"spec": {"model": None}, "status": {"stable": stable}})
    status = parse_rollout_status(body)
    assert status.stable is not None
    assert status.stable.model.version == "v11"


def test_the_error_in_a_status_names_its_path() -> None:
    with pytest.raises(InvalidSpec, match=r"status\.stable\.revision: must be set"):
        parse_rollout_status({"status": {"stable": {"version": "v11", "uri": "s3://m"}}})
