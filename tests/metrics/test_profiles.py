"""Profiles are read as metrics of a spec are, and merged by name; windows fit the scrape interval of their source."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelwright.api.metrics import Metric, Proportion
from modelwright.api.presets import DEFAULT_METRICS
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.profiles import _METRIC, merge, parse_profiles, profile_named
from modelwright.metrics.windows import check_window

CRD = Path(__file__).parents[2] / "crds" / "modelrollouts.yaml"
ERRORS = {"name": "errors", "preset": "RequestErrors", "compare": {"stable": {"maxIncrease": "0.01"}}}
SLOW = {"name": "slow", "preset": "SlowRequests", "slowerThan": "500ms", "server": "MLServer"}


def profiles(*metrics: Any) -> dict[str, Any]:
    return {"metricProfiles": [{"name": "tabular-online", "metrics": list(metrics)}]}


def metric(name: str, total: str) -> Metric:
    return Metric(name, Proportion("e_total", total))


def test_a_profile_holds_metrics_as_a_spec_writes_them() -> None:
    found = parse_profiles(profiles(ERRORS, SLOW))
    errors, slow = found["tabular-online"]
    assert errors.proportion == DEFAULT_METRICS[0].proportion
    assert errors.stable is not None
    assert errors.stable.max_increase == Decimal("0.01")
    assert slow.proportion is not None
    assert slow.proportion.total.startswith("rest_server_request_duration_seconds_count{")
    assert parse_profiles({}) == {}


def test_the_metrics_of_the_spec_replace_those_of_their_name_and_follow_the_others() -> None:
    profile = (metric("errors", "a_total"), metric("slow", "b_total"))
    spec = (metric("wrong", "c_total"), metric("errors", "d_total"))
    assert [(one.name, one.proportion and one.proportion.total) for one in merge(profile, spec)] == [
        ("errors", "d_total"),
        ("slow", "b_total"),
        ("wrong", "c_total"),
    ]
    assert merge(profile, ()) == profile
    assert merge((), spec) == spec
    assert merge(profile, merge(profile, spec)) == merge(profile, spec)


def test_an_unknown_profile_is_named_beside_the_known() -> None:
    known = parse_profiles(profiles(ERRORS))
    assert profile_named("tabular-online", known) == known["tabular-online"]
    with pytest.raises(InvalidSpec) as refused:
        profile_named("tabular", known)
    assert refused.value.path == "spec.analysis.profile"
    assert refused.value.message == "metric profile 'tabular' is not configured; known are tabular-online"
    with pytest.raises(InvalidSpec, match="known are none"):
        profile_named("tabular", {})


@pytest.mark.parametrize(
    ("configuration", "path"),
    [
        ({"metricProfiles": [{"name": "", "metrics": [ERRORS]}]}, "metricProfiles[0].name"),
        ({"metricProfiles": [{"name": "a", "metrics": []}]}, "metricProfiles[0].metrics"),
        ({"metricProfiles": [{"name": "a", "metric": [ERRORS]}]}, "metricProfiles[0].metric"),
        ({"metricProfiles": [{"name": "a", "metrics": [ERRORS]}] * 2}, "metricProfiles[1].name"),
        (profiles(ERRORS, ERRORS), "metricProfiles[0].metrics[1].name"),
        (profiles(ERRORS | {"preset": "Errors"}), "metricProfiles[0].metrics[0].preset"),
        (profiles(ERRORS | {"comparison": {}}), "metricProfiles[0].metrics[0].comparison"),
        (profiles(SLOW | {"slowerThan": None}), "metricProfiles[0].metrics[0].slowerThan"),
    ],
)
def test_a_profile_that_cannot_work_is_refused_where_it_is_wrong(configuration: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_profiles(configuration)
    assert refused.value.path == path


def test_a_profile_knows_the_fields_that_the_definition_knows() -> None:
    schema = yaml.safe_load(CRD.read_text())["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    analysis = schema["properties"]["spec"]["properties"]["analysis"]["properties"]
    # Profiles hold guardrails. A goal is what one test is about, and nothing for a platform to hand out.
    assert {*_METRIC, "role"} == set(analysis["metrics"]["items"]["properties"])


@pytest.mark.parametrize(("seconds", "fits"), [(60, True), (59, False), (3600, True)])
def test_a_window_spans_four_scrapes(seconds: int, fits: bool) -> None:
    source = MetricSource("default", "http://x", timedelta(seconds=15))
    window = timedelta(seconds=seconds)
    if fits:
        check_window(window, source, "spec.x")
        return
    with pytest.raises(InvalidSpec) as refused:
        check_window(window, source, "spec.x")
    assert refused.value.path == "spec.x"
    assert refused.value.message == ("must be at least four scrape intervals of metric source 'default', 1m; found 59s")
