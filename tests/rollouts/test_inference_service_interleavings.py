"""Rollouts of an InferenceService under random interleavings of faults; the invariants are the world's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.faults import PHASES
from tests.simulation.kserve_world import KServeWorld, StandardWorld
from tests.simulation.rollout_world import V1, V2

from modelwright.api.rollout import RolloutStatus

Fault = Callable[[KServeWorld], None]


def _set(name: str, value: object) -> Fault:
    return lambda world: setattr(world, name, value)


def _flip_prometheus(world: KServeWorld) -> None:
    world.metrics.up = not world.metrics.up


def _flip_kserve(world: KServeWorld) -> None:
    world.kserve.runs = not world.kserve.runs


def _lose_status(world: KServeWorld) -> None:
    world.status = RolloutStatus()
    world.restart()


def _weigh(weight: int) -> Fault:
    def weigh(world: KServeWorld) -> None:
        if world.mode == "Knative":
            world.put(by="somebody", canaryTrafficPercent=weight)
        elif entries := world.service["spec"].get("canary"):
            world.put(by="somebody", canary=[{**entry, "trafficPercent": weight} for entry in entries])

    return weigh


def _sync(world: KServeWorld) -> None:
    """A tool that applies Git's manifest, and takes away what is not in it."""
    world.put(by="argocd-controller", storageUri=V1.uri, canaryTrafficPercent=None, canary=None)


FAULTS: dict[str, Fault] = {
    "nothing": lambda _: None,
    "prometheus": _flip_prometheus,
    "kserve": _flip_kserve,
    "restart": lambda world: world.restart(),
    "conflict": lambda world: _set("fail_next_apply", lambda _: True)(world),
    "lost status write": _set("lose_next_status", True),
    "lost status": _lose_status,
    "stable dies": lambda world: world.dead.add("v1"),
    "candidate dies": lambda world: world.dead.add("v2"),
    "pods come back": lambda world: world.dead.clear(),
    "weight raised": _weigh(95),
    "weight lowered": _weigh(1),
    "git synced": _sync,
}

scripts = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(1, 15)), min_size=3, max_size=20)
WORLDS = pytest.mark.parametrize("world_of", [KServeWorld, StandardWorld])


@WORLDS
@settings(max_examples=5, deadline=None, derandomize=True, phases=PHASES)
@given(script=scripts, seed=st.integers(0, 2**16))
def test_a_bad_candidate_is_never_promoted_and_leaves_nothing_behind(
    script: list[tuple[str, int]], seed: int, world_of: type[KServeWorld]
) -> None:
    world = world_of(seed=seed, error_rate={"v2": 0.12})
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
        assert world.live_version in ("v1", "")
    _heal(world)
    _rest(world)
    assert world.live_version == "v1"
    assert (world.share_of(V1), world.model_uri) == (100, V1.uri)
    assert world.finalizers == ()


@WORLDS
@settings(max_examples=5, deadline=None, derandomize=True, phases=PHASES)
@given(script=scripts, seed=st.integers(0, 2**16))
def test_a_healthy_candidate_arrives_or_is_turned_away_and_a_second_pass_does_nothing(
    script: list[tuple[str, int]], seed: int, world_of: type[KServeWorld]
) -> None:
    world = world_of(seed=seed)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
    _heal(world)
    _rest(world)
    assert world.plan().actions == ()
    served = V2 if world.live_version == "v2" else V1
    assert (world.share_of(served), world.model_uri) == (100, served.uri)


def _rest(world: KServeWorld) -> None:
    world.until(lambda w: w.at_rest() and not w.status.paused, limit=3000)
    world.tick(60)


def _heal(world: KServeWorld) -> None:
    """The faults end, and a person puts back what is stable and asks to go on."""
    world.metrics.up, world.fail_next_apply, world.lose_next_status, world.kserve.runs = True, None, False, True
    world.dead.clear()
    world.tick(20)
    for number in range(60):
        if not world.status.paused:
            return
        if world.status.paused == "Reverted" and world.status.stable:
            world.put(storageUri=world.status.stable.model.uri)
        else:
            world.command("resume", f"heal-{number}")
        world.tick(10)
    raise AssertionError(f"cannot be healed: {world.status}")
