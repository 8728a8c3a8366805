"""The holdback: a control stays on the old model until labels have come. One sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V1, V2, V3, World, serving_v1

from modelwright.api.following import ModelFrom, WhenNewer
from modelwright.api.metrics import AgainstStable, During, Metric, Proportion
from modelwright.api.rollout import (
    BlueGreen,
    CandidateReplicas,
    Holdback,
    Rejection,
    RolloutSpec,
    RolloutStatus,
    Shadow,
    Stage,
)
from modelwright.api.strategy import OnPassed
from modelwright.rollouts.observation import Approved
from modelwright.rollouts.plan.asking import questions
from modelwright.rollouts.plan.draft import Draft
from modelwright.traffic.route import Split

LABELS_COME = timedelta(minutes=1)
FOR = timedelta(minutes=5)
WRONG = Metric(
    "wrong",
    Proportion("w{$(selector)}", "m{$(selector)}"),
    stable=AgainstStable(max_increase=Decimal("0.05")),
    during=(During.HOLDBACK,),
    horizon=LABELS_COME,
)
HELD = replace(
    SPEC,
    promotion=replace(SPEC.promotion, holdback=Holdback(10, FOR)),
    analysis=replace(SPEC.analysis, metrics=(ERRORS, WRONG)),
)
WAYS = {
    "canary": HELD,
    "blue-green": replace(HELD, steps=(), blue_green=BlueGreen(timedelta(seconds=20))),
    "shadow": replace(HELD, steps=(), shadow=Shadow(20, timedelta(seconds=20), OnPassed.PROMOTE)),
}


def wanting_v2(spec: RolloutSpec = HELD, wrong: float = 0.1, **fields: Any) -> World:
    world = serving_v1(spec=spec, step=5, **fields)
    world.metrics.rates |= {("wrong", "v1"): 0.1, ("wrong", "v2"): wrong, ("wrong", "v3"): 0.1}
    world.edit(model=V2)
    return world


def held_back(world: World) -> bool:
    return world.weight == 90 and world.condition("Holdback") is not None


def in_holdback(**fields: Any) -> World:
    return wanting_v2(**fields).until(held_back)


def given(world: World) -> list[Split]:
    return [split for _, split in world.splits[1:]]


@pytest.mark.parametrize("way", WAYS)
def test_all_but_the_control_has_the_new_model_until_its_labels_have_come(way: str) -> None:
    world = in_holdback(spec=WAYS[way])
    began = world.now
    world.until(lambda w: w.live_version == "v2", limit=2000)
    assert world.now - began >= FOR
    assert given(world)[-3:] == [Split(90), Split(100), Split()]
    assert world.status.history[0].result == "Promoted"


@pytest.mark.parametrize("way", WAYS)
def test_a_fail_of_late_labels_goes_back_in_one_write_to_pods_that_stand_ready(way: str) -> None:
    world = in_holdback(spec=WAYS[way], wrong=0.4)
    old, began = world.status.stable, world.now
    assert old
    assert world.ready(old.revision) == 4
    world.until(lambda w: bool(w.status.rejected))
    assert world.now - began >= LABELS_COME
    assert given(world)[-2:] == [Split(90), Split()]
    assert "wrong" in world.status.rejected[0].reason


def test_a_metric_of_the_holdback_keeps_no_step_waiting() -> None:
    world = wanting_v2()
    world.until(lambda w: w.weight == 50)
    assert [metric.name for metric in world.status.metrics] == ["errors"]


def test_a_deployment_tool_is_done_when_the_holdback_begins() -> None:
    world = in_holdback()
    assert world.condition("Ready") == ("True", "Holdback")
    assert world.condition("Reconciling") is None
    assert world.status.phase == "Healthy"
    world.metrics.up = False
    world.tick(120)
    assert world.condition("Ready") == ("True", "Holdback")
    assert world.condition("Progressing") == ("True", "MetricsUnavailable")


def test_without_data_the_control_stays_for_as_long_as_that_lasts() -> None:
    world = in_holdback()
    world.metrics.up = False
    world.tick(900)
    assert world.weight == 90
    world.metrics.up = True
    world.until(lambda w: w.live_version == "v2", limit=2000)


def test_neither_the_deadline_nor_another_rollout_waits_for_it() -> None:
    deadline = replace(HELD.analysis, progress_deadline=timedelta(minutes=3))
    world = in_holdback(spec=replace(HELD, analysis=deadline))
    world.tick(200)
    assert world.weight == 90
    # It loses its pods, and goes over the last step again: the days before do not count.
    world.dead.add("v2")
    world.tick(5)
    assert world.weight == 0
    world.dead.clear()
    world.until(held_back)
    assert [reason for _, reason, _ in world.news if reason == "ProgressDeadlineExceeded"] == []


def test_its_pods_stand_at_full_scale_whatever_is_fixed_for_steps() -> None:
    workload = replace(SPEC.workload, candidate_replicas=CandidateReplicas.FIXED, fixed_replicas=2)
    world = in_holdback(spec=replace(HELD, workload=workload))
    assert {deployment.wanted for deployment in world.deployments.values()} == {4}


def test_promote_ends_it_without_the_labels() -> None:
    world = in_holdback()
    began = world.now
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")
    assert world.now - began < FOR
    assert given(world)[-2:] == [Split(100), Split()]


def test_promote_does_not_end_it_over_errors_that_are_not_within_their_margin() -> None:
    world = in_holdback()
    world.error_rate |= {"v2": 0.02}
    world.metrics.up = False
    world.command("promote")
    world.tick(60)
    assert world.weight == 90


def test_abort_reverts() -> None:
    world = in_holdback()
    world.command("abort")
    world.until(World.at_rest)
    assert (world.live_version, world.weight) == ("v1", 0)
    assert [known.version for known in world.status.rejected] == ["v2"]


def test_a_newer_model_ends_it_and_begins_against_what_was_held_back_for() -> None:
    world = in_holdback()
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v2")
    assert Split() not in given(world)[:-1]
    world.until(lambda w: bool(w.weight))
    assert world.status.candidate
    assert (world.status.candidate.model.version, world.live_version) == ("v3", "v2")


def test_who_wants_the_old_model_again_has_it_at_once() -> None:
    world = in_holdback()
    world.edit(model=V1)
    world.tick(5)
    assert world.weight == 0
    world.until(World.at_rest)
    assert world.live_version == "v1"


def test_what_a_policy_approves_meanwhile_waits_for_the_end_by_default() -> None:
    source = ModelFrom(retrain_policy="churn", when_newer=WhenNewer.FINISH_CURRENT)
    world = serving_v1(spec=replace(HELD, model=None, model_from=source, baseline=V1), step=5)
    world.metrics.rates |= {("wrong", "v1"): 0.1, ("wrong", "v2"): 0.1, ("wrong", "v3"): 0.1}
    world.approved = Approved(V2, "run-2")
    world.until(held_back)
    world.approved = Approved(V3, "run-3")
    world.tick(120)
    assert held_back(world)
    world.until(lambda w: w.live_version == "v2", limit=2000)


def test_going_back_keeps_nobody_on_what_was_left() -> None:
    world = wanting_v2(replace(HELD, promotion=replace(HELD.promotion, holdback=Holdback(10, timedelta(minutes=3)))))
    world.until(lambda w: w.live_version == "v2", limit=2000)
    oldest = min(world.recorded.values(), key=lambda record: record.number)
    world.command("rollback", "back", oldest.revision)
    world.until(lambda w: w.live_version == "v1" and w.at_rest(), limit=2000)
    assert Split(90) not in given(world)[-4:]


def test_a_model_that_was_rejected_while_it_served_is_no_control() -> None:
    world = wanting_v2()
    stable = world.status.stable
    assert stable
    rejection = Rejection(stable.revision, stable.model.digest, world.now, "turned out worse")
    world.status = replace(world.status, rejected=(rejection,))
    world.until(lambda w: w.live_version == "v2")
    assert Split(90) not in given(world)


def test_an_operator_that_restarts_goes_on_where_it_was() -> None:
    world = in_holdback()
    world.tick(200)
    world.restart()
    world.tick(5)
    assert held_back(world)
    world.until(lambda w: w.live_version == "v2", limit=300)


def test_without_its_status_the_control_takes_all_traffic_and_the_rollout_begins_again() -> None:
    world = in_holdback()
    world.status = RolloutStatus()
    world.restart()
    world.tick(5)
    assert (world.weight, world.live_version) == (0, "v1")


def test_one_taken_out_of_the_spec_meanwhile_ends() -> None:
    world = in_holdback()
    world.edit(promotion=SPEC.promotion, analysis=SPEC.analysis)
    world.until(lambda w: w.live_version == "v2")


def test_somebody_who_lowers_the_weight_pauses_it() -> None:
    world = in_holdback()
    world.split, world.route_changed_by = Split(40), "somebody"
    world.route_version += 1
    world.tick(5)
    assert world.status.paused == "WeightLowered"
    assert world.condition("Ready") == ("False", "WeightLowered")
    world.command("resume")
    world.until(lambda w: w.live_version == "v2", limit=3000)


def test_both_arms_are_asked_about_in_it() -> None:
    world = in_holdback()
    world.tick(int(LABELS_COME.total_seconds()) + 10)
    asked = {(question.metric, question.arm) for question in questions(Draft(world.observe(), world.now, world.status))}
    assert asked == {(name, arm) for name in ("errors", "wrong") for arm in ("stable", "candidate")}
    assert world.status.stage is Stage.STEPPING
