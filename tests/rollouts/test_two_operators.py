"""Two operators that act at once: what each of them looked at is old by the time that it acts, and clocks differ."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import OnDeadline, RolloutStatus, Stage
from modelwright.rollouts.observation import Neighbour
from modelwright.rollouts.plan import Plan, plan_rollout
from modelwright.rollouts.plan.queueing import has_begun
from modelwright.traffic.route import Split

NAMES = "abc"


@dataclass
class Operator:
    """Of one operator only one pass at a time looks at the namespace and acts on it (`Room.turn`)."""

    fast: timedelta
    pass_: tuple[World, RolloutStatus, Plan] | None = None

    def goes_on(self, worlds: dict[str, World], world: World) -> None:
        """Either looks at `world` and decides, or carries out what it decided before."""
        if self.pass_ is None:
            world.neighbours = seen_by(world, worlds)
            self.pass_ = world, world.status, plan_rollout(world.observe(), world.now + self.fast)
            return
        (looked_at, as_it_was, plan), self.pass_ = self.pass_, None
        if looked_at.status == as_it_was:
            # Else the API server refuses the write: it tests the version that was read.
            looked_at._carry_out(plan)


def seen_by(world: World, worlds: dict[str, World]) -> tuple[Neighbour, ...]:
    return tuple(
        Neighbour(
            name,
            rests=other.status.stage is None,
            under_way=(under_way := other.status.stage not in (None, Stage.STARTING) and not other.status.queued_at),
            begun=under_way and has_begun(other.status),
            began_at=other.status.began_at,
            queued_at=other.status.queued_at,
        )
        for name, other in worlds.items()
        if other is not world
    )


def with_traffic(worlds: dict[str, World]) -> int:
    """Rollouts of which the candidate has been given anything, and that are not over."""
    under_way = (world for world in worlds.values() if world.status.candidate)
    return sum(1 for world in under_way if world.split != Split() or has_begun(world.status))


def begins(limit: int, **fields: Any) -> dict[str, World]:
    """Rollouts that all want another model now, and whose pods are ready at once."""
    at_rest = serving_v1(start_delay=timedelta(0), **fields)
    worlds = {name: deepcopy(at_rest) for name in NAMES}
    for name, world in worlds.items():
        world.name, world.concurrent = name, limit
        world.edit(model=V2)
    return worlds


def time_passes(worlds: dict[str, World], by: timedelta) -> None:
    for world in worlds.values():
        world.now += by


def stepped_back(worlds: dict[str, World]) -> bool:
    return any(world.status.queued_at and world.status.stage is Stage.STEPPING for world in worlds.values())


@pytest.mark.parametrize("limit", [1, 2])
def test_no_more_begin_than_the_platform_allows_whatever_two_operators_saw(limit: int) -> None:
    chance, seen_stepping_back = random.Random(limit), 0
    for _ in range(150):
        worlds = begins(limit)
        operators = Operator(timedelta(0)), Operator(timedelta(milliseconds=chance.choice([-900, 0, 900])))
        for _ in range(24):
            operator, world = chance.choice(operators), worlds[chance.choice(NAMES)]
            for _ in range(chance.randint(1, 6)):
                time_passes(worlds, timedelta(milliseconds=chance.randint(0, 400)))
                operator.goes_on(worlds, world)
                assert with_traffic(worlds) <= limit
            seen_stepping_back += stepped_back(worlds)
    assert seen_stepping_back


def both_under_way(**fields: Any) -> dict[str, World]:
    """Two operators have let one more begin than the platform allows: neither had seen what the other one did."""
    worlds = begins(1, **fields)
    one, other, (a, b) = Operator(timedelta(0)), Operator(timedelta(0)), (worlds["a"], worlds["b"])
    del worlds["c"]
    # `a` has the earlier place in the queue, which is saved after `b` looked for it.
    for operator, world in ((one, a), (other, b), (other, b), (other, b), (one, a), (one, a), (other, b), (one, a)):
        time_passes(worlds, timedelta(milliseconds=10))
        operator.goes_on(worlds, world)
    assert {world.status.stage for world in worlds.values()} == {Stage.STEPPING}
    return worlds


def tick(worlds: dict[str, World]) -> None:
    for world in worlds.values():
        world.neighbours = seen_by(world, worlds)
        world.tick(1)
        assert with_traffic(worlds) <= 1


def test_who_came_too_late_queues_again_and_has_its_turn_afterwards() -> None:
    worlds = both_under_way()
    tick(worlds)
    late = next(world for world in worlds.values() if world.status.queued_at)
    assert late.condition("Ready") == ("False", "Queued")
    for _ in range(300):
        tick(worlds)
    assert {world.live_version for world in worlds.values()} == {"v2"}
    assert [reason for _, reason, _ in late.news].count("RolloutStarted") == 1


def test_a_deadline_does_not_count_the_time_in_the_queue() -> None:
    analysis = replace(SPEC.analysis, progress_deadline=timedelta(seconds=75), on_deadline=OnDeadline.ROLL_BACK)
    worlds = both_under_way(spec=replace(SPEC, analysis=analysis))
    for _ in range(300):
        tick(worlds)
    assert {world.live_version for world in worlds.values()} == {"v2"}


def test_who_wants_another_model_meanwhile_leaves_the_queue() -> None:
    worlds = both_under_way()
    tick(worlds)
    late = next(world for world in worlds.values() if world.status.queued_at)
    stable = late.status.stable
    assert stable
    late.edit(model=stable.model)
    tick(worlds)
    assert (late.at_rest(), late.status.queued_at) == (True, None)


def test_a_candidate_that_lost_its_pods_waits_for_nobody_again() -> None:
    world = serving_v1()
    world.concurrent = 1
    world.edit(model=V2)
    world.until(in_step(1))
    world.dead = {"v2"}
    world.until(lambda w: w.split == Split())
    world.neighbours, world.dead = (Neighbour("b", rests=False, under_way=True, begun=True),), set()
    world.until(in_step(2))
