"""A rollout that names a profile of the platform has its metrics, with its own over them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import Comparison, RequiredFor
from modelwright.api.rollout import Analysis, RolloutSpec
from modelwright.metrics.profiles import parse_profiles
from modelwright.rollouts.plan.margins import margin_read
from modelwright.rollouts.profiled import with_profile

PROFILES = parse_profiles(
    {
        "metricProfiles": [
            {
                "name": "tabular",
                "metrics": [
                    {"name": "errors", "preset": "RequestErrors"},
                    {"name": "slow", "preset": "SlowRequests", "slowerThan": "500ms"},
                ],
            }
        ]
    }
)


def world_with(**fields: Any) -> World:
    return World(spec=following(**fields))


def following(**fields: Any) -> RolloutSpec:
    return replace(SPEC, analysis=Analysis(interval=timedelta(seconds=5), profile="tabular", **fields))


def test_the_metrics_of_the_profile_are_those_of_the_rollout() -> None:
    rollout, problem = with_profile(world_with().rollout(), PROFILES)
    assert [metric.name for metric in rollout.spec.analysis.metrics] == ["errors", "slow"]
    assert problem == ""


def test_a_metric_of_the_rollout_takes_the_place_of_its_namesake() -> None:
    rollout, _ = with_profile(world_with(metrics=(ERRORS,)).rollout(), PROFILES)
    assert rollout.spec.analysis.metrics[0] == ERRORS
    assert len(rollout.spec.analysis.metrics) == 2


def test_an_unknown_profile_is_named_with_those_that_exist() -> None:
    _, problem = with_profile(world_with().rollout(), {})
    assert problem == "spec.analysis.profile: metric profile 'tabular' is not configured; known are none"


def test_labels_of_a_profile_that_come_too_late_are_refused_as_those_of_a_spec() -> None:
    late = replace(ERRORS, horizon=timedelta(hours=1), required_for=RequiredFor.EVERY_STEP)
    _, problem = with_profile(world_with(metrics=(late,)).rollout(), PROFILES)
    assert "must not be longer than the shortest `hold`" in problem


def test_a_profile_that_vanishes_holds_the_weight_and_says_so_but_still_rolls_back() -> None:
    world = serving_v1(spec=following(metrics=(ERRORS,)))
    world.edit(model=V2)
    world.until(in_step(1))
    world.profile_problem = "spec.analysis.profile: metric profile 'tabular' is not configured"
    world.tick(300)
    assert world.weight == 10
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    world.error_rate["v2"] = 0.9
    world.until(lambda w: bool(w.status.rejected))


def test_more_metrics_than_a_status_remembers_are_refused() -> None:
    many = tuple(replace(ERRORS, name=f"errors-{number}") for number in range(19))
    _, problem = with_profile(world_with(metrics=many).rollout(), PROFILES)
    assert "has 21 metrics together with spec.analysis.metrics, at most 20 are possible" in problem


def test_status_says_how_metrics_of_a_profile_are_judged_for_those_who_see_only_that() -> None:
    world = serving_v1(spec=replace(SPEC, analysis=Analysis(interval=timedelta(seconds=5), metrics=(ERRORS,))))
    world.edit(model=V2)
    world.until(in_step(1)).tick(10)
    (known,) = world.status.metrics
    assert (known.compare, known.margin) == (Comparison.MAX_INCREASE, "0.02")
    assert margin_read(known.compare, known.margin) == ERRORS.stable
