"""While a revision warms up nothing is looked at: that must not pass for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1


def warming(seconds: int, **world: Any) -> World:
    found = serving_v1(**world)
    found.edit(analysis=replace(SPEC.analysis, initial_delay=timedelta(seconds=seconds)))
    found.edit(model=V2)
    return found


def test_a_delay_longer_than_the_hold_does_not_pass_a_step_without_a_look() -> None:
    # The world itself refuses a weight that is raised without one.
    world = warming(60, error_rate={"v2": 0.15}, rate=20).until(in_step(1))
    world.tick(55)
    assert world.weight == 10


def test_a_good_candidate_is_promoted_after_its_delays() -> None:
    world = warming(60)
    world.until(lambda w: w.live_version == "v2")
    assert [weight for _, weight in world.weights] == [0, 10, 50, 100, 0]
