"""Whole rollouts in a simulated world: one sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import RequiredFor
from modelwright.api.rollout import State, Step


def test_the_first_version_goes_live_without_steps() -> None:
    world = World().until(World.at_rest)
    assert world.live_version == "v1"
    assert world.weight == 0
    assert world.condition("Ready") == ("True", "Promoted")
    assert world.condition("Reconciling") is None


def test_no_route_exists_before_the_first_pod_is_ready() -> None:
    world = World(start_delay=timedelta(seconds=10))
    world.tick(5)
    assert world.weight is None
    assert world.condition("Ready") == ("False", "Progressing")


def test_a_good_candidate_is_promoted_through_every_step() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2")
    assert [weight for _, weight in world.weights] == [0, 10, 50, 100, 0]
    assert world.condition("Ready") == ("True", "Promoted")
    assert world.status.history[0].result == "Promoted"


def test_the_old_revision_keeps_its_full_scale_until_the_delay_after_promotion() -> None:
    world = serving_v1()
    old = world.status.stable
    assert old
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2")
    assert world.deployments[old.revision].wanted == 4
    world.tick(11)
    assert old.revision not in world.deployments


def test_holds_the_weight_while_the_metric_source_is_down() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.metrics.up = False
    world.tick(300)
    assert world.weight == 10
    assert world.status.rejected == ()
    assert world.condition("Ready") == ("False", "MetricsUnavailable")
    assert world.condition("Reconciling") == ("True", "MetricsUnavailable")
    world.metrics.up = True
    world.until(lambda w: w.live_version == "v2")


def test_a_gap_in_looks_does_not_count_towards_the_hold() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.tick(10)
    world.metrics.up = False
    world.tick(60)
    assert world.weight == 10
    assert world.status.step
    assert world.status.step.held < timedelta(seconds=12)


def test_promote_waives_the_rest_of_a_hold_but_not_the_look_after_it() -> None:
    slow = replace(SPEC, steps=(Step(10, timedelta(hours=5)), Step(50, timedelta(seconds=20))))
    world = serving_v1(spec=slow)
    world.edit(model=V2)
    world.until(in_step(1))
    world.metrics.up = False
    world.command("promote")
    world.tick(30)
    assert world.weight == 10
    world.metrics.up = True
    world.until(in_step(2), limit=60)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("promote/1/0000000000", "names revision '0000000000'"),
        ("jump/1/x", "unknown verb 'jump'"),
        ("promote", "must be '<verb>/<id>/<revision>'"),
    ],
)
def test_refuses_a_command_and_says_why(text: str, said: str) -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.annotations["modelwright.dev/command"] = text
    world.tick()
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    assert said in world.status.command.message
    assert world.weight == 10


def test_a_command_is_carried_out_once() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.command("promote", "7")
    world.until(in_step(2), limit=60)
    world.tick(3)
    assert [reason for _, reason, _ in world.news].count("CommandDone") == 1


def test_suspended_starts_nothing_and_raises_nothing_but_still_rolls_back() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.edit(state=State.SUSPENDED)
    world.tick(90)
    assert world.weight == 10
    world.error_rate["v2"] = 0.5
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())


def test_an_edited_strategy_keeps_the_weight_and_goes_on_at_the_first_step_not_below_it() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    second = timedelta(seconds=20)
    world.edit(steps=(Step(5, second), Step(20, second), Step(50, second), Step(80, second)))
    world.tick()
    assert world.weight == 50
    assert world.status.step
    assert (world.status.step.number, world.status.step.of) == (3, 4)
    world.until(lambda w: w.live_version == "v2")
    assert 80 in [weight for _, weight in world.weights]


def test_a_metric_required_for_every_step_needs_a_pass_in_every_step() -> None:
    strict = replace(ERRORS, required_for=RequiredFor.EVERY_STEP)
    analysis = replace(SPEC.analysis, metrics=(strict,))
    lenient = serving_v1()
    patient = serving_v1(spec=replace(SPEC, analysis=analysis))
    for world in (lenient, patient):
        world.rate = 60
        world.edit(model=V2)
        world.until(in_step(2), limit=2000)
    assert patient.now > lenient.now


def test_a_second_pass_with_nothing_changed_does_and_writes_nothing() -> None:
    world = serving_v1()
    world.tick(30)
    for reached in (World.at_rest, in_step(1), in_step(2)):
        world.until(reached)
        plan = world.plan()
        assert plan.actions == ()
        assert plan.status == world.status
        world.edit(model=V2)
        world.tick()
