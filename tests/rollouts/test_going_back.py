"""The way back, by itself and by faults of pods and routes: one sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import Analysis, OnDeadline, Stage


def test_a_bad_candidate_is_rolled_back_rejected_and_not_tried_again() -> None:
    world = serving_v1(error_rate={"v2": 0.2})
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v1"
    assert world.weight == 0
    written = len(world.weights)
    world.tick(120)
    assert len(world.weights) == written
    assert world.condition("Stalled") == ("True", "RolledBack")
    assert world.condition("Ready") == ("False", "RolledBack")
    assert "errors" in world.status.rejected[0].reason


def test_retry_gives_a_rejected_revision_another_chance() -> None:
    world = serving_v1(error_rate={"v2": 0.2})
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    world.error_rate["v2"] = 0.0
    world.command("retry", revision=world.status.rejected[0].revision)
    world.until(lambda w: w.live_version == "v2")


def test_a_fault_that_starts_in_the_bake_time_trips_the_fast_limit() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100)
    world.error_rate["v2"] = 0.9
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v1"


def test_a_candidate_that_loses_its_endpoints_gets_weight_0_at_once_and_begins_the_step_again() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.dead.add("v2")
    world.tick(1)
    assert world.weight == 0
    assert world.condition("Progressing") == ("True", "WaitingForPods") or world.condition("Progressing") == (
        "True",
        "CandidateUnavailable",
    )
    assert world.status.rejected == ()
    world.dead.clear()
    world.until(lambda w: w.live_version == "v2")


def test_a_candidate_that_loses_its_endpoints_three_times_in_a_step_is_rejected() -> None:
    world = serving_v1()
    world.edit(model=V2)
    for _ in range(3):
        world.until(lambda w: (w.weight or 0) > 0)
        world.dead.add("v2")
        world.tick(2)
        world.dead.clear()
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert "endpoints" in world.status.rejected[0].reason


def test_does_not_roll_back_to_a_stable_without_endpoints() -> None:
    world = serving_v1(error_rate={"v2": 0.4})
    world.edit(model=V2)
    world.until(lambda w: w.weight == 10)
    world.dead.add("v1")
    world.until(lambda w: w.status.stage is Stage.ROLLING_BACK)
    world.tick(10)
    assert world.weight == 10
    assert world.condition("Ready") == ("False", "RollingBack")
    world.dead.clear()
    world.until(lambda w: w.weight == 0 and w.at_rest())


def test_abort_goes_back_and_is_remembered() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.command("abort")
    world.until(World.at_rest)
    world.tick(60)
    assert world.weight == 0
    assert world.status.rejected[0].reason == "aborted by command"
    assert world.status.command
    assert world.status.command.outcome == "Done"


def test_the_deadline_rolls_back_without_rejecting_and_waits_for_retry() -> None:
    analysis = Analysis(
        interval=timedelta(seconds=5),
        metrics=(ERRORS,),
        progress_deadline=timedelta(seconds=120),
        on_deadline=OnDeadline.ROLL_BACK,
    )
    world = serving_v1(spec=replace(SPEC, analysis=analysis))
    world.edit(model=V2)
    world.until(in_step(1))
    world.metrics.up = False
    world.until(World.at_rest)
    assert world.status.rejected == ()
    world.tick(60)
    assert world.weight == 0
    assert world.condition("Ready") == ("False", "ProgressDeadlineExceeded")
    world.metrics.up = True
    world.command("retry", revision=world.status.history[0].revision)
    world.until(lambda w: w.live_version == "v2")


def test_the_pods_of_a_rejected_candidate_go_after_the_delay() -> None:
    world = serving_v1(error_rate={"v2": 0.3})
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert len(world.deployments) == 2
    world.tick(11)
    assert len(world.deployments) == 1


def test_the_way_back_to_100_percent_leads_over_the_last_canary_step() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100)
    world.weight, world.route_changed_by = 0, "somebody"
    world.tick()
    world.command("resume")
    seen = len(world.weights)
    world.until(lambda w: w.live_version == "v2")
    assert [weight for _, weight in world.weights[seen:]] == [50, 100, 0]
