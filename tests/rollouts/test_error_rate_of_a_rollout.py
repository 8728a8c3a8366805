"""Each time that evidence begins anew is counted, so that a rollout spends its error rate once and not each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import Analysis, Step, StepStatus
from modelwright.rollouts.plan.spending import allocation, allocation_of

LONG = replace(
    SPEC,
    steps=(Step(10, timedelta(minutes=10)), Step(50, timedelta(minutes=10))),
    analysis=Analysis(interval=timedelta(seconds=5), metrics=(ERRORS,)),
)


def step_of(world: World) -> StepStatus:
    assert world.status.step
    return world.status.step


def begun_again(world: World) -> World:
    """Once more: the pods of v2 die, and come back."""
    restarts = step_of(world).restarts
    world.dead.add("v2")
    world.until(lambda w: step_of(w).restarts == restarts + 1, limit=30)
    world.dead.clear()
    return world.until(lambda w: step_of(w).confirmed_at is not None, limit=60)


def test_each_step_plans_for_two_stretches_of_evidence() -> None:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    assert step_of(world).stretch == 2
    world.until(in_step(2), limit=900).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    assert step_of(world).stretch == 4
    assert allocation_of(world.status, LONG, "errors").fail == pytest.approx(0.05 * 0.8 / 4)
    assert allocation_of(world.status, LONG, "errors").fail == pytest.approx(allocation(LONG).fail)


def test_a_step_that_begins_again_goes_on_counting_and_has_less_to_spend() -> None:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    before = step_of(world).stretch
    begun_again(world)
    assert step_of(world).stretch >= before + 2
    begun_again(world)
    assert step_of(world).stretch >= before + 4
    assert allocation_of(world.status, LONG, "errors").fail < allocation(LONG).fail


def test_a_step_that_began_again_leaves_the_last_one_all_that_was_planned_for_it() -> None:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    begun_again(world)
    world.until(in_step(2), limit=900).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    alpha = allocation_of(world.status, LONG, "errors")
    assert alpha.fail == pytest.approx(allocation(LONG).fail)
    assert alpha.pass_ == pytest.approx(allocation(LONG).pass_)


def test_a_restarted_operator_goes_on_counting() -> None:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    before = step_of(world).stretch
    world.restart()
    world.tick(60)
    assert step_of(world).stretch == before


def test_the_next_rollout_has_all_of_its_error_rate() -> None:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    world.command("abort")
    world.until(World.at_rest, limit=120)
    world.command("retry", id_="2", revision=world.status.history[0].revision)
    world.until(in_step(1)).until(lambda w: step_of(w).confirmed_at is not None, limit=60)
    assert step_of(world).stretch == 2
