"""Rollouts of a KServe InferenceService, in both of its modes, over a fake of KServe: one sentence each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.simulation.kserve_world import KSERVE, KServeWorld, StandardWorld
from tests.simulation.rollout_world import V1, V2, V3, World, in_step

from modelwright.api.models import Model
from modelwright.api.rollout import BlueGreen, HeaderMatch, Promote, RolloutStatus, Stage, Step
from modelwright.rollouts.plan.asking import questions
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.revision import revision_for

BOTH = pytest.mark.parametrize("world_of", [KServeWorld, StandardWorld])


def promoted(world_of: type[KServeWorld]) -> KServeWorld:
    world = world_of()
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(10)
    return world


def said(world: World, type_: str) -> str:
    return next((c.message for c in world.status.conditions if c.type == type_), "")


def is_as_before(world: KServeWorld) -> bool:
    """Nothing is left of a rollout in the InferenceService, and nothing of us."""
    managers = {entry["manager"] for entry in world.service["metadata"]["managedFields"]}
    clean = "canary" not in world.service["spec"] and "canaryTrafficPercent" not in world.predictor
    return clean and world.model_uri == V1.uri and "modelwright" not in managers and world.finalizers == ()


@BOTH
def test_the_candidate_takes_all_traffic_step_by_step_and_becomes_what_it_is(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    assert [weight for _, weight in world.weights] == [10, 50, 100]
    assert (world.share_of(V2), world.model_uri) == (100, V2.uri)
    assert "canaryTrafficPercent" not in world.predictor
    assert "canary" not in world.service["spec"]
    assert world.condition("Ready") == ("True", "Promoted")
    assert world.finalizers == ()


@BOTH
def test_what_serves_is_stable_and_a_baseline_that_is_wanted_serves_already(world_of: type[KServeWorld]) -> None:
    world = world_of(spec=replace(KSERVE, model=V1))
    world.tick(30)
    assert (world.live_version, world.status.stage, world.weights) == ("v1", None, [])
    assert is_as_before(world)


@BOTH
def test_a_model_that_nobody_names_is_called_as_kserve_calls_its_pods(world_of: type[KServeWorld]) -> None:
    world = world_of(spec=replace(KSERVE, baseline=None))
    world.tick(8)
    assert world.status.stable
    assert world.status.stable.model.uri == V1.uri
    assert world.status.stable.model.version.startswith("fraud-predictor")


@BOTH
def test_a_bad_candidate_goes_back_and_nothing_is_left_of_it(world_of: type[KServeWorld]) -> None:
    world = world_of(error_rate={"v2": 0.3})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.share_of(V1) == 100
    world.tick(30)
    assert world.share_of(V1) == 100
    assert is_as_before(world)
    assert world.condition("Stalled") == ("True", "RolledBack")
    assert world.condition("GitBehind") is None


@BOTH
def test_a_rollback_does_not_hide_that_git_was_behind_before(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.error_rate["v3"] = 0.3
    world.edit(model=V3)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    world.tick(30)
    assert f"`model.storageUri: {V2.uri}`" in said(world, "GitBehind")
    assert world.share_of(V2) == 100


@BOTH
def test_one_that_turns_bad_with_all_traffic_goes_back_too(world_of: type[KServeWorld]) -> None:
    world = world_of(spec=replace(KSERVE, promotion=replace(KSERVE.promotion, bake_time=timedelta(minutes=5))))
    world.until(lambda w: w.status.stage is Stage.BAKING and world.share_of(V2) == 100)
    world.error_rate["v2"] = 0.9
    world.until(lambda w: w.at_rest() and bool(w.status.rejected))
    world.tick(30)
    assert world.share_of(V1) == 100
    assert is_as_before(world)


def test_after_a_rollback_knative_never_sends_all_to_the_newest_revision_that_is_ready() -> None:
    world = KServeWorld(error_rate={"v2": 0.3})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    world.kserve.start = timedelta(minutes=10)
    world.tick(60)
    # Stable's model is back, but not its new revision yet: the percent is what keeps v2 away from users.
    assert (world.model_uri, world.predictor["canaryTrafficPercent"]) == (V1.uri, 0)
    assert world.share_of(V2) == 0
    world.kserve.start = timedelta(0)
    world.tick(10)
    assert is_as_before(world)


@BOTH
def test_the_candidate_has_ready_pods_before_any_weight(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.dead.add("v2")
    world.tick(60)
    assert world.weights == []
    assert "0 of" in said(world, "Progressing")
    world.dead.clear()
    world.until(in_step(1))


def test_in_standard_mode_each_step_waits_for_as_many_pods_as_it_needs() -> None:
    world = StandardWorld()
    world.until(in_step(1))
    assert world.kserve.wanted["fraud-predictor"] == 2
    world.until(in_step(2))
    name = f"fraud-mw-{world.status.candidate.revision}-predictor" if world.status.candidate else ""
    assert world.kserve.wanted[name] == 2


@BOTH
def test_a_candidate_that_dies_gets_weight_0_at_once(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(2))
    world.dead.add("v2")
    world.tick(1)
    assert world.split is not None
    assert world.split.weight == 0
    assert world.status.stage is Stage.STEPPING


@BOTH
def test_a_weight_that_is_too_high_is_lowered_at_once(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(1))
    raise_to(world, 95)
    world.tick(1)
    assert world.split is not None
    assert world.split.weight == 10


@BOTH
def test_one_that_is_too_low_pauses_with_the_name_of_who_did_it(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(2))
    raise_to(world, 3, by="kustomize-controller")
    world.tick(30)
    assert world.condition("Paused") == ("True", "WeightLowered")
    assert "'kustomize-controller' lowered" in said(world, "Paused")
    assert "/spec/" in said(world, "Paused")
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")


@BOTH
def test_git_that_takes_the_candidate_away_pauses_and_resume_places_it_again(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(2))
    undo(world, by="argocd-controller")
    world.tick(20)
    assert world.condition("Paused") == ("True", "WeightLowered")
    assert "argocd-controller" in said(world, "Paused")
    assert world.share_of(V2) == 0
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")
    assert world.share_of(V2) == 100


@BOTH
def test_until_git_follows_it_says_what_to_commit(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    assert world.condition("GitBehind") == ("True", "NotCommitted")
    assert f"`model.storageUri: {V2.uri}`" in said(world, "GitBehind")
    assert "modelwright" in {entry["manager"] for entry in world.service["metadata"]["managedFields"]}
    world.owned["storageUri"].append("argocd-controller")
    world._own("argocd-controller")
    world.tick(5)
    assert world.condition("GitBehind") is None
    assert "modelwright" not in {entry["manager"] for entry in world.service["metadata"]["managedFields"]}


@BOTH
def test_a_newer_model_need_not_wait_for_git(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v3" and w.at_rest())
    world.tick(10)
    assert (world.share_of(V3), world.model_uri) == (100, V3.uri)


@BOTH
def test_a_person_goes_back_to_what_served_before_the_first_rollout(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v3" and w.at_rest())
    world.tick(10)
    world.command("rollback", revision=revision_for(KSERVE.workload, V1))
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    world.tick(10)
    assert world.share_of(V1) == 100
    assert world.condition("Pinned") is not None


@BOTH
def test_a_model_released_past_us_is_paused_and_never_fought(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.put(by="argocd-controller", storageUri=V1.uri)
    world.tick(60)
    assert (world.model_uri, world.share_of(V1)) == (V1.uri, 100)
    assert world.condition("Paused") == ("True", "Reverted")
    assert f"'argocd-controller' gave InferenceService 'fraud' the model '{V1.uri}'" in said(world, "Paused")
    assert "ignoreDifferences" in said(world, "Paused")
    world.put(storageUri=V2.uri)
    world.tick(10)
    assert world.condition("Ready") == ("True", "Promoted")


@BOTH
def test_it_is_stable_once_it_is_what_is_wanted(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.put(storageUri=V1.uri)
    world.tick(10)
    world.edit(model=V1)
    world.tick(10)
    assert (world.live_version, world.status.stage) == ("v1", None)
    assert world.status.history[0].result == "Reverted"
    assert world.condition("Ready") == ("True", "Promoted")


@BOTH
def test_a_lost_status_finds_stable_in_its_record_and_lowers_what_nobody_remembers(
    world_of: type[KServeWorld],
) -> None:
    world = world_of()
    world.until(in_step(2))
    world.status = RolloutStatus()
    world.restart()
    world.tick(2)
    assert world.live_version == "v1"
    assert [weight for _, weight in world.weights][:4] == [10, 50, 0, 10]
    world.until(lambda w: w.live_version == "v2" and w.at_rest())


@BOTH
def test_a_status_lost_after_a_success_moves_nothing(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.status = RolloutStatus()
    world.restart()
    world.tick(30)
    assert (world.live_version, world.status.stage, world.share_of(V2)) == ("v2", None, 100)


@BOTH
def test_deleted_in_mid_rollout_it_gives_back_what_there_was(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(2))
    world.deleted = True
    world.tick(20)
    assert is_as_before(world)
    assert world.share_of(V1) == 100


def test_a_deletion_does_not_wait_for_ever_for_a_kserve_that_is_gone() -> None:
    world = KServeWorld()
    world.until(in_step(2))
    world.kserve.runs = False
    world.deleted = True
    world.tick(120)
    assert world.finalizers == ()
    assert world.predictor["canaryTrafficPercent"] == 0


@BOTH
def test_deleted_after_its_success_it_leaves_the_promoted_model_serving(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.deleted = True
    world.tick(10)
    assert (world.share_of(V2), world.model_uri) == (100, V2.uri)


@BOTH
def test_a_newer_model_in_mid_rollout_replaces_the_candidate_at_weight_0(world_of: type[KServeWorld]) -> None:
    world = world_of()
    world.until(in_step(2))
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v3" and w.at_rest())
    world.tick(10)
    assert world.share_of(V3) == 100
    assert [entry.result for entry in world.status.history[:2]] == ["Promoted", "Superseded"]


@BOTH
def test_a_blue_green_rollout_waits_for_approval_with_pods_and_without_traffic(world_of: type[KServeWorld]) -> None:
    blue_green = BlueGreen(timedelta(seconds=10), Promote.WHEN_APPROVED)
    world = world_of(spec=replace(KSERVE, steps=(), blue_green=blue_green))
    world.until(lambda w: w.status.paused == "ApprovalRequired")
    assert world.share_of(V2) == 0
    assert world.status.candidate
    assert world.ready(world.status.candidate.revision) > 0
    world.command("promote")
    world.until(lambda w: w.live_version == "v2")


@BOTH
def test_steps_for_testers_are_refused(world_of: type[KServeWorld]) -> None:
    steps = (Step(match=(HeaderMatch("x-tester", "1"),), hold=timedelta(seconds=5)), Step(50, timedelta(seconds=5)))
    world = world_of(spec=replace(KSERVE, steps=steps))
    world.tick(30)
    assert world.condition("Stalled") == ("True", "UnsupportedByRouter")
    assert "KServe divides traffic by percent alone" in said(world, "Stalled")
    assert world.model_uri == V1.uri


@BOTH
def test_a_version_with_the_uri_of_the_one_before_is_refused(world_of: type[KServeWorld]) -> None:
    world = promoted(world_of)
    world.edit(model=Model("v3", V2.uri))
    world.tick(30)
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    assert "its own uri" in said(world, "Stalled")


def test_a_kserve_whose_routes_do_not_know_canaries_is_found_out_and_gets_no_further() -> None:
    world = StandardWorld()
    world.kserve.divides = False
    world.tick(120)
    assert [weight for _, weight in world.weights] == [10]
    assert world.share_of(V2) == 0
    assert world.condition("Stalled") == ("True", "UnsupportedKServe")
    assert "0.21 or newer" in said(world, "Stalled")
    world.kserve.divides = True
    world.until(lambda w: w.live_version == "v2")


def test_a_canary_of_its_owners_is_left_alone() -> None:
    world = StandardWorld()
    entry = {"trafficPercent": 0, "predictor": {"name": "theirs", "model": {"storageUri": "s3://other"}}}
    world.put(canary=[entry])
    world.tick(60)
    assert world.service["spec"]["canary"] == [entry]
    assert world.condition("Stalled") == ("True", "RouteNotAtRest")


REFUSED = {
    "ModelMesh": ("UnsupportedSharedServer", "its deployment mode is ModelMesh"),
    "Serverful": ("UnsupportedKServe", "is deployed as 'Serverful': needed is Knative or Standard"),
    "": ("UnsupportedKServe", "does not say how it is deployed"),
}


@pytest.mark.parametrize("mode", REFUSED)
def test_other_modes_are_refused_with_what_was_found(mode: str) -> None:
    world = KServeWorld()
    world.service["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] = mode
    world.kserve.runs = False
    world.tick(30)
    reason, message = REFUSED[mode]
    assert world.condition("Stalled") == ("True", reason)
    assert message in said(world, "Stalled")
    assert world.model_uri == V1.uri


def test_adapters_beside_the_model_are_refused() -> None:
    world = KServeWorld()
    world.predictor["model"]["args"] = ["--enable-lora"]
    world.tick(30)
    assert world.condition("Stalled") == ("True", "UnsupportedSharedServer")
    assert "InferenceService 'fraud'" in said(world, "Stalled")


def test_a_predictor_without_a_model_by_uri_is_refused() -> None:
    world = KServeWorld()
    world.kserve.runs = False
    world.predictor["model"]["storageUri"] = ""
    world.tick(30)
    assert world.condition("Stalled") == ("True", "UnsupportedKServe")
    assert "`spec.predictor.model.storageUri`" in said(world, "Stalled")


def test_a_transformer_is_refused_where_traffic_is_divided_in_front_of_it() -> None:
    world = StandardWorld()
    world.service["spec"]["transformer"] = {"containers": [{"name": "t"}]}
    world.tick(30)
    assert world.condition("Stalled") == ("True", "UnsupportedKServe")


def test_an_inference_service_that_is_not_there_is_named() -> None:
    world = KServeWorld()
    world.exists = False
    world.tick(10)
    assert world.condition("Stalled") == ("True", "InferenceServiceNotFound")


@pytest.mark.parametrize(
    ("world_of", "stable", "candidate"),
    [
        (KServeWorld, 'revision_name="fraud-predictor-00001"', 'revision_name="fraud-predictor-00002"'),
        (StandardWorld, 'service="fraud-predictor"', 'service="fraud-mw-'),
    ],
)
def test_the_selector_of_metrics_names_what_kserve_runs(
    world_of: type[KServeWorld], stable: str, candidate: str
) -> None:
    world = world_of()
    world.until(in_step(1))
    asked = {question.arm: str(question) for question in questions(Draft(world.observe(), world.now, world.status))}
    assert f'namespace=\\"ml\\",{stable}'.replace("\\", "") in asked["stable"].replace("\\", "")
    assert candidate in asked["candidate"].replace("\\", "")


def raise_to(world: KServeWorld, weight: int, by: str = "team") -> None:
    if world.mode == "Knative":
        world.put(by=by, canaryTrafficPercent=weight)
    else:
        entries = [{**entry, "trafficPercent": weight} for entry in world.service["spec"]["canary"]]
        world.put(by=by, canary=entries)


def undo(world: KServeWorld, by: str) -> None:
    """What a tool does that applies Git's manifest again."""
    if world.mode == "Knative":
        world.put(by=by, storageUri=V1.uri)
    else:
        world.put(by=by, canary=None)
