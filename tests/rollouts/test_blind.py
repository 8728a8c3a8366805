"""Nobody sees the metrics any more, at any moment of a rollout: whatever routes its traffic, nothing more is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.simulation.attached_world import AttachedWorld, ExistingWorld
from tests.simulation.kserve_world import KServeWorld, StandardWorld
from tests.simulation.replica_world import ReplicaWorld
from tests.simulation.rollout_world import SPEC, V2, World
from tests.simulation.virtual_world import VirtualWorld

BEGUN: tuple[Callable[[], World], ...] = (ExistingWorld, KServeWorld, StandardWorld)
EDITED: tuple[Callable[[], World], ...] = (AttachedWorld, VirtualWorld, ReplicaWorld)
INTERVAL = int(SPEC.analysis.interval.total_seconds())


def rolling(world_of: Callable[[], World]) -> World:
    """A world that has just begun to roll out v2, which is as good as v1."""
    world = world_of()
    if world_of in EDITED:
        world.until(World.at_rest)
        world.edit(model=V2)
    return world


def given(world: World) -> int:
    return world.split.weight if world.split else 0


@pytest.mark.parametrize("world_of", [*BEGUN, *EDITED])
def test_nothing_more_is_given_while_the_metric_source_is_down(world_of: Callable[[], World]) -> None:
    seen = set()
    for seconds in range(5, 120, 10):
        world = rolling(world_of)
        world.tick(seconds)
        world.metrics.up = False
        # What was asked before is answered, and a look stays fresh for an interval.
        world.tick(2 * INTERVAL)
        before = given(world)
        world.tick(120)
        assert given(world) <= before or not before
        seen.add(before)
    assert len(seen) > 2, "the moments lie in different steps"
