"""Whole rollouts under random interleavings of faults. The invariants live in the fake world and are checked there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.faults import (
    FAULTS,
    PHASES,
    STRATEGIES,
    faults,
    heal,
    make_healthy,
    of_strategy,
    resume_until_rest,
    specs,
)
from tests.simulation.rollout_world import SPEC, V2, World, serving_v1

from modelwright.api.rollout import RolloutSpec, Stage
from modelwright.traffic.route import Split


@settings(max_examples=15, deadline=None, derandomize=True, phases=PHASES)
@given(faults, st.integers(0, 2**16), specs())
def test_a_healthy_candidate_never_breaks_an_invariant_and_comes_to_rest(
    script: list[tuple[str, int]], seed: int, spec: RolloutSpec
) -> None:
    world = serving_v1(seed=seed, spec=spec)
    make_healthy(world)
    world.edit(model=V2)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
    heal(world)
    resume_until_rest(world)
    assert world.split == Split()
    wanted = world.spec.model
    assert wanted
    rejected = {entry.version for entry in world.status.rejected}
    concluded = world.status.paused == "Concluded"
    assert concluded or world.live_version == wanted.version or wanted.version in rejected
    plan = world.plan()
    assert plan.actions == ()


@settings(max_examples=15, deadline=None, derandomize=True, phases=PHASES)
@given(faults, st.integers(0, 2**16), specs())
def test_a_bad_candidate_is_never_promoted_whatever_else_happens(
    script: list[tuple[str, int]], seed: int, spec: RolloutSpec
) -> None:
    # Where nothing is ever compared with stable, only what is beyond the absolute bound is known to be bad.
    compared = spec.blue_green is None and not any("blue-green" in name for name, _ in script)
    bad = 0.12 if compared else 0.9
    world = serving_v1(seed=seed, spec=spec, error_rate={"v2": bad, "v3": bad})
    make_healthy(world)
    world.edit(model=V2)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
        assert world.live_version == "v1"
    heal(world)
    resume_until_rest(world)
    assert world.live_version == "v1"
    assert world.split == Split()


@settings(max_examples=15, deadline=None, derandomize=True, phases=PHASES)
@given(faults, st.integers(0, 2**16), specs())
def test_from_every_state_a_person_can_lead_back_to_stable_and_it_stays_there(
    script: list[tuple[str, int]], seed: int, spec: RolloutSpec
) -> None:
    world = serving_v1(seed=seed, spec=spec)
    make_healthy(world)
    world.edit(model=V2)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(seconds)
    heal(world)
    stable, candidate = world.status.stable, world.status.candidate
    could_still_turn_back = world.status.stage in (Stage.STEPPING, Stage.BAKING)
    if candidate and world.spec.model != candidate.model:
        # What waits for its turn would begin at once.
        world.edit(model=candidate.model)
    # The way back needs no metrics.
    world.metrics.up = False
    world.command("abort", "last")
    world.tick(1)
    if not could_still_turn_back:
        return
    assert world.status.command
    assert world.status.command.outcome == "Done"
    world.until(World.at_rest, limit=60)
    assert (world.status.stable and world.status.stable.revision) == (stable and stable.revision)
    assert world.split == Split()
    world.metrics.up = True
    taken_back = len(world.splits)
    world.tick(200)
    assert world.status.candidate is None or candidate is None or world.status.candidate.revision != candidate.revision
    if candidate and world.spec.model == candidate.model:
        assert len(world.splits) == taken_back


AT_ONCE = ("prometheus", "restart", "stable dies", "candidate dies", "weight raised", "testers added", "copies added")
"""Faults of which none looks at what another did."""


@settings(max_examples=15, deadline=None, derandomize=True, phases=PHASES)
@given(st.permutations(AT_ONCE), st.integers(1, len(AT_ONCE)), st.integers(1, 60), st.sampled_from(sorted(STRATEGIES)))
def test_the_order_of_what_happens_at_once_makes_no_difference(
    order: list[str], many: int, after: int, strategy: str
) -> None:
    chosen = order[:many]
    ends = []
    for names in (chosen, sorted(chosen)):
        world = serving_v1(spec=SPEC)
        FAULTS[f"edited to {strategy}"](world)
        make_healthy(world)
        world.edit(model=V2)
        world.tick(after)
        for name in names:
            FAULTS[name](world)
        world.tick(5)
        heal(world)
        world.tick(30)
        ends.append((world.status, world.splits, world.services, [reason for _, reason, _ in world.news]))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_nothing_more_is_given_while_the_metric_source_is_down(strategy: str) -> None:
    # Drawn faults seldom hit the moments before a raise: these do, in each of the steps.
    for seconds in range(11, 60, 12):
        world = serving_v1(spec=of_strategy(SPEC, STRATEGIES[strategy]))
        make_healthy(world)
        world.edit(model=V2)
        world.tick(seconds)
        world.metrics.up = False
        world.tick(2 * int(SPEC.analysis.interval.total_seconds()))
        before = world.split
        world.tick(60)
        assert before is not None
        # A pause is time and persons, and the first step of all asks for pods only.
        assert world.split == before or before == Split() or "every kind" in strategy
