"""A newer model while a rollout is under way, and the policy that it comes from: one sentence each."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.simulation.rollout_world import SPEC, V1, V2, V3, World, in_step, serving_v1

from modelwright.api.following import ModelFrom, WhenNewer
from modelwright.api.rollout import Stage
from modelwright.rollouts.observation import Approved


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
