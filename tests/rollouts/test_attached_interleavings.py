"""Rollouts over a route of the user's under random interleavings of faults; the invariants are the world's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.attached_world import (
    EXISTING_WITH_TESTERS,
    WITH_TESTERS,
    AttachedWorld,
    ExistingWorld,
)
from tests.simulation.faults import AB_TEST, CONVERSION, HOLD
from tests.simulation.rollout_world import SPEC, V2
from tests.simulation.virtual_world import VirtualWorld

from modelwright.api.ab_test import Bucket
from modelwright.api.rollout import BlueGreen, Holdback, RolloutStatus

Fault = Callable[[AttachedWorld], None]


def _set(name: str, value: object) -> Fault:
    return lambda world: setattr(world, name, value)


def _flip_prometheus(world: AttachedWorld) -> None:
    world.metrics.up = not world.metrics.up


def _lose_status(world: AttachedWorld) -> None:
    world.status = RolloutStatus()
    world.restart()


FAULTS: dict[str, Fault] = {
    "nothing": lambda _: None,
    "prometheus": _flip_prometheus,
    "restart": lambda world: world.restart(),
    "conflict": lambda world: _set("fail_next_apply", lambda _: True)(world),
    "lost status write": _set("lose_next_status", True),
    "lost status": _lose_status,
    "stable dies": lambda world: world.dead.add("v1"),
    "candidate dies": lambda world: world.dead.add("v2"),
    "pods come back": lambda world: world.dead.clear(),
    "weight raised": lambda world: world.put(5, 95, by="somebody"),
    "weight lowered": lambda world: world.put(99, 1, by="somebody"),
    "git synced": lambda world: world.put(100, 0, by="argocd-controller"),
    "weights left out": lambda world: world.put(None, None, by="argocd-controller"),
    "rule edited": lambda world: world.change_timeout(),
    "audience widened": lambda world: world.widen_audience(),
    "buckets added": lambda world: world.add_buckets(),
    "audience dropped": lambda world: world.drop_audience(),
}

scripts = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(1, 15)), min_size=3, max_size=20)
WORLDS: dict[str, Callable[..., AttachedWorld]] = {
    "managed": AttachedWorld,
    "managed, testers first": partial(AttachedWorld, WITH_TESTERS),
    "existing": ExistingWorld,
    "existing, testers first": partial(ExistingWorld, EXISTING_WITH_TESTERS),
    "virtual service": VirtualWorld,
}
EACH = pytest.mark.parametrize("kind", WORLDS)
HELD = replace(SPEC.promotion, holdback=Holdback(10, HOLD))
WAYS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "held back": {"promotion": HELD},
    # Held back, as else nothing is compared before everybody has it.
    "blue-green": {"steps": (), "blue_green": BlueGreen(HOLD), "promotion": HELD},
    "a/b test": {
        "steps": (),
        "ab_test": AB_TEST,
        "analysis": replace(SPEC.analysis, metrics=(*SPEC.analysis.metrics, CONVERSION)),
    },
    "sticky": {"sticky_by": Bucket(header="x-bucket"), "promotion": HELD},
}
BY_HEADERS = ("a/b test", "sticky")
TESTERS_CAN_BE_TOLD = ("managed, testers first", "existing, testers first", "virtual service")
ways = st.sampled_from(sorted(WAYS))


def begun(kind: str, way: str, seed: int, **fields: Any) -> AttachedWorld:
    world = WORLDS[kind](seed=seed, **fields)
    if way not in BY_HEADERS or kind in TESTERS_CAN_BE_TOLD:
        world.spec = replace(world.spec, **WAYS[way])
    world.tester_share = AB_TEST.audience.percent / 100
    world.metrics.rates |= {("conversion", "v1"): 0.1, ("conversion", "v2"): 0.3}
    if not isinstance(world, ExistingWorld):
        world.until(AttachedWorld.at_rest)
        world.edit(model=V2)
    return world


@EACH
@settings(max_examples=4, deadline=None, derandomize=True)
@given(script=scripts, seed=st.integers(0, 2**16), way=ways)
def test_a_bad_candidate_is_never_promoted_and_leaves_the_route_as_it_was(
    script: list[tuple[str, int]], seed: int, way: str, kind: str
) -> None:
    world = begun(kind, way, seed, error_rate={"v2": 0.12})
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
        assert world.live_version in ("v1", "")
    _come_to_rest(world)
    assert world.live_version == "v1"
    assert list(world.weights_by_backend.values()) == [100, 0]
    assert world.finalizers == ()


@EACH
@settings(max_examples=4, deadline=None, derandomize=True)
@given(script=scripts, seed=st.integers(0, 2**16), way=ways)
def test_a_healthy_candidate_arrives_or_is_turned_away_and_a_second_pass_does_nothing(
    script: list[tuple[str, int]], seed: int, way: str, kind: str
) -> None:
    world = begun(kind, way, seed)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
    _come_to_rest(world)
    assert world.plan().actions == ()
    old, new = world.weights_by_backend.values()
    assert (old, new) in ((100, 0), (0, 100))
    if isinstance(world, ExistingWorld) and world.live_version == "v2":
        assert (old, new) == (0, 100)


def _come_to_rest(world: AttachedWorld) -> None:
    """Whatever stands in its way is put right, as often as that comes up."""
    for _ in range(20):
        if _is_settled(world):
            break
        _heal(world)
        world.until(lambda w: _is_settled(world) or bool(w.status.paused) or _stalls(world), limit=3000)
    assert _is_settled(world)
    world.tick(5)


def _is_settled(world: AttachedWorld) -> bool:
    return world.at_rest() and world.status.paused in ("", "Concluded") and not _stalls(world)


def _heal(world: AttachedWorld) -> None:
    """The faults end, there is enough traffic to decide by, and a person puts the route to rest and asks to go on."""
    world.rate = 3000
    world.metrics.up, world.fail_next_apply, world.lose_next_status = True, None, False
    world.dead.clear()
    for number in range(60):
        if world.status.paused in ("", "Concluded") and not _stalls(world):
            return
        if world.status.paused == "Reverted":
            world.put(0, 100)
        elif _stalls(world):
            world.put(100, 0)
        else:
            world.command("resume", f"heal-{number}")
        world.tick(10)
    raise AssertionError(f"cannot be healed: {world.status}")


def _stalls(world: AttachedWorld) -> bool:
    return world.condition("Stalled") == ("True", "RouteNotAtRest")
