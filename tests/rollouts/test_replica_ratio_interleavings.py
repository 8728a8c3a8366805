"""Rollouts by the number of pods under random interleavings of faults; the invariants are the world's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation import faults
from tests.simulation.faults import HOLD, PHASES, heal, resume_until_rest
from tests.simulation.replica_world import BY_PODS, STEPS, ReplicaWorld
from tests.simulation.rollout_world import V2, World

from modelwright.api.rollout import BlueGreen, RolloutSpec, Stage
from modelwright.traffic.route import Split


def _edit(**fields: Any) -> Callable[[World], None]:
    return lambda world: world.edit(**fields)


def _write_share(world: World) -> None:
    """Somebody writes another weight on the Service, which selects the same pods as before."""
    if isinstance(world, ReplicaWorld) and world.split and 0 < world.split.weight < 100:
        world.split = Split(30)


BLUE_GREEN: dict[str, Any] = {"steps": (), "blue_green": BlueGreen(HOLD)}
OF_OTHER_ROUTERS = ("copies", "testers", "edited to", "host names")
FAULTS: dict[str, Callable[[World], None]] = {
    name: fault for name, fault in faults.FAULTS.items() if not name.startswith(OF_OTHER_ROUTERS)
} | {
    "weight written": _write_share,
    "autoscaled up": _edit(replicas=8),
    "autoscaled down": _edit(replicas=3),
    "too few replicas": _edit(replicas=2),
    "edited to blue-green": _edit(**BLUE_GREEN),
    "edited to canary": _edit(steps=STEPS, blue_green=None),
}
scripts = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(1, 15)), min_size=3, max_size=25)
specs = st.sampled_from([BY_PODS, replace(BY_PODS, **BLUE_GREEN)])


def begun(spec: RolloutSpec, seed: int, script: list[tuple[str, int]], bad: float = 0.02) -> ReplicaWorld:
    world = ReplicaWorld(spec=spec, seed=seed, error_rate={"v1": 0.02, "v2": bad, "v3": bad})
    world.until(World.at_rest)
    world.edit(model=V2)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
        assert bad == 0.02 or world.live_version == "v1"
    return world


def _come_to_rest(world: ReplicaWorld) -> None:
    heal(world)
    # A person gives it enough replicas to make its shares of.
    world.edit(replicas=4)
    resume_until_rest(world)
    # The next one begins only when the pods of the last are gone.
    world.tick(30)
    resume_until_rest(world)


@settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)
@given(scripts, st.integers(0, 2**16), specs)
def test_a_healthy_candidate_arrives_or_is_rejected_and_a_second_pass_does_nothing(
    script: list[tuple[str, int]], seed: int, spec: RolloutSpec
) -> None:
    world = begun(spec, seed, script)
    _come_to_rest(world)
    assert world.spec.model
    rejected = {entry.version for entry in world.status.rejected}
    assert world.live_version == world.spec.model.version or world.spec.model.version in rejected
    assert list(world.endpoints()) == [world.status.stable and world.status.stable.revision]
    assert world.plan().actions == ()


@settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)
@given(scripts, st.integers(0, 2**16), specs)
def test_a_bad_candidate_is_never_promoted(script: list[tuple[str, int]], seed: int, spec: RolloutSpec) -> None:
    # Before a switch of all pods nothing is compared with stable: only what is beyond the absolute bound is bad.
    compared = spec.blue_green is None and not any("blue-green" in name for name, _ in script)
    world = begun(spec, seed, script, bad=0.12 if compared else 0.9)
    _come_to_rest(world)
    assert world.live_version == "v1"


@settings(max_examples=10, deadline=None, derandomize=True, phases=PHASES)
@given(scripts, st.integers(0, 2**16), specs)
def test_from_every_state_a_person_can_lead_back_to_stable_without_metrics(
    script: list[tuple[str, int]], seed: int, spec: RolloutSpec
) -> None:
    world = begun(spec, seed, script)
    heal(world)
    stable, stage = world.status.stable, world.status.stage
    world.metrics.up = False
    world.command("abort", "last")
    world.tick(1)
    if stage not in (Stage.STEPPING, Stage.BAKING):
        return
    world.until(World.at_rest, limit=60)
    assert stable
    assert world.endpoints() == {stable.revision: world.ready(stable.revision)}
