"""A canary by users: who met the candidate stays with it while its share grows, and leaves it only with everybody."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.attached_world import WITH_TESTERS, AttachedWorld
from tests.simulation.faults import FAULTS, PHASES, faults, heal, make_healthy, resume_until_rest
from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1
from tests.simulation.virtual_world import VirtualWorld

from modelwright.api.ab_test import Audience, Bucket
from modelwright.api.audience import match_of
from modelwright.api.rollout import Confirm, Holdback, Step
from modelwright.rollouts.plan.course import share_of
from modelwright.traffic.route import Split

BY = Bucket(header="x-bucket")
STICKY = replace(SPEC, sticky_by=BY)


def buckets(split: Split | None) -> set[int]:
    """The buckets whose users have the candidate."""
    if split is None or split.weight == 100:
        return set(range(100)) if split else set()
    assert split.weight == 0, "a share drawn for each request keeps nobody"
    return {number for number in range(100) for match in split.testers if re.search(match.value, str(number))}


def audience(percent: int) -> Split:
    return Split(testers=(match_of(Audience(percent, BY.header)),))


def test_each_step_has_all_users_of_the_step_before_and_nobody_is_drawn() -> None:
    world = serving_v1(spec=STICKY)
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2")
    shares = [buckets(split) for _, split in world.splits[1:-1]]
    assert [len(share) for share in shares] == [10, 50, 100]
    assert all(before < after for before, after in pairwise(shares))
    raised = [message for _, reason, message in world.news if reason == "WeightRaised"]
    assert [message.partition(" to ")[0] for message in raised] == [
        "10 % of the audience",
        "50 % of the audience",
        "100 %",
    ]


def test_a_step_has_the_pods_that_its_users_need_and_is_compared_with_stable() -> None:
    world = serving_v1(spec=STICKY, error_rate={"v1": 0.01, "v2": 0.2})
    world.edit(model=V2)
    world.until(lambda w: w.split == audience(10))
    assert world.status.candidate
    assert (world.status.candidate.weight, world.status.candidate.audience) == (0, 10)
    assert world.deployments[world.status.candidate.revision].wanted == 2
    world.until(World.at_rest)
    assert [entry.version for entry in world.status.rejected] == ["v2"]
    assert world.split == Split()


def test_the_share_of_users_is_confirmed_by_what_is_counted() -> None:
    world = serving_v1(spec=replace(STICKY, confirm=Confirm.OBSERVED_SHARE))
    world.edit(model=V2)
    world.until(in_step(2))
    assert any(reason == "WeightConfirmed" for _, reason, _ in world.news)
    world.until(lambda w: w.live_version == "v2")


def test_a_control_are_the_users_of_the_last_buckets() -> None:
    promotion = replace(SPEC.promotion, holdback=Holdback(20, timedelta(seconds=20)))
    world = serving_v1(spec=replace(STICKY, promotion=promotion))
    world.edit(model=V2)
    world.until(lambda w: w.condition("Holdback") is not None)
    assert world.split == audience(80)
    (said,) = [c.message for c in world.status.conditions if c.type == "Holdback"]
    assert said == "20 % stay on v1 as a control"
    world.until(lambda w: w.live_version == "v2")


def test_an_edit_of_the_steps_keeps_the_users_and_goes_on_from_there() -> None:
    world = serving_v1(spec=STICKY)
    world.edit(model=V2)
    world.until(in_step(2))
    world.edit(steps=(Step(10, timedelta(seconds=20)), Step(60, timedelta(seconds=20))))
    world.until(lambda w: w.live_version == "v2")
    shares = [len(buckets(split)) for _, split in world.splits[1:-1]]
    assert shares == [10, 50, 60, 100]


def test_a_share_of_requests_becomes_one_of_users_without_growing_first() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.edit(sticky_by=BY)
    world.until(lambda w: w.live_version == "v2")
    assert [split for _, split in world.splits[1:-1]] == [Split(10), Split(50), audience(50), Split(100)]


def test_who_narrows_the_audience_is_heard_and_nobody_else_leaves_it() -> None:
    world = serving_v1(spec=STICKY)
    world.edit(model=V2)
    world.until(in_step(2))
    world.split, world.route_changed_by = audience(7), "kubectl-edit"
    world.tick(60)
    assert world.split == audience(7)
    assert world.condition("Ready") == ("False", "WeightLowered")
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")


def test_a_raise_whose_record_was_lost_is_taken_back_to_the_users_before() -> None:
    world = serving_v1(spec=STICKY)
    world.edit(model=V2)
    world.until(in_step(1))
    world.until(lambda w: _loses_the_record_of(w, audience(50)))
    world.tick(2)
    assert audience(10) in [split for _, split in world.splits[-2:]]
    assert Split() not in [split for _, split in world.splits[1:]]
    world.until(lambda w: w.live_version == "v2")


def _loses_the_record_of(world: World, split: Split) -> bool:
    if world.split == split:
        return True
    world.lose_next_status = world.plan().status.candidate != world.status.candidate
    return False


@settings(max_examples=8, deadline=None, derandomize=True, phases=PHASES)
@given(st.sampled_from([BY, Bucket(cookie="bucket")]), faults, st.integers(0, 2**16))
def test_under_random_faults_every_share_is_one_of_users_and_it_comes_to_rest(
    by: Bucket, script: list[tuple[str, int]], seed: int
) -> None:
    world = serving_v1(seed=seed, spec=replace(STICKY, sticky_by=by))
    make_healthy(world)
    world.edit(model=V2)
    for name, seconds in script:
        if not name.startswith("edited to"):
            FAULTS[name](world)
        world.tick(seconds)
    heal(world)
    resume_until_rest(world)
    assert world.split == Split()
    assert all(split.weight in (0, 100) for _, split in world.splits)
    shares = [share_of(world.spec, split) for _, split in world.splits]
    assert set(shares) <= {0, 10, 50, 100}
    wanted = world.spec.model
    assert wanted
    assert world.live_version == wanted.version or wanted.version in {one.version for one in world.status.rejected}


@pytest.mark.parametrize("make", [partial(AttachedWorld, replace(WITH_TESTERS, steps=SPEC.steps)), VirtualWorld])
def test_buckets_that_somebody_adds_on_a_route_of_the_users_are_taken_away_at_once(
    make: Callable[[], AttachedWorld],
) -> None:
    world = make()
    world.spec = replace(world.spec, sticky_by=BY, steps=SPEC.steps)
    world.until(World.at_rest)
    world.edit(model=V2)
    world.until(in_step(1))
    world.add_buckets()
    assert world.split == audience(99)
    world.tick()
    assert world.split == audience(10)
    assert "WeightTooHigh" in [reason for _, reason, _ in world.news]
    world.until(lambda w: w.live_version == "v2")
    assert [split for _, split in world.splits if split.testers][-1] == audience(50)
