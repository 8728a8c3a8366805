"""Going back, and staying there: `rollback`, `pin` and `unpin` in simulated rollouts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.simulation.rollout_world import SPEC, V1, V2, V3, WORKLOAD, World, in_step, serving_v1

from modelwright.api.following import ModelFrom
from modelwright.api.rollout import Stage, State
from modelwright.rollouts.observation import Approved

FOLLOWING = replace(SPEC, model=None, model_from=ModelFrom("churn"), baseline=V1)


def on_v2(**fields: object) -> tuple[World, str, str]:
    """A world at rest on v2 after v1, and the revisions of both."""
    world = serving_v1(**fields)
    v1 = world.status.stable
    if world.spec.model_from:
        world.approved = Approved(V2, "churn-a", "")
    else:
        world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(15)
    assert v1
    assert world.status.stable
    return world, v1.revision, world.status.stable.revision


def command(world: World, verb: str, revision: str, id_: str = "1", actor: str = "alice") -> None:
    world.annotations["modelwright.dev/actor"] = actor
    world.command(verb, id_, revision)
    world.tick()


def test_a_rollback_returns_to_a_recorded_revision_and_stays() -> None:
    world, v1, _ = on_v2()
    command(world, "rollback", v1)
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    world.tick(120)
    assert world.live_version == "v1"
    assert world.status.pin
    assert (world.status.pin.revision, world.status.pin.actor) == (v1, "alice")
    assert world.condition("Pinned") == ("True", "Pinned")
    assert world.condition("Ready") == ("False", "Pinned")
    assert "v2 waits until `unpin`" in next(c.message for c in world.status.conditions if c.type == "Ready")


def test_a_rollback_takes_the_template_of_its_revision() -> None:
    world, v1, _ = on_v2()
    world.edit(workload=replace(WORKLOAD, template={"spec": {"containers": [{"name": "model", "image": "x:2"}]}}))
    world.until(lambda w: w.at_rest() and w.status.history[0].result == "Promoted" and len(w.status.history) == 3)
    command(world, "rollback", v1)
    world.until(lambda w: w.at_rest() and w.live_version == "v1")
    assert world.status.stable
    assert world.status.stable.revision == v1


def test_a_rollback_is_judged_like_any_other_rollout() -> None:
    world, v1, v2 = on_v2()
    world.error_rate["v1"] = 0.3
    command(world, "rollback", v1)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.status.stable
    assert world.status.stable.revision == v2
    assert world.weight == 0


def test_unpin_lets_the_spec_go_on() -> None:
    world, v1, _ = on_v2()
    command(world, "rollback", v1)
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    command(world, "unpin", v1, "2")
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    assert world.condition("Pinned") is None
    assert world.condition("Ready") == ("True", "Promoted")


def test_a_pin_outranks_what_the_policy_approves() -> None:
    world, _, v2 = on_v2(spec=FOLLOWING)
    command(world, "pin", v2)
    world.approved = Approved(V3, "churn-b", "")
    world.tick(200)
    assert world.live_version == "v2"
    assert world.status.candidate is None
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Pinned") == ("True", "Pinned")
    command(world, "unpin", v2, "2")
    world.until(lambda w: w.live_version == "v3")


def test_a_pin_outranks_a_commit() -> None:
    world, _, v2 = on_v2()
    command(world, "pin", v2)
    assert world.condition("Ready") == ("True", "Promoted")
    world.edit(model=V3)
    world.tick(60)
    assert world.status.candidate is None
    assert world.condition("Ready") == ("False", "Pinned")


def test_a_pinned_candidate_is_promoted_and_stays() -> None:
    world = serving_v1(spec=FOLLOWING)
    world.approved = Approved(V2, "churn-a", "")
    world.until(in_step(1))
    assert world.status.candidate
    command(world, "pin", world.status.candidate.revision)
    world.approved = Approved(V3, "churn-b", "")
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(100)
    assert world.live_version == "v2"


@pytest.mark.parametrize("verb", ["pin", "rollback"])
@pytest.mark.parametrize("baking", [False, True])
def test_holding_on_to_stable_takes_the_candidate_back_at_once_and_rejects_nothing(verb: str, baking: bool) -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until((lambda w: w.status.stage is Stage.BAKING and w.weight == 100) if baking else in_step(2))
    assert world.status.stable
    command(world, verb, world.status.stable.revision)
    assert world.weight == 0
    world.until(World.at_rest)
    world.tick(60)
    assert world.live_version == "v1"
    assert world.status.rejected == ()
    assert world.status.history[0].result == "Aborted"


def test_a_freeze_does_not_block_a_rollback() -> None:
    world, v1, _ = on_v2()
    world.edit(state=State.SUSPENDED)
    command(world, "rollback", v1)
    world.until(lambda w: w.live_version == "v1" and w.at_rest())


def test_after_the_commit_point_a_rollback_is_the_next_rollout() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(lambda w: w.status.stage is Stage.PROMOTING)
    assert world.status.stable
    command(world, "rollback", world.status.stable.revision)
    world.until(lambda w: w.live_version == "v2")
    world.until(lambda w: w.live_version == "v1" and w.at_rest())


def test_the_record_of_a_pinned_revision_is_kept_beyond_the_limit() -> None:
    world, v1, _ = on_v2(spec=replace(SPEC, revision_history_limit=1))
    world.error_rate["v1"] = 0.4
    command(world, "rollback", v1)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    for image in ("x:1", "x:2", "x:3"):
        world.edit(workload=replace(WORKLOAD, template={"spec": {"containers": [{"image": image}]}}))
        world.tick(5)
    assert v1 in world.recorded
    assert world.status.pin


@pytest.mark.parametrize(
    ("verb", "revision", "said"),
    [
        ("rollback", "0000000000", "no ControllerRevision '0000000000' is kept; there are "),
        ("rollback", "stable", "it serves already"),
        ("pin", "0000000000", "is neither stable nor the candidate"),
        ("unpin", "0000000000", "it is not pinned"),
    ],
)
def test_refuses_and_says_why(verb: str, revision: str, said: str) -> None:
    world, _, v2 = on_v2()
    command(world, verb, v2 if revision == "stable" else revision)
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    assert said in world.status.command.message
    assert world.status.pin is None


def test_a_rejected_revision_is_not_gone_back_to_before_a_retry() -> None:
    world = serving_v1(error_rate={"v2": 0.3})
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    bad = world.status.rejected[0].revision
    command(world, "rollback", bad)
    assert world.status.command
    assert "`retry` it first" in world.status.command.message
    world.error_rate["v2"] = 0.0
    command(world, "retry", bad, "2")
    command(world, "rollback", bad, "3")
    world.until(lambda w: w.live_version == "v2")


def test_unpin_names_the_pinned_revision() -> None:
    world, v1, v2 = on_v2()
    command(world, "pin", v2)
    command(world, "unpin", v1, "2")
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    assert world.status.pin


def test_a_pause_holds_the_weight_until_somebody_goes_on_and_a_fault_still_rolls_back() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    assert world.status.candidate
    command(world, "pause", world.status.candidate.revision)
    world.tick(200)
    assert world.weight == 10
    assert world.condition("Ready") == ("False", "PausedByCommand")
    assert world.status.paused_message == "paused by alice"
    command(world, "pause", world.status.candidate.revision, "2")
    assert world.status.command
    assert world.status.command.outcome == "Refused"
    command(world, "resume", world.status.candidate.revision, "3")
    world.until(in_step(2))
    command(world, "pause", world.status.candidate.revision, "4")
    world.error_rate["v2"] = 0.5
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())


def test_an_abort_is_remembered_as_one() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    assert world.status.candidate
    command(world, "abort", world.status.candidate.revision)
    assert world.status.stage in (Stage.ABORTING, None)
    world.until(World.at_rest)
    assert world.status.history[0].result == "Aborted"
    assert world.status.rejected[0].reason == "aborted by alice"
