"""What a verdict that lasts leads to: limits of looks, missing data, an unhealthy stable, a suspension."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.metrics import Bounds, During, Limits, Metric, Mode, RequiredFor, StableLimit, Value
from modelwright.api.rollout import Analysis, OnDeadline, OnNoData, RolloutSpec, Stage, State

GRACE = timedelta(minutes=2)
POSITIVES = Metric(
    "positives", value=Value("q{$(selector)}"), threshold=Bounds(max=Decimal("0.3")), limits=Limits(fail=3)
)


def analysed(*metrics: Metric, **fields: Any) -> RolloutSpec:
    return replace(SPEC, analysis=Analysis(interval=timedelta(seconds=5), metrics=metrics, **fields))


def rolling(spec: RolloutSpec, **fields: Any) -> World:
    """A world in the first step to v2."""
    world = serving_v1(spec=spec, **fields)
    for version in ("v1", "v2"):
        world.metrics.values["positives", version] = 0.1
    world.edit(model=V2)
    return world.until(in_step(1))


def test_without_data_the_weight_is_held_for_as_long_as_it_takes() -> None:
    world = rolling(analysed(ERRORS))
    world.metrics.up, world.step = False, 5
    world.tick(3600)
    assert (world.weight, world.status.paused) == (10, "")


def test_without_data_it_pauses_after_the_grace_if_asked_to_and_goes_on_when_told() -> None:
    world = rolling(analysed(ERRORS, on_no_data=OnNoData.PAUSE, no_data_grace=GRACE))
    world.metrics.up = False
    world.tick(110)
    assert world.status.paused == ""
    world.tick(30)
    assert world.condition("Paused") == ("True", "NoData")
    assert "errors: no number for 2m" in world.status.paused_message
    world.metrics.up = True
    world.tick(120)
    assert world.weight == 10
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")


def test_a_resumed_rollout_that_still_has_no_data_is_given_the_grace_again() -> None:
    world = rolling(analysed(ERRORS, on_no_data=OnNoData.PAUSE, no_data_grace=GRACE))
    world.metrics.up = False
    world.until(lambda w: w.status.paused == "NoData")
    world.command("resume")
    world.tick(100)
    assert world.status.paused == ""
    world.until(lambda w: w.status.paused == "NoData", limit=60)


def test_without_data_it_goes_back_after_the_grace_if_asked_to_without_rejecting() -> None:
    world = rolling(analysed(ERRORS, on_no_data=OnNoData.ROLL_BACK, no_data_grace=GRACE))
    world.metrics.up = False
    world.until(World.at_rest, limit=200)
    world.tick(60)
    assert (world.weight, world.status.rejected) == (0, ())
    assert world.condition("Ready") == ("False", "NoData")
    world.metrics.up = True
    world.command("retry", revision=world.status.history[0].revision)
    world.until(lambda w: w.live_version == "v2")


def test_an_outage_shorter_than_the_grace_has_no_consequence() -> None:
    world = rolling(analysed(ERRORS, on_no_data=OnNoData.ROLL_BACK, no_data_grace=GRACE))
    for _ in range(4):
        world.metrics.up = False
        world.tick(90)
        world.metrics.up = True
        world.tick(6)
    world.until(lambda w: w.live_version == "v2")


def test_a_metric_that_only_reports_may_be_without_data() -> None:
    silent = replace(POSITIVES, name="silent", mode=Mode.DRY_RUN, limits=Limits())
    spec = analysed(ERRORS, silent, on_no_data=OnNoData.ROLL_BACK, no_data_grace=timedelta(minutes=1))
    rolling(spec).until(lambda w: w.live_version == "v2")


def test_a_metric_that_only_reports_says_fail_and_decides_nothing() -> None:
    tried = replace(POSITIVES, name="tried", mode=Mode.DRY_RUN, limits=Limits())
    world = rolling(analysed(ERRORS, tried, error_rate=Decimal("0.05")))
    world.metrics.values["tried", "v2"] = 0.9
    world.until(lambda w: any(m.name == "tried" and m.verdict == "Fail" for m in w.status.metrics))
    world.until(lambda w: w.live_version == "v2")
    assert not world.status.rejected


def test_errors_in_a_row_beyond_their_limit_pause() -> None:
    world = rolling(analysed(replace(ERRORS, limits=Limits(error=6))))
    world.metrics.up = False
    world.tick(20)
    assert world.status.paused == ""
    world.until(lambda w: bool(w.status.paused), limit=30)
    assert world.condition("Ready") == ("False", "ErrorLimit")
    assert world.status.rejected == ()


def test_undecided_looks_in_a_row_beyond_their_limit_pause() -> None:
    strict = replace(ERRORS, required_for=RequiredFor.EVERY_STEP, limits=Limits(inconclusive=12))
    # Twice the margin's distance from Pass at two requests a second: undecided for hours.
    world = rolling(analysed(strict), rate=20)
    world.until(lambda w: bool(w.status.paused), limit=300)
    assert world.condition("Ready") == ("False", "InconclusiveLimit")
    assert "at 12 looks in a row" in world.status.paused_message


def test_single_bad_looks_at_a_threshold_are_allowed_up_to_the_limit() -> None:
    world = rolling(analysed(ERRORS, POSITIVES))
    for _ in range(4):
        world.metrics.values["positives", "v2"] = 0.9
        world.tick(9)
        world.metrics.values["positives", "v2"] = 0.1
        world.tick(6)
    assert not world.status.rejected
    world.metrics.values["positives", "v2"] = 0.9
    world.until(lambda w: bool(w.status.rejected), limit=25)
    assert "positives: value 0.9 > 0.3" in world.status.rejected[0].reason


def test_a_failing_look_within_its_limit_still_holds_the_weight() -> None:
    patient = replace(POSITIVES, limits=Limits(fail=100))
    world = rolling(analysed(ERRORS, patient))
    world.metrics.values["positives", "v2"] = 0.9
    world.tick(200)
    assert (world.weight, world.status.rejected) == (10, ())


def test_a_restart_does_not_count_the_time_in_which_nobody_looked() -> None:
    world = rolling(analysed(ERRORS, POSITIVES))
    world.metrics.values["positives", "v2"] = 0.9
    world.tick(6)
    world.now += timedelta(minutes=10)
    world.restart()
    world.tick(4)
    assert world.status.rejected == ()


def test_a_stable_that_is_unhealthy_too_holds_and_says_so_instead_of_rolling_back() -> None:
    guarded = replace(ERRORS, stable_limit=StableLimit(Decimal("0.1")))
    world = rolling(analysed(guarded))
    world.error_rate.update(v1=0.6, v2=0.9)
    world.tick(300)
    assert (world.weight, world.status.rejected) == (10, ())
    (metric,) = world.status.metrics
    assert metric.reason == "StableUnhealthy"
    assert "stable itself shows" in metric.message


def test_a_bad_candidate_beside_a_healthy_stable_is_rolled_back_with_a_stable_limit_too() -> None:
    guarded = replace(ERRORS, stable_limit=StableLimit(Decimal("0.1")))
    world = rolling(analysed(guarded), error_rate={"v2": 0.2})
    world.until(lambda w: bool(w.status.rejected))


def test_a_metric_is_not_asked_where_it_is_not_due() -> None:
    only_baked = replace(POSITIVES, during=(During.BAKE,))
    world = rolling(analysed(ERRORS, only_baked))
    world.metrics.values["positives", "v2"] = 0.9
    world.until(in_step(2))
    assert {question.metric for question in world.questions} == {"errors"}
    world.until(lambda w: bool(w.status.rejected))


def test_a_suspension_does_not_count_towards_the_deadline() -> None:
    deadline = timedelta(minutes=5)
    world = rolling(analysed(ERRORS, progress_deadline=deadline, on_deadline=OnDeadline.ROLL_BACK))
    world.edit(state=State.SUSPENDED)
    world.step = 5
    world.tick(1200)
    assert world.condition("Ready") == ("False", "Suspended")
    assert world.weight == 10
    world.edit(state=State.ACTIVE)
    world.until(lambda w: w.live_version == "v2")


def test_the_bake_time_does_not_count_towards_the_deadline() -> None:
    spec = analysed(ERRORS, progress_deadline=timedelta(minutes=4))
    spec = replace(spec, promotion=replace(spec.promotion, bake_time=timedelta(minutes=10)))
    rolling(spec).until(lambda w: w.live_version == "v2", limit=1200)


def test_a_suspended_rollout_is_resumed_by_its_spec_only() -> None:
    world = rolling(analysed(ERRORS))
    world.edit(state=State.SUSPENDED)
    world.tick(2)
    world.command("resume")
    world.tick(2)
    assert world.status.command
    assert world.status.command.message == "spec.state is Suspended: set it to Active"


def test_nothing_of_this_keeps_a_bad_candidate_from_being_rolled_back() -> None:
    spec = analysed(ERRORS, on_no_data=OnNoData.PAUSE, no_data_grace=timedelta(minutes=1))
    world = rolling(spec)
    world.metrics.up = False
    world.until(lambda w: bool(w.status.paused))
    world.metrics.up = True
    world.error_rate["v2"] = 0.3
    world.until(lambda w: w.status.stage is None)
    assert world.status.rejected
    assert world.status.stage is not Stage.STEPPING
