"""After the switch the candidate is compared with what stable had shown before it. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V1, V2, World, serving_v1

from modelwright.analysis.frozen import FROZEN_FOR
from modelwright.api.metrics import AgainstStable, During, FastLimit, Mean, Metric
from modelwright.api.rollout import BlueGreen, Frozen, RolloutSpec, Stage
from modelwright.rollouts.plan.asking import questions
from modelwright.rollouts.plan.draft import Draft

SCORE = Metric(
    "score",
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(10)),
    stable=AgainstStable(max_decrease=Decimal("1")),
)
COMPARED = replace(ERRORS, fast_limit=None)
BAKED = replace(
    SPEC,
    analysis=replace(SPEC.analysis, metrics=(COMPARED,)),
    promotion=replace(SPEC.promotion, bake_time=timedelta(minutes=10)),
)
BLUE_GREEN = replace(BAKED, steps=(), blue_green=BlueGreen(timedelta(minutes=2)))


def switched(spec: RolloutSpec, **fields: Any) -> World:
    """In the bake time of v2; stable has 2 % errors."""
    world = serving_v1(spec=spec, step=5, **fields)
    world.error_rate |= {"v1": 0.02}
    world.error_rate.setdefault("v2", 0.02)
    world.edit(model=V2)
    return world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100, limit=2000)


def frozen(world: World) -> Frozen:
    (found,) = world.status.frozen
    return found


@pytest.mark.parametrize("spec", [BAKED, BLUE_GREEN], ids=["canary", "blue-green"])
def test_a_healthy_candidate_is_promoted_beside_frozen_numbers(spec: RolloutSpec) -> None:
    world = switched(spec)
    assert frozen(world).total > 1000
    assert Decimal("0.04") < Decimal(frozen(world).max) < Decimal("0.06")
    world.until(lambda w: w.live_version == "v2", limit=2000)
    assert world.status.frozen == ()
    assert "before the switch" in world.status.metrics[0].message


@pytest.mark.parametrize("spec", [BAKED, BLUE_GREEN], ids=["canary", "blue-green"])
def test_one_that_is_worse_than_stable_was_goes_back_although_stable_has_no_traffic(spec: RolloutSpec) -> None:
    world = switched(spec)
    world.error_rate["v2"] = 0.12
    world.until(lambda w: bool(w.status.rejected), limit=300)
    assert "stable had 0.0" in world.status.rejected[0].reason
    world.until(World.at_rest)
    assert (world.live_version, world.status.frozen) == ("v1", ())


def test_stable_is_counted_alone_in_the_preview() -> None:
    world = serving_v1(spec=BLUE_GREEN, step=5)
    world.edit(model=V2)
    world.tick(60)
    asked = questions(Draft(world.observe(), world.now, world.status))
    assert [(question.metric, question.arm) for question in asked] == [("errors", "stable")]


def test_after_an_hour_what_stable_had_shown_is_no_arm_any_more() -> None:
    world = switched(replace(BAKED, promotion=replace(BAKED.promotion, bake_time=timedelta(hours=2))))
    world.step = 60
    world.tick(int(FROZEN_FOR.total_seconds()) + 300)
    # Traffic changes with the hour, and with it what is usual.
    world.error_rate["v2"] = 0.12
    world.until(lambda w: w.live_version == "v2", limit=7200)


def test_what_is_not_due_in_the_bake_time_is_not_frozen() -> None:
    canary_only = replace(COMPARED, during=(During.CANARY,))
    world = switched(replace(BAKED, analysis=replace(BAKED.analysis, metrics=(canary_only,))))
    assert world.status.frozen == ()


def test_nothing_is_frozen_of_a_stable_that_nobody_asked() -> None:
    world = serving_v1(spec=BLUE_GREEN, step=5, rate=0)
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2", limit=2000)
    assert world.status.frozen == ()


def test_a_metric_that_is_edited_after_the_switch_has_nothing_frozen() -> None:
    world = switched(BAKED)
    other = replace(COMPARED, stable=AgainstStable(max_increase=Decimal("0.001")))
    world.edit(analysis=replace(BAKED.analysis, metrics=(other,)))
    world.error_rate["v2"] = 0.12
    world.until(lambda w: w.live_version == "v2", limit=2000)


def test_a_restart_keeps_what_was_frozen() -> None:
    world = switched(BAKED)
    before = frozen(world)
    world.restart()
    world.error_rate["v2"] = 0.12
    world.tick(20)
    assert frozen(world) == before
    world.until(lambda w: bool(w.status.rejected), limit=300)


def test_a_fast_limit_decides_beside_it() -> None:
    limited = replace(COMPARED, fast_limit=FastLimit(Decimal("0.5"), 20))
    world = switched(replace(BAKED, analysis=replace(BAKED.analysis, metrics=(limited,))))
    world.error_rate["v2"] = 0.9
    world.until(lambda w: bool(w.status.rejected), limit=60)


def scored(spec: RolloutSpec) -> RolloutSpec:
    """`spec` judged by a mean, of which stable has 8."""
    return replace(spec, analysis=replace(spec.analysis, metrics=(SCORE,)))


@pytest.mark.parametrize("spec", [BAKED, BLUE_GREEN], ids=["canary", "blue-green"])
@pytest.mark.parametrize(("later", "serves"), [(0.8, "v2"), (0.5, "v1")])
def test_a_mean_is_compared_with_what_stable_had(spec: RolloutSpec, later: float, serves: str) -> None:
    world = serving_v1(spec=scored(spec), step=5)
    world.metrics.rates |= {("score", "v1"): 0.8, ("score", "v2"): 0.8}
    world.edit(model=V2)
    world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100, limit=2000)
    assert Decimal("6.5") < Decimal(frozen(world).min) < Decimal(7)
    assert Decimal("7.8") < Decimal(frozen(world).value) < Decimal("8.2")
    world.metrics.rates["score", "v2"] = later
    world.until(lambda w: w.at_rest(), limit=2000)
    assert world.live_version == serves
    assert bool(world.status.rejected) is (serves == "v1")


def said(world: World) -> str:
    return next(condition.message for condition in world.status.conditions if condition.type == "Progressing")


def test_a_stable_of_too_few_observations_is_told_in_status_and_event() -> None:
    world = serving_v1(spec=BLUE_GREEN, step=5, rate=0)
    world.edit(model=V2)
    world.until(lambda w: w.weight == 100, limit=2000)
    world.tick(5)
    assert said(world) == "100 % to v2, baking, errors not compared with v1"
    message = "not compared with v1 at 100 %: errors: 0 observations of v1 were seen, 50 are needed"
    assert [text for _, reason, text in world.news if reason == "NotCompared"] == [message]


def test_the_way_back_within_the_window_says_that_nothing_is_compared() -> None:
    spec = replace(BAKED, promotion=replace(BAKED.promotion, bake_time=timedelta(seconds=30), rollback_window=3))
    world = serving_v1(spec=spec, step=5)
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2", limit=3000)
    world.edit(model=V1)
    world.until(lambda w: w.weight == 100, limit=300)
    world.tick(5)
    assert said(world) == "100 % to v1, baking, errors not compared with v2"
    world.until(lambda w: w.live_version == "v1", limit=300)


def test_without_a_bake_time_nobody_is_told_that_nothing_is_compared_in_it() -> None:
    world = serving_v1(spec=BAKED, step=1)
    world.edit(model=V2)
    world.until(lambda w: bool(w.weight))
    world.command("promote-full")
    world.until(lambda w: w.live_version == "v2", limit=300)
    assert not [text for _, reason, text in world.news if reason == "NotCompared" or "not compared" in text]


def test_after_an_hour_status_says_that_it_is_compared_no_more() -> None:
    world = switched(replace(BAKED, promotion=replace(BAKED.promotion, bake_time=timedelta(hours=2))))
    world.tick(60)
    assert "not compared" not in said(world)
    world.step = 60
    world.tick(int(FROZEN_FOR.total_seconds()) + 300)
    assert said(world).startswith("100 % to v2, baking, errors not compared with v1")


def test_a_switch_waits_for_a_source_that_does_not_answer() -> None:
    world = serving_v1(spec=BLUE_GREEN, step=5)
    world.edit(model=V2)
    world.metrics.up = False
    world.tick(600)
    assert (world.weight, world.condition("Ready")) == (0, ("False", "MetricsUnavailable"))
    world.metrics.up = True
    world.until(lambda w: w.live_version == "v2", limit=2000)


@pytest.mark.parametrize("during", [(During.BAKE,), (During.PREVIEW,)])
def test_so_does_one_whose_fast_limit_cannot_be_seen(during: tuple[During, ...]) -> None:
    limited = replace(COMPARED, fast_limit=FastLimit(Decimal("0.5"), 20), stable=None, during=during)
    world = serving_v1(spec=replace(BLUE_GREEN, analysis=replace(BAKED.analysis, metrics=(limited,))), step=5)
    world.edit(model=V2)
    world.tick(30)
    world.metrics.up = False
    world.tick(600)
    assert (world.weight, world.condition("Ready")) == (0, ("False", "MetricsUnavailable"))
    world.metrics.up = True
    world.until(lambda w: w.live_version == "v2", limit=2000)
