"""A shadow as the whole rollout: copies of requests, and nobody ever gets an answer. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.rollout_world import ERRORS, SPEC, V2, V3, World, in_step, serving_v1

from modelwright.api.metrics import Bounds, During, Metric, Proportion
from modelwright.api.rollout import Confirm, OnPassed, Shadow, Step
from modelwright.traffic.route import Split

HOLD = timedelta(seconds=30)


def wanting_v2(on_passed: OnPassed = OnPassed.CONCLUDE, **fields: Any) -> World:
    world = serving_v1(spec=replace(SPEC, steps=(), shadow=Shadow(20, HOLD, on_passed)), **fields)
    world.edit(model=V2)
    return world


def given(world: World) -> list[Split]:
    return [split for _, split in world.splits[1:]]


def concluded(world: World) -> bool:
    return world.at_rest() and world.status.paused == "Concluded"


def test_it_concludes_when_every_guardrail_passed_and_stable_goes_on_serving() -> None:
    world = wanting_v2()
    world.until(concluded)
    assert given(world) == [Split(mirror=20), Split()]
    assert world.live_version == "v1"
    assert world.status.rejected == ()
    assert world.status.history[0].result == "Concluded"
    assert world.condition("Ready") == ("False", "Concluded")
    written = len(world.splits)
    world.tick(300)
    assert len(world.splits) == written


def test_a_person_decides_what_follows_with_another_strategy_and_retry() -> None:
    world = wanting_v2()
    world.until(concluded)
    world.edit(shadow=None, steps=(Step(50, HOLD),))
    world.tick(30)
    assert world.status.candidate is None
    world.command("retry", revision=world.status.history[0].revision)
    world.until(lambda w: w.live_version == "v2")


def test_a_newer_model_is_tried_after_one_that_was_concluded() -> None:
    world = wanting_v2()
    world.until(concluded)
    world.edit(model=V3)
    world.until(lambda w: concluded(w) and w.status.history[0].version == "v3")


def test_it_promotes_where_that_is_asked_for() -> None:
    world = wanting_v2(OnPassed.PROMOTE)
    world.until(lambda w: w.live_version == "v2")
    assert given(world) == [Split(mirror=20), Split(100), Split()]


def test_a_worse_model_is_rejected_without_an_answer_to_anybody() -> None:
    world = wanting_v2(error_rate={"v2": 0.2})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert all(not split.serves for split in given(world))


def test_it_waits_for_a_verdict_beyond_its_hold() -> None:
    world = wanting_v2(rate=3)
    world.until(in_step(1))
    world.tick(120)
    assert world.split == Split(mirror=20)
    world.until(concluded, limit=7200)


def test_copies_have_to_arrive_before_its_clock_starts() -> None:
    world = wanting_v2(rate=0)
    world.edit(confirm=Confirm.OBSERVED_SHARE)
    world.tick(120)
    assert world.split == Split(mirror=20)
    assert world.status.step
    assert world.status.step.confirmed_at is None
    world.rate = 200
    world.until(concluded)


def test_agreement_with_stable_decides_as_a_proportion_with_a_bound() -> None:
    disagreement = Metric(
        "disagreement",
        Proportion("shadow_disagreements_total{$(selector)}", "shadow_compared_total{$(selector)}"),
        threshold=Bounds(max=Decimal("0.05")),
        during=(During.SHADOW,),
    )
    world = wanting_v2()
    world.edit(analysis=replace(SPEC.analysis, metrics=(ERRORS, disagreement)))
    world.metrics.rates["disagreement", "v2"] = 0.2
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert "disagreement" in world.status.rejected[0].reason
