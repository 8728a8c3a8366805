"""Blue-green: ready at full scale, all traffic in one write, and one write back. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import Bounds, During, Metric, Proportion
from modelwright.api.rollout import BlueGreen, Promote, Stage
from modelwright.traffic.route import Split

PREVIEW = timedelta(seconds=30)


def wanting_v2(promote: Promote = Promote.WHEN_PASSED, **fields: Any) -> World:
    world = serving_v1(spec=replace(SPEC, steps=(), blue_green=BlueGreen(PREVIEW, promote)), **fields)
    world.edit(model=V2)
    return world


def given(world: World) -> list[Split]:
    return [split for _, split in world.splits[1:]]


def test_all_traffic_goes_over_in_one_write_after_the_preview() -> None:
    world = wanting_v2()
    world.until(in_step(1))
    began = world.now
    candidate = world.status.candidate
    assert candidate
    assert (world.services["candidate"], world.ready(candidate.revision)) == (candidate.revision, 4)
    world.until(lambda w: w.weight == 100)
    assert world.now - began >= PREVIEW
    world.until(lambda w: w.live_version == "v2")
    assert given(world) == [Split(100), Split()]


def test_it_waits_for_approval_where_that_is_asked_for() -> None:
    world = wanting_v2(Promote.WHEN_APPROVED)
    world.until(lambda w: w.status.paused == "ApprovalRequired")
    assert world.condition("Ready") == ("False", "ApprovalRequired")
    world.tick(600)
    assert world.weight == 0
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")


def test_one_write_leads_back_and_the_old_version_stands_ready_for_it() -> None:
    world = wanting_v2(error_rate={"v2": 0.9})
    old = world.status.stable
    assert old
    world.until(lambda w: w.weight == 100)
    assert world.ready(old.revision) == 4
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert given(world) == [Split(100), Split()]


def test_a_preview_is_judged_only_by_what_names_it() -> None:
    smoke = Metric(
        "smoke",
        Proportion("e{$(selector)}", "n{$(selector)}"),
        threshold=Bounds(max=Decimal("0.2")),
        during=(During.PREVIEW,),
    )
    world = wanting_v2()
    world.edit(analysis=replace(SPEC.analysis, metrics=(ERRORS, smoke)))
    world.until(in_step(1))
    world.tick(120)
    assert world.weight == 0
    assert world.condition("Progressing") == ("True", "NoTraffic")
    candidate = world.status.candidate
    assert candidate
    for _ in range(120):
        world.metrics.serve(candidate.revision, "v2", 10, (smoke,), world.now)
        world.tick(1)
    world.until(lambda w: w.live_version == "v2")


def test_a_preview_that_loses_its_pods_begins_again_and_fails_the_third_time() -> None:
    world = wanting_v2(Promote.WHEN_APPROVED)
    for _ in range(3):
        world.until(lambda w: w.status.paused == "ApprovalRequired")
        world.dead.add("v2")
        world.tick(2)
        world.dead.clear()
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert given(world) == []


def test_an_approval_can_be_refused() -> None:
    world = wanting_v2(Promote.WHEN_APPROVED)
    world.until(lambda w: w.status.paused == "ApprovalRequired")
    world.command("abort")
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v1"


def test_an_edit_from_canary_to_blue_green_keeps_the_weight_and_ends_at_100() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.edit(steps=(), blue_green=BlueGreen(PREVIEW))
    world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100)
    assert given(world) == [Split(10), Split(100)]
