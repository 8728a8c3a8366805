"""Whom a rollout waits for: those it depends on, and its turn in the namespace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import Stage
from modelwright.rollouts.observation import Neighbour

DEPENDING = replace(SPEC, depends_on=("features",))


def depending(**neighbour: object) -> World:
    world = World(spec=DEPENDING)
    world.neighbours = (Neighbour("features", rests=True),)
    world.until(World.at_rest)
    world.neighbours = (Neighbour("features", **{"rests": False, **neighbour}),)  # type: ignore[arg-type]
    return world


def says(world: World) -> str:
    return next(c.message for c in world.status.conditions if c.type == "Progressing")


def test_waits_until_what_it_depends_on_is_at_rest() -> None:
    world = depending(under_way=True)
    world.edit(model=V2)
    world.tick(30)
    assert world.status.candidate is None
    assert world.condition("Ready") == ("False", "WaitingForDependency")
    assert "'features' is not at rest" in says(world)
    world.neighbours = (Neighbour("features", rests=True),)
    world.until(in_step(1))
    world.neighbours = (Neighbour("features", rests=False, under_way=True),)
    world.until(lambda w: w.live_version == "v2")


def test_a_first_version_waits_too() -> None:
    world = World(spec=DEPENDING)
    world.tick(10)
    assert world.deployments == {}
    assert "there is no ModelRollout 'features'" in says(world)
    world.neighbours = (Neighbour("features", rests=True),)
    world.until(World.at_rest)


def test_a_circle_is_told_instead_of_waited_in() -> None:
    world = World(spec=DEPENDING)
    world.neighbours = (
        Neighbour("features", rests=False, depends_on=("ranker",)),
        Neighbour("ranker", rests=False, depends_on=("other", "churn")),
        Neighbour("other", rests=False, depends_on=("features",)),
    )
    world.tick(2)
    assert world.condition("Stalled") == ("True", "DependencyCycle")
    assert "features → ranker → churn" in says(world)


def test_a_rollback_waits_for_nobody() -> None:
    world = depending()
    v1 = world.status.stable
    world.neighbours = (Neighbour("features", rests=True),)
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.neighbours = (Neighbour("features", rests=False), Neighbour("b", rests=False, under_way=True))
    world.concurrent = 1
    assert v1
    world.command("rollback", "1", v1.revision)
    world.until(lambda w: w.live_version == "v1" and w.at_rest())


def test_a_fault_rolls_back_whatever_others_do() -> None:
    world = depending()
    world.neighbours = (Neighbour("features", rests=True),)
    world.edit(model=V2)
    world.until(in_step(1))
    world.neighbours = (Neighbour("features", rests=False, under_way=True),)
    world.concurrent = 1
    world.error_rate["v2"] = 0.6
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())


def test_queues_by_age_and_says_so() -> None:
    world = serving_v1()
    world.concurrent = 1
    world.neighbours = (Neighbour("a", rests=False, under_way=True),)
    world.edit(model=V2)
    world.tick(20)
    assert world.condition("Ready") == ("False", "Queued")
    assert "no more than 1 rollouts" in says(world)
    queued_at = world.status.queued_at
    assert queued_at
    world.neighbours = (Neighbour("older", rests=False, queued_at=queued_at - timedelta(seconds=1)),)
    world.tick(20)
    assert world.status.candidate is None
    world.neighbours = (Neighbour("younger", rests=False, queued_at=queued_at + timedelta(seconds=1)),)
    world.until(in_step(1))
    assert world.status.queued_at is None


def test_leaves_the_queue_when_nothing_is_wanted_any_more() -> None:
    world = serving_v1()
    before = world.spec.model
    world.concurrent = 1
    world.neighbours = (Neighbour("a", rests=False, under_way=True),)
    world.edit(model=V2)
    world.tick(5)
    assert world.status.queued_at
    world.edit(model=before)
    world.tick(5)
    assert world.status.queued_at is None
    assert world.condition("Ready") == ("True", "Promoted")


def _seen_by(world: World, others: dict[str, World]) -> tuple[Neighbour, ...]:
    return tuple(
        Neighbour(
            name,
            rests=other.status.stage is None,
            under_way=other.status.stage not in (None, Stage.STARTING),
            queued_at=other.status.queued_at,
        )
        for name, other in others.items()
        if other is not world
    )


@settings(max_examples=4, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=4, max_size=12), st.integers(1, 2))
def test_never_more_than_allowed_are_under_way_and_all_get_their_turn(
    script: list[tuple[int, int]], concurrent: int
) -> None:
    worlds = {name: serving_v1() for name in "abc"}
    for name, world in worlds.items():
        world.concurrent, world.name = concurrent, name

    def tick(world: World, seconds: int) -> None:
        world.neighbours = _seen_by(world, worlds)
        world.tick(seconds)
        under_way = sum(1 for other in worlds.values() if other.status.stage not in (None, Stage.STARTING))
        assert under_way <= concurrent

    for world in worlds.values():
        world.edit(model=V2)
    for which, seconds in script:
        # Each is looked at in its own time, on what the others have saved by then.
        tick(worlds["abc"[which]], seconds)
    for _ in range(200):
        for world in worlds.values():
            tick(world, 3)
        if all(world.live_version == "v2" and world.at_rest() for world in worlds.values()):
            break
    assert {world.live_version for world in worlds.values()} == {"v2"}
