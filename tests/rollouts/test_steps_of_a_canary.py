"""Canary steps that are no weight: copies of requests, testers, and pauses. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import Bounds, Metric, Proportion
from modelwright.api.rollout import HeaderMatch, MatchType, OnDeadline, Pause, Step
from modelwright.traffic.route import HEADER_MATCH, MIRROR, REGULAR_EXPRESSION_MATCH, Split

TESTERS = (HeaderMatch("x-tester", "1"),)
HOLD = timedelta(seconds=20)
ALL = (
    Step(shadow=20, hold=HOLD),
    Step(match=TESTERS, hold=HOLD),
    Step(5, HOLD),
    Step(pause=Pause()),
    Step(50, HOLD),
)


def wanting_v2(*steps: Step, **fields: object) -> World:
    world = serving_v1(spec=replace(SPEC, steps=steps), **fields)
    world.edit(model=V2)
    return world


def given(world: World) -> list[Split]:
    """What the candidate was given, in order, with the way back to nothing."""
    return [split for _, split in world.splits[1:]]


def test_every_kind_of_step_is_gone_through_in_order() -> None:
    world = wanting_v2(*ALL)
    world.until(lambda w: w.status.paused == "Paused")
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")
    assert given(world) == [Split(mirror=20), Split(testers=TESTERS), Split(5), Split(50), Split(100), Split()]


def test_status_says_what_the_candidate_is_given() -> None:
    world = wanting_v2(*ALL)
    world.until(in_step(1))
    assert world.status.candidate
    assert world.status.candidate.mirror == 20
    world.until(in_step(2))
    assert world.status.candidate.testers == TESTERS
    assert world.status.conditions[0].message == "testers to v2, step 2 of 5"


def test_copies_of_requests_are_compared_with_stable() -> None:
    world = wanting_v2(*ALL, error_rate={"v2": 0.2})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert given(world) == [Split(mirror=20), Split()]


def test_testers_are_not_compared_with_the_users_of_stable() -> None:
    world = wanting_v2(Step(match=TESTERS, hold=HOLD), Step(50, HOLD), error_rate={"v2": 0.2})
    world.until(in_step(2))
    assert Split(50) in given(world)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())


def test_testers_fail_a_candidate_that_is_beyond_an_absolute_bound() -> None:
    world = wanting_v2(Step(match=TESTERS, hold=HOLD), Step(50, HOLD), error_rate={"v2": 0.8})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert given(world) == [Split(testers=TESTERS), Split()]


def test_without_a_bound_nobody_waits_for_enough_testers() -> None:
    world = wanting_v2(Step(match=TESTERS, hold=HOLD), Step(50, HOLD), tester_share=0.0)
    world.until(in_step(2))


def test_with_a_threshold_the_step_waits_for_testers() -> None:
    bounded = Metric("bounded", Proportion("e{$(selector)}", "n{$(selector)}"), threshold=Bounds(max=Decimal("0.3")))
    analysis = replace(SPEC.analysis, metrics=(ERRORS, bounded))
    world = wanting_v2(Step(match=TESTERS, hold=HOLD), Step(50, HOLD), tester_share=0.0)
    world.edit(analysis=analysis)
    world.until(in_step(1))
    world.tick(200)
    assert given(world) == [Split(testers=TESTERS)]
    assert world.condition("Progressing") == ("True", "NoTraffic")


def test_a_pause_waits_until_somebody_promotes() -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=Pause()), Step(50, HOLD))
    world.until(lambda w: w.status.paused == "Paused")
    world.tick(300)
    assert world.weight == 10
    assert world.condition("Ready") == ("False", "Paused")
    assert world.condition("Paused") == ("True", "Paused")
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")


def test_a_timed_pause_ends_by_itself() -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=Pause(timedelta(minutes=5))), Step(50, HOLD))
    world.until(lambda w: bool(w.status.step) and w.status.step.number == 2)  # type: ignore[union-attr]
    began = world.now
    world.until(lambda w: w.weight == 50)
    assert world.now - began >= timedelta(minutes=5)


@pytest.mark.parametrize("pause", [Pause(), Pause(timedelta(minutes=5))], ids=["until promoted", "timed"])
def test_guardrails_are_judged_in_a_pause(pause: Pause) -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=pause), Step(50, HOLD))
    world.until(lambda w: bool(w.status.step) and w.status.step.number == 2)  # type: ignore[union-attr]
    world.tick(60)
    world.error_rate["v2"] = 0.9
    world.tick(120)
    assert world.live_version == "v1"
    assert world.status.rejected


@pytest.mark.parametrize("pause", [Pause(), Pause(timedelta(minutes=10))], ids=["until promoted", "timed"])
def test_a_pause_does_not_count_towards_the_deadline(pause: Pause) -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=pause), Step(50, HOLD))
    analysis = replace(SPEC.analysis, progress_deadline=timedelta(minutes=4), on_deadline=OnDeadline.ROLL_BACK)
    world.edit(analysis=analysis)
    world.until(lambda w: bool(w.status.step) and w.status.step.number == 2)  # type: ignore[union-attr]
    world.tick(590)
    if not pause.hold:
        world.command("promote")
    world.until(lambda w: w.live_version == "v2")


def test_a_pause_goes_on_with_the_evidence_of_the_step_before() -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=Pause()), Step(50, HOLD))
    world.until(lambda w: w.status.paused == "Paused")
    step = world.status.step
    assert step
    assert step.evidence_since
    assert step.evidence_since < world.now - HOLD


def test_a_pause_at_first_waits_with_pods_and_without_traffic() -> None:
    world = wanting_v2(Step(pause=Pause()), Step(50, HOLD))
    world.until(lambda w: w.status.paused == "Paused")
    assert world.weight == 0
    assert world.status.candidate
    assert world.ready(world.status.candidate.revision) == 2
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")


def test_a_pause_begins_with_the_step_before_when_its_candidate_lost_its_endpoints() -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=Pause()), Step(50, HOLD))
    world.until(lambda w: w.status.paused == "Paused")
    world.dead.add("v2")
    world.tick(2)
    assert world.weight == 0
    assert not world.status.paused
    world.dead.clear()
    world.until(lambda w: w.status.paused == "Paused")
    assert world.weight == 10


def test_a_pause_that_is_edited_away_ends() -> None:
    world = wanting_v2(Step(10, HOLD), Step(pause=Pause()), Step(50, HOLD))
    world.until(lambda w: w.status.paused == "Paused")
    world.edit(steps=(Step(10, HOLD), Step(50, HOLD)))
    world.until(lambda w: w.live_version == "v2")


@pytest.mark.parametrize(
    "step", [Step(shadow=20, hold=HOLD), Step(match=TESTERS, hold=HOLD)], ids=["copies", "testers"]
)
def test_a_candidate_without_endpoints_gets_neither_copies_nor_testers(step: Step) -> None:
    world = wanting_v2(step, Step(50, HOLD))
    world.until(in_step(1))
    world.dead.add("v2")
    world.tick(1)
    assert world.split == Split()
    world.dead.clear()
    world.until(lambda w: w.live_version == "v2")


def test_copies_that_somebody_added_are_taken_away_at_once() -> None:
    world = wanting_v2(Step(10, timedelta(hours=1)))
    world.until(in_step(1))
    world.split, world.route_changed_by = Split(10, mirror=50), "somebody"
    world.tick(1)
    assert world.split == Split(10)
    assert not world.status.paused


def test_copies_that_somebody_lowered_pause_until_resume() -> None:
    world = wanting_v2(Step(shadow=20, hold=timedelta(hours=1)))
    world.until(in_step(1))
    world.split, world.route_changed_by = Split(mirror=5), "somebody"
    world.tick(30)
    assert world.split == Split(mirror=5)
    assert world.status.paused == "WeightLowered"
    world.command("resume")
    world.until(lambda w: w.split == Split(mirror=20))


@pytest.mark.parametrize(
    ("step", "feature"),
    [
        (Step(shadow=20, hold=HOLD), MIRROR),
        (Step(match=TESTERS, hold=HOLD), HEADER_MATCH),
        (Step(match=(HeaderMatch("a", "b.*", MatchType.REGULAR_EXPRESSION),), hold=HOLD), REGULAR_EXPRESSION_MATCH),
    ],
    ids=["copies", "testers", "patterns"],
)
def test_a_step_that_the_router_cannot_do_is_refused_before_the_start(step: Step, feature: str) -> None:
    world = wanting_v2(step, Step(50, HOLD), unsupported=frozenset({feature}))
    world.tick(60)
    assert world.status.candidate is None
    assert world.condition("Stalled") == ("True", "UnsupportedByRouter")
