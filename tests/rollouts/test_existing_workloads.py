"""Versions that somebody deployed, in a simulated world where nothing but weights may be touched: one sentence each."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.attached_world import EXISTING, NEW, OLD, ExistingWorld
from tests.simulation.rollout_world import V1, V3, World, in_step

from modelwright.api.rollout import ExistingWorkload, RolloutStatus, Stage
from modelwright.rollouts.revision import revision_for

SWAPPED = ExistingWorkload(NEW, OLD)


def promoted() -> ExistingWorld:
    world = ExistingWorld()
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(5)
    return world


def said(world: World, type_: str) -> str:
    return next((c.message for c in world.status.conditions if c.type == type_), "")


def test_the_candidate_takes_all_traffic_step_by_step_and_keeps_it() -> None:
    world = promoted()
    assert [weight for _, weight in world.weights] == [10, 50, 100]
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}
    assert world.condition("Ready") == ("True", "Promoted")
    assert world.finalizers == ()


def test_until_git_follows_it_says_what_to_commit() -> None:
    world = promoted()
    assert world.condition("GitBehind") == ("True", "NotCommitted")
    assert "`weight: 0` for Service 'ranker-v7' and `weight: 100` for Service 'ranker-v8'" in said(world, "GitBehind")
    world.edit(workload=SWAPPED)
    world.tick(5)
    assert world.condition("GitBehind") is None
    assert world.condition("Ready") == ("True", "Promoted")


def test_nothing_moves_when_git_swaps_the_names_or_renames_the_candidate() -> None:
    world = promoted()
    written = len(world.weights)
    world.edit(workload=SWAPPED)
    world.tick(60)
    world.edit(workload=ExistingWorkload(NEW, replace(OLD, backend=replace(OLD.backend, name="ranker-v9"))))
    world.tick(60)
    assert len(world.weights) == written
    assert world.live_version == "v2"
    assert world.status.stage is None


def test_our_entry_on_the_route_goes_once_git_has_followed() -> None:
    world = promoted()
    assert "modelwright" in {entry["manager"] for entry in world.body["metadata"]["managedFields"]}
    world.edit(workload=SWAPPED)
    world.tick(5)
    assert "modelwright" not in {entry["manager"] for entry in world.body["metadata"]["managedFields"]}


def test_a_revert_is_paused_and_never_fought_and_ends_when_the_weights_come_back() -> None:
    world = promoted()
    written = len(world.weights)
    world.put(100, 0, by="argocd-controller")
    world.tick(120)
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}
    assert len(world.weights) == written
    assert world.condition("Paused") == ("True", "Reverted")
    assert "'argocd-controller' took traffic from v2" in said(world, "Paused")
    assert "To end the fight" in said(world, "Paused")
    world.put(0, 100)
    world.tick(5)
    assert world.condition("Paused") is None
    assert world.condition("Ready") == ("True", "Promoted")


def test_a_revert_is_taken_for_stable_once_another_model_is_wanted() -> None:
    world = promoted()
    world.put(100, 0)
    world.tick(5)
    world.edit(model=V1)
    world.tick(5)
    assert (world.live_version, world.status.stage) == ("v1", None)
    assert world.status.history[0].result == "Reverted"
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}


def test_nothing_new_begins_while_git_is_behind() -> None:
    world = promoted()
    world.edit(model=V3)
    world.tick(60)
    assert world.condition("Ready") == ("False", "GitBehind")
    assert world.live_version == "v2"
    world.edit(workload=SWAPPED)
    world.serves["ranker-v7"] = V3
    world.until(lambda w: w.live_version == "v3")
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}


def test_a_bad_candidate_goes_back_and_the_route_is_as_it_was() -> None:
    world = ExistingWorld(error_rate={"v2": 0.3})
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    world.tick(5)
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}
    assert world.condition("Stalled") == ("True", "RolledBack")
    assert world.finalizers == ()
    assert "modelwright" not in {entry["manager"] for entry in world.body["metadata"]["managedFields"]}


def test_waits_for_as_many_pods_as_the_step_needs_of_stables() -> None:
    world = ExistingWorld()
    world.pods["ranker-v8"] = 1
    world.tick(30)
    assert said(world, "Progressing") == "1 of 2 pods of v2 ready"
    world.pods["ranker-v8"] = 2
    world.until(in_step(2))
    world.tick(60)
    assert world.share == 50
    assert said(world, "Progressing") == "2 of 4 pods of v2 ready"
    world.pods["ranker-v8"] = 4
    world.until(lambda w: w.live_version == "v2")


def test_a_weight_that_is_too_high_is_lowered_in_mid_rollout_and_at_rest() -> None:
    world = ExistingWorld()
    world.until(in_step(1))
    world.put(5, 95)
    world.tick(1)
    assert world.share == 10
    world = promoted()
    world.edit(workload=SWAPPED)
    world.tick(5)
    world.put(40, 60)
    world.tick(1)
    assert world.share == 0


def test_a_weight_that_is_too_low_pauses_with_the_name_of_who_did_it() -> None:
    world = ExistingWorld()
    world.until(in_step(2))
    world.put(100, 0, by="kustomize-controller")
    world.tick(30)
    assert world.share == 0
    assert world.condition("Paused") == ("True", "WeightLowered")
    assert "paths: [/spec/rules/0/backendRefs/0/weight" in said(world, "Paused")


def test_weights_left_out_stall_before_anything_is_written() -> None:
    world = ExistingWorld()
    world.put(None, None)
    world.tick(30)
    assert world.weights == []
    assert world.condition("Stalled") == ("True", "RouteNotAtRest")


def test_a_lost_status_finds_stable_in_its_record() -> None:
    world = promoted()
    world.edit(workload=SWAPPED)
    world.tick(5)
    world.status = RolloutStatus()
    world.restart()
    world.tick(60)
    assert (world.live_version, world.status.stage) == ("v2", None)
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}


def test_a_status_lost_in_mid_rollout_lowers_what_nobody_remembers() -> None:
    world = ExistingWorld()
    world.until(in_step(2))
    world.status = RolloutStatus()
    world.restart()
    world.tick(1)
    assert world.share == 0
    assert world.status.stable
    assert world.status.stable.backend == OLD.backend


def test_without_a_record_stable_is_where_the_route_sends_everybody() -> None:
    world = promoted()
    world.status, world.stables = RolloutStatus(), []
    world.restart()
    world.tick(30)
    assert (world.live_version, world.status.stage) == ("v2", None)
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}


def test_a_route_in_between_says_nothing_about_who_is_stable() -> None:
    world = ExistingWorld()
    world.put(60, 40)
    world.tick(30)
    assert world.weights == []
    assert world.condition("Stalled") == ("True", "RouteNotAtRest")


def test_a_baseline_that_is_wanted_serves_already() -> None:
    world = ExistingWorld(spec=replace(EXISTING, model=V1))
    world.tick(60)
    assert (world.live_version, world.status.stage, world.weights) == ("v1", None, [])


def test_deleted_in_mid_rollout_it_returns_to_stable_before_it_goes() -> None:
    world = ExistingWorld()
    world.until(in_step(2))
    world.deleted = True
    world.tick(5)
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}
    assert world.finalizers == ()


def test_deletion_waits_while_only_the_candidate_could_serve() -> None:
    world = ExistingWorld()
    world.until(in_step(2))
    world.dead.add("v1")
    world.deleted = True
    world.tick(10)
    assert world.share == 50
    assert world.finalizers
    world.dead.clear()
    world.tick(5)
    assert world.finalizers == ()


def test_deleted_after_its_success_it_leaves_the_promoted_version_serving() -> None:
    world = promoted()
    world.deleted = True
    world.tick(5)
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}
    assert world.finalizers == ()


def test_a_candidate_without_endpoints_gets_weight_0_at_once() -> None:
    world = ExistingWorld()
    world.until(in_step(2))
    world.dead.add("v2")
    world.tick(1)
    assert world.share == 0
    assert world.status.stage is Stage.STEPPING


def gone_back(world: ExistingWorld) -> ExistingWorld:
    before = world.status.history[0]
    assert before.version == "v2"
    old = next(record for record in world.stables if record.backend == OLD.backend)
    world.command("rollback", "back", revision_for(world.spec.workload, old.model))
    world.tick(1)
    return world


def test_until_git_follows_a_person_can_go_back_to_what_served_before() -> None:
    world = gone_back(promoted())
    assert world.status.command
    assert world.status.command.outcome == "Done"
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    world.tick(5)
    assert world.weights_by_backend == {"ranker-v7": 100, "ranker-v8": 0}
    assert world.condition("GitBehind") is None
    assert world.finalizers == ()
    assert [weight for _, weight in world.weights][-3:] == [10, 50, 100]
    written = len(world.weights)
    world.tick(200)
    assert len(world.weights) == written


def test_on_the_way_back_the_older_version_is_judged_too() -> None:
    world = promoted()
    world.error_rate["v1"] = 0.9
    gone_back(world)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.live_version == "v2"
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}


def test_within_the_rollback_window_the_way_back_takes_no_steps() -> None:
    world = promoted()
    world.edit(promotion=replace(world.spec.promotion, rollback_window=1))
    gone_back(world).until(lambda w: w.live_version == "v1")
    assert [weight for _, weight in world.weights][-1:] == [100]
    assert 10 not in [weight for _, weight in world.weights][3:]


def test_once_git_has_followed_nobody_knows_what_the_old_pods_serve() -> None:
    world = promoted()
    old = next(record for record in world.stables if record.backend == OLD.backend)
    world.edit(workload=SWAPPED)
    world.tick(5)
    world.command("rollback", "back", revision_for(world.spec.workload, old.model))
    world.tick(60)
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    assert world.live_version == "v2"


def test_after_unpin_the_newer_version_is_tried_again() -> None:
    world = gone_back(promoted())
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    assert world.status.stable
    world.command("unpin", "on", world.status.stable.revision)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    assert world.weights_by_backend == {"ranker-v7": 0, "ranker-v8": 100}
