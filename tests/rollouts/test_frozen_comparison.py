"""After the switch the candidate is compared with what stable had shown before it. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, serving_v1

from modelwright.analysis.frozen import FROZEN_FOR
from modelwright.api.metrics import AgainstStable, During, FastLimit
from modelwright.api.rollout import BlueGreen, Frozen, RolloutSpec, Stage
from modelwright.rollouts.plan.asking import questions
from modelwright.rollouts.plan.draft import Draft

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
