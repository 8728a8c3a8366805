"""Ways past the steps: `skip`, `promote-full`, and the rollback window."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.rollout_world import SPEC, V1, V2, World, in_step, serving_v1

from modelwright.api.metrics import RequiredFor
from modelwright.api.rollout import Promotion, Stage
from modelwright.api.steering import Waived

WINDOW = replace(SPEC, promotion=replace(SPEC.promotion, rollback_window=1, bake_time=timedelta(seconds=10)))


def moving(**fields: object) -> World:
    world = serving_v1(**fields)
    world.edit(model=V2)
    return world.until(in_step(1))


def command(world: World, verb: str, revision: str = "", id_: str = "1") -> None:
    world.annotations["modelwright.dev/actor"] = "alice"
    world.command(verb, id_, revision or None)
    world.tick()


def weights(world: World) -> list[int]:
    return [split.weight for _, split in world.splits]


def test_skip_goes_to_the_next_step_at_once() -> None:
    slow = replace(SPEC, steps=tuple(replace(step, hold=timedelta(hours=9)) for step in SPEC.steps))
    world = moving(spec=slow)
    command(world, "skip")
    world.until(in_step(2), limit=20)
    command(world, "skip", id_="2")
    world.until(lambda w: w.live_version == "v2", limit=120)


def test_a_skipped_step_is_still_judged() -> None:
    world = moving()
    world.metrics.up = False
    world.tick(6)
    command(world, "skip")
    world.tick(60)
    assert weights(world)[-1] == 10
    world.metrics.up = True
    world.error_rate["v2"] = 0.6
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v1"


def test_skip_ends_a_pause() -> None:
    world = moving()
    command(world, "pause")
    world.tick(60)
    command(world, "skip", id_="2")
    world.until(in_step(2), limit=30)


def test_skip_does_not_waive_the_pass_before_100_percent() -> None:
    strict = replace(SPEC.analysis.metrics[0], required_for=RequiredFor.PROMOTION)
    spec = replace(SPEC, steps=SPEC.steps[:1], analysis=replace(SPEC.analysis, metrics=(strict,)))
    world = moving(spec=spec, rate=2)
    command(world, "skip")
    assert world.status.stage is Stage.BAKING
    world.tick(20)
    assert weights(world)[-1] == 10
    command(world, "skip", id_="2")
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    assert "`promote-full`" in world.status.command.message


def test_promote_full_goes_to_the_end_without_steps_holds_bake_and_metrics() -> None:
    patient = replace(SPEC, promotion=Promotion(bake_time=timedelta(hours=5), scale_down_delay=timedelta(seconds=1)))
    world = moving(spec=patient)
    world.metrics.up = False
    command(world, "promote-full")
    assert world.status.shortcut
    assert (world.status.shortcut.waived, world.status.shortcut.actor) == (Waived.STEPS_AND_BAKE, "alice")
    world.until(lambda w: w.live_version == "v2", limit=40)
    assert weights(world)[-2:] == [100, 0]
    assert world.status.shortcut is None


@pytest.mark.parametrize("paused", [False, True])
def test_promote_full_in_the_bake_time_ends_it(paused: bool) -> None:
    patient = replace(SPEC, promotion=Promotion(bake_time=timedelta(hours=5), scale_down_delay=timedelta(seconds=1)))
    world = moving(spec=patient).until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100)
    if paused:
        command(world, "pause", id_="p")
    command(world, "promote-full")
    world.until(lambda w: w.live_version == "v2", limit=40)


def test_promote_full_waits_for_ready_endpoints() -> None:
    world = moving(start_delay=timedelta(seconds=3))
    world.dead.add("v2")
    world.tick(2)
    command(world, "promote-full")
    world.tick(60)
    assert world.weight == 0
    assert world.live_version == "v1"
    world.dead.clear()
    world.until(lambda w: w.live_version == "v2")


def test_promote_full_never_overrides_a_fail() -> None:
    world = moving()
    world.error_rate["v2"] = 0.7
    world.tick(3)
    world.until(lambda w: bool(w.status.rejected), limit=30)
    command(world, "promote-full")
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    world.until(World.at_rest)
    assert world.live_version == "v1"


def test_a_fail_that_comes_while_all_traffic_is_asked_for_still_rolls_back() -> None:
    world = moving(accept_delay=timedelta(seconds=25))
    world.error_rate["v2"] = 0.9
    command(world, "promote-full")
    world.until(lambda w: bool(w.status.rejected) and w.at_rest(), limit=120)
    assert world.live_version == "v1"


def on_v2(**fields: object) -> tuple[World, str]:
    world = serving_v1(**fields)
    before = world.status.stable
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(15)
    assert before
    return world, before.revision


@pytest.mark.parametrize("by", ["command", "commit"])
def test_the_way_back_within_the_window_takes_no_steps(by: str) -> None:
    world, v1 = on_v2(spec=WINDOW)
    seen = len(world.splits)
    if by == "command":
        command(world, "rollback", v1)
    else:
        world.edit(model=V1)
    baked = world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100, limit=30).now
    world.until(lambda w: w.live_version == "v1")
    assert weights(world)[seen:] == [100, 0]
    assert world.now - baked >= timedelta(seconds=10)
    assert world.status.shortcut is None


def test_the_way_back_is_open_while_stable_is_down() -> None:
    world, v1 = on_v2(spec=WINDOW)
    world.dead.add("v2")
    world.tick(2)
    command(world, "rollback", v1)
    world.until(lambda w: w.weight == 100, limit=30)


def test_a_fault_of_the_revision_that_one_returns_to_takes_it_back() -> None:
    world, v1 = on_v2(spec=WINDOW)
    world.error_rate["v1"] = 0.9
    command(world, "rollback", v1)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v2"


def test_beyond_the_window_all_steps_are_gone_through() -> None:
    world, v1 = on_v2()
    seen = len(world.splits)
    command(world, "rollback", v1)
    world.until(lambda w: w.live_version == "v1")
    assert weights(world)[seen:] == [10, 50, 100, 0]


def test_a_candidate_that_loses_its_endpoints_on_a_shortcut_gets_it_again() -> None:
    world, v1 = on_v2(spec=WINDOW)
    command(world, "rollback", v1)
    world.until(lambda w: w.weight == 100, limit=30)
    world.dead.add("v1")
    world.tick(2)
    assert world.weight == 0
    world.dead.clear()
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
