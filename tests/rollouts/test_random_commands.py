"""People who command at random, among faults at random. The invariants live in the fake world and are checked there."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.faults import FAULTS
from tests.simulation.rollout_world import SPEC, V2, World, serving_v1

from modelwright.api.rollout import RolloutSpec
from modelwright.rollouts.plan.verbs import VERBS

AIMS = ("candidate", "stable", "oldest", "rejected")
SPECS = (SPEC, replace(SPEC, promotion=replace(SPEC.promotion, rollback_window=2)))

moves = st.lists(
    st.tuples(st.sampled_from([*sorted(FAULTS), *sorted(VERBS) * 4]), st.sampled_from(AIMS), st.integers(1, 12)),
    min_size=4,
    max_size=24,
)


def _revision(world: World, aim: str) -> str:
    status = world.status
    found = {
        "candidate": status.candidate.revision if status.candidate else "",
        "stable": status.stable.revision if status.stable else "",
        "oldest": next(iter(world.recorded), ""),
        "rejected": status.rejected[0].revision if status.rejected else "",
    }[aim]
    return found or "0000000000"


def _to_rest(world: World) -> None:
    """All is well again, and somebody resumes whatever is paused."""
    world.metrics.up, world.fail_next_apply, world.lose_next_status = True, None, False
    world.dead.clear()
    for number in range(20):
        for _ in range(400):
            world.tick()
            if world.at_rest() or world.status.paused:
                break
        if not world.status.paused or world.at_rest():
            break
        world.command("resume", f"resume-{number}")
    world.until(World.at_rest, limit=1500)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(moves, st.integers(0, 2**16), st.sampled_from([0.02, 0.12]), st.sampled_from(SPECS))
def test_no_order_of_commands_and_faults_breaks_an_invariant(
    script: list[tuple[str, str, int]], seed: int, error_rate: float, spec: RolloutSpec
) -> None:
    world = serving_v1(seed=seed, spec=spec, error_rate={"v1": 0.02, "v2": error_rate, "v3": error_rate})
    world.edit(model=V2)
    for number, (move, aim, seconds) in enumerate(script):
        if move in FAULTS:
            FAULTS[move](world)
        else:
            world.command(move, f"id-{number}", _revision(world, aim))
        world.tick(seconds)
    _to_rest(world)
    assert world.weight == 0
    assert world.status.shortcut is None
    assert world.status.stable
    pin = world.status.pin
    if pin and not world.status.paused and pin.revision not in {known.revision for known in world.status.rejected}:
        world.until(lambda w: bool(w.at_rest() and w.status.stable and w.status.stable.revision == pin.revision))
    world.tick(30)
    plan = world.plan()
    assert (plan.actions, plan.status == world.status) == ((), True) or not world.at_rest()
