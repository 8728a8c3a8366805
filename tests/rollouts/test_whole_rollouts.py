"""Whole rollouts in a simulated world: one sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V1, V2, V3, World, in_step, serving_v1

from modelwright.api.following import ModelFrom, WhenNewer
from modelwright.api.metrics import RequiredFor
from modelwright.api.rollout import Analysis, OnDeadline, Stage, State, Step
from modelwright.rollouts.observation import Approved


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


def test_a_new_model_before_100_percent_supersedes_the_candidate_at_weight_0() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v3")
    results = [entry.result for entry in world.status.history]
    assert results == ["Promoted", "Superseded", "Promoted"]
    assert world.status.rejected == ()


def test_a_new_model_from_100_percent_on_waits_for_the_promotion() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(lambda w: w.status.stage is Stage.BAKING and w.weight == 100)
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v2")
    world.until(lambda w: w.live_version == "v3")


def test_going_back_to_the_stable_model_in_git_ends_the_rollout() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.edit(model=V1)
    world.until(World.at_rest)
    assert world.live_version == "v1"
    assert world.weight == 0
    assert world.condition("Ready") == ("True", "Promoted")


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


def test_a_weight_that_somebody_raised_is_lowered_at_once() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.weight, world.route_changed_by = 90, "kubectl-edit"
    world.tick()
    assert world.weight == 10


def test_a_weight_that_somebody_lowered_pauses_until_resume() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.weight, world.route_changed_by = 5, "argocd-controller"
    world.tick(120)
    assert world.weight == 5
    assert world.condition("Ready") == ("False", "WeightLowered")
    assert "argocd-controller" in world.status.paused_message
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")


def test_a_weight_that_was_lowered_while_the_operator_was_away_is_an_abort() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.restart()
    world.weight, world.route_changed_by = 0, "kubectl-patch"
    world.until(World.at_rest)
    world.tick(30)
    assert world.weight == 0
    assert "kubectl-patch" in world.status.rejected[0].reason


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


def test_following_a_policy_is_ready_while_stable_serves() -> None:
    world = World(spec=replace(SPEC, model=None, model_from=ModelFrom("churn"), baseline=V1)).until(World.at_rest)
    assert world.condition("Ready") == ("True", "Serving")
    world.approved = Approved(V2, "churn-abcde", V1.digest)
    world.until(in_step(1))
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Progressing") == ("True", "StepRunning")
    assert world.condition("Reconciling") is None
    world.until(lambda w: w.live_version == "v2")


def test_a_model_judged_against_another_champion_is_held() -> None:
    world = World(spec=replace(SPEC, model=None, model_from=ModelFrom("churn"), baseline=V1)).until(World.at_rest)
    world.approved = Approved(V2, "churn-abcde", "sha256:another")
    world.tick(60)
    assert world.weight == 0
    assert world.condition("Progressing") == ("True", "ChampionChanged")


@pytest.mark.parametrize(
    ("when", "results"),
    [
        (WhenNewer.FINISH_CURRENT, ["Promoted", "Promoted", "Promoted"]),
        (WhenNewer.SUPERSEDE, ["Promoted", "Superseded", "Promoted"]),
    ],
)
def test_a_newer_approved_model_waits_or_supersedes_as_asked(when: WhenNewer, results: list[str]) -> None:
    spec = replace(SPEC, model=None, model_from=ModelFrom("churn", when), baseline=V1)
    world = World(spec=spec).until(World.at_rest)
    world.approved = Approved(V2, "churn-a", V1.digest)
    world.until(in_step(1))
    world.approved = Approved(V3, "churn-b", "")
    world.until(lambda w: w.live_version == "v3")
    assert [entry.result for entry in world.status.history] == results


def test_a_vanished_policy_changes_nothing() -> None:
    world = World(spec=replace(SPEC, model=None, model_from=ModelFrom("churn"), baseline=V1)).until(World.at_rest)
    world.approved = Approved(V2, "churn-a", V1.digest)
    world.until(lambda w: w.live_version == "v2")
    world.approved = None
    world.tick(60)
    assert world.live_version == "v2"
    assert world.condition("Ready") == ("True", "Serving")


def test_a_lost_status_finds_stable_again_and_takes_unknown_weight_back() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.status = type(world.status)()
    world.restart()
    world.tick(1)
    assert world.live_version == "v1"
    assert world.weight == 0
    world.until(lambda w: w.live_version == "v2")


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


def test_the_pods_of_a_rejected_candidate_go_after_the_delay() -> None:
    world = serving_v1(error_rate={"v2": 0.3})
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert len(world.deployments) == 2
    world.tick(11)
    assert len(world.deployments) == 1


def test_a_route_that_somebody_deletes_comes_back_at_rest_and_the_step_begins_again() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.weight = None
    world.tick()
    assert world.weight in (0, 10, 50)
    assert "RouteDeleted" in [reason for _, reason, _ in world.news]
    world.until(lambda w: w.live_version == "v2")


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
