"""Steps and metrics edited in mid-rollout: what was spent of the error rate is never spent again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import AgainstStable, Bounds, Metric, Mode
from modelwright.api.rollout import Analysis, Promotion, Stage, Step
from modelwright.rollouts.plan.spending import allocation_of

SLOW = replace(ERRORS, name="slow", stable=AgainstStable(max_increase=Decimal("0.03")), fast_limit=None)
BOUNDED = replace(ERRORS, name="bounded", stable=None, threshold=Bounds(max=Decimal("0.2")), fast_limit=None)
LONG = replace(
    SPEC,
    steps=tuple(Step(weight, timedelta(seconds=40)) for weight in (10, 30, 50)),
    analysis=Analysis(interval=timedelta(seconds=5), metrics=(ERRORS, SLOW)),
    promotion=Promotion(bake_time=timedelta(seconds=20), scale_down_delay=timedelta(seconds=10)),
)


def within(world: World, *metrics: Metric) -> None:
    world.edit(analysis=replace(world.spec.analysis, metrics=metrics))


def shares(world: World) -> dict[Any, Decimal]:
    """By test: the metric, what it is, and when it began."""
    spending, step = world.status.error_spending, world.status.step
    if spending is None or step is None or step.evidence_since is None:
        return {}
    return {
        (share.metric, share.judged, share.since or step.evidence_since): Decimal(share.part)
        for share in spending.shares
        if next((m.mode for m in world.spec.analysis.metrics if m.name == share.metric), None) is Mode.DECIDE
    }


def chance(world: World) -> dict[int, Decimal]:
    """By stretch in which a Pass leads to 100 %: what a Pass may err there."""
    spending, metrics = world.status.error_spending, world.spec.analysis.metrics
    if spending is None or spending.chance != spending.stretch:
        return {}
    alpha = allocation_of(world.status, world.spec, metrics[0].name)
    return {spending.chance: Decimal(str(alpha.pass_)) / world.spec.analysis.error_rate}


def in_mid_step() -> World:
    world = serving_v1(spec=LONG)
    world.edit(model=V2)
    return world.until(in_step(1)).until(lambda w: bool(w.status.error_spending), limit=60)


EDITS: tuple[Callable[[World, random.Random], None], ...] = (
    lambda world, luck: world.edit(
        steps=tuple(
            Step(weight, timedelta(seconds=luck.choice((10, 40))))
            for weight in sorted(luck.sample((5, 10, 20, 30, 50, 70, 90), luck.randint(1, 5)))
        )
    ),
    lambda world, luck: within(world, *luck.sample((ERRORS, SLOW, BOUNDED), luck.randint(1, 3))),
    lambda world, luck: within(
        world, replace(ERRORS, stable=AgainstStable(max_increase=Decimal(luck.randint(10, 60)) / 1000)), SLOW
    ),
    lambda world, luck: within(world, ERRORS, replace(SLOW, mode=luck.choice(list(Mode)))),
    lambda world, _: world.dead.add("v2"),
    lambda world, _: world.restart(),
    lambda world, _: world.command("skip", id_=str(world.now.timestamp())),
)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.lists(st.sampled_from(EDITS), min_size=1, max_size=12))
def test_whatever_is_edited_all_tests_of_a_rollout_together_keep_its_error_rate(
    seed: int, edits: Sequence[Callable[[World, random.Random], None]]
) -> None:
    world, luck = World(seed=seed, spec=LONG, step=5).until(World.at_rest), random.Random(seed)
    world.edit(model=V2)
    given_away: dict[Any, Decimal] = {}
    chances: dict[int, Decimal] = {}
    for edit in edits:
        for _ in range(luck.randint(1, 8)):
            world.tick(5)
            given_away |= shares(world)
            chances |= chance(world)
            if world.status.stage not in (Stage.STEPPING, Stage.BAKING):
                break
        world.dead.clear()
        edit(world, luck)
    world.tick(5)
    given_away |= shares(world)
    assert sum(given_away.values()) <= 1
    assert sum(chances.values()) <= 1
    assert all(part > 0 for part in given_away.values())


def test_an_edit_of_steps_leaves_the_running_tests_what_they_have() -> None:
    world = in_mid_step()
    before = shares(world)
    world.edit(steps=(*LONG.steps, Step(70, timedelta(seconds=40)), Step(90, timedelta(seconds=40))))
    world.tick(5)
    assert shares(world) == before


def test_an_edited_metric_begins_anew_and_the_others_go_on() -> None:
    world = in_mid_step()
    world.tick(20)
    before = shares(world)
    edited = replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.001")))
    within(world, edited, SLOW)
    world.tick(5)
    spending = world.status.error_spending
    assert spending
    of_errors, of_slow = spending.shares
    assert of_errors.since is not None
    assert of_slow.since is None
    assert shares(world).items() >= {key: part for key, part in before.items() if key[0] == "slow"}.items()
    assert allocation_of(world.status, world.spec, "errors").fail == pytest.approx(0.05 * 0.2 / 2 / 2)
    # What was counted before somebody chose the bound is no evidence about it.
    asked = [one for one in world.questions if one.metric == "errors" and one.until is None]
    assert {question.since for question in asked} == {of_errors.since}


def test_a_bound_fitted_to_what_was_seen_rolls_back_on_new_evidence_only() -> None:
    world = in_mid_step()
    world.error_rate["v2"] = 0.015
    world.tick(30)
    assert world.status.stage is Stage.STEPPING
    within(world, replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.001"))), SLOW)
    world.tick(10)
    assert world.status.stage is Stage.STEPPING
    world.until(lambda w: w.status.stage not in (Stage.STEPPING, Stage.BAKING), limit=300)
    assert world.status.rejected


def test_an_edit_and_back_again_has_spent_twice() -> None:
    world = in_mid_step()
    for margin in ("0.03", "0.02", "0.03"):
        within(world, replace(ERRORS, stable=AgainstStable(max_increase=Decimal(margin))), SLOW)
        world.tick(5)
    assert world.status.error_spending
    assert world.status.error_spending.unplanned == 3


def test_what_was_spent_is_forgotten_with_the_rollout() -> None:
    world = in_mid_step()
    world.command("abort")
    world.until(World.at_rest, limit=120)
    assert world.status.error_spending is None


def test_only_the_last_step_begun_again_makes_a_pass_harder() -> None:
    world = in_mid_step()
    full = allocation_of(world.status, LONG, "errors").pass_
    for step in (1, 3):
        world.until(in_step(step), limit=900)
        world.dead.add("v2")
        world.tick(5)
        world.dead.clear()
        world.until(in_step(step), limit=100)
        assert (allocation_of(world.status, LONG, "errors").pass_ < full) is (step == 3)


def test_the_step_that_an_edit_makes_the_last_one_is_a_chance_and_the_next_last_one_a_smaller() -> None:
    world = in_mid_step()
    world.edit(steps=LONG.steps[:1])
    world.tick(5)
    assert world.status.error_spending
    assert world.status.error_spending.chances == 1
    world.edit(steps=LONG.steps)
    world.until(in_step(3), limit=900)
    assert world.status.error_spending.chances == 2
    assert allocation_of(world.status, LONG, "errors").pass_ == pytest.approx(0.05 * 0.2 / 2)
