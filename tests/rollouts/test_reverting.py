"""A policy that wants its champion left: simulated rollouts go back to the model before, and stay there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.rollouts.test_pinning import FOLLOWING, command, on_v2
from tests.simulation.kserve_world import KSERVE, KServeWorld, StandardWorld
from tests.simulation.rollout_world import V1, V2, V3, World, in_step, serving_v1

from modelwright.api.policy import Reverted
from modelwright.cluster.keys import RETRAIN_RUN, Kind
from modelwright.rollouts.observation import Approved
from modelwright.rollouts.observe import _approved


def order(at: datetime) -> Reverted:
    return Reverted(2, V2.version, V2.digest, "regret", "regret: 0.8, needed ≥ 0.88", at)


def reverted_from_v2() -> World:
    world, _, _ = on_v2(spec=FOLLOWING)
    world.approved = Approved(V2, "churn-a", reverted=order(world.now))
    return world.until(lambda w: w.live_version == "v1" and w.at_rest())


def test_a_reverted_model_is_left_and_not_tried_again() -> None:
    world = reverted_from_v2()
    world.tick(300)
    assert world.live_version == "v1"
    assert [(known.version, known.reason) for known in world.status.rejected] == [("v2", "regret: 0.8, needed ≥ 0.88")]
    assert world.status.pin is None


def test_going_back_within_the_rollback_window_takes_no_steps() -> None:
    promotion = replace(FOLLOWING.promotion, rollback_window=2)
    world, _, _ = on_v2(spec=replace(FOLLOWING, promotion=promotion))
    world.approved = Approved(V2, "churn-a", reverted=order(world.now))
    world.until(lambda w: w.status.candidate is not None)
    assert world.status.shortcut is not None
    world.until(lambda w: w.live_version == "v1" and w.at_rest())


def test_the_next_approved_model_is_followed_again() -> None:
    world = reverted_from_v2()
    world.approved = Approved(V3, "churn-b")
    world.until(lambda w: w.live_version == "v3" and w.at_rest())


def test_who_retries_a_reverted_model_gets_it_back_and_keeps_it() -> None:
    world = reverted_from_v2()
    command(world, "retry", world.status.rejected[0].revision)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(300)
    assert world.live_version == "v2"


def test_a_pin_outranks_a_revert() -> None:
    world, _, v2 = on_v2(spec=FOLLOWING)
    command(world, "pin", v2)
    world.approved = Approved(V2, "churn-a", reverted=order(world.now))
    world.tick(200)
    assert world.live_version == "v2"
    assert world.status.rejected == ()


def test_a_rollout_that_is_still_trying_the_model_gives_it_up() -> None:
    world = serving_v1(spec=FOLLOWING)
    world.approved = Approved(V2, "churn-a")
    world.until(in_step(1))
    world.approved = Approved(V2, "churn-a", reverted=order(world.now))
    world.until(World.at_rest)
    world.tick(200)
    assert world.live_version == "v1"
    assert world.status.candidate is None


def test_a_first_version_has_nothing_to_go_back_to_and_says_so() -> None:
    world = serving_v1(spec=FOLLOWING)
    stable = world.status.stable
    assert stable
    known = Reverted(1, stable.model.version, stable.model.digest, "regret", "worse", world.now)
    world.approved = Approved(stable.model, "churn-a", reverted=known)
    world.tick(200)
    assert world.live_version == "v1"
    assert world.status.candidate is None
    assert world.condition("Progressing") == ("True", "NoPreviousModel")


def test_a_model_that_was_promoted_after_the_order_is_not_meant() -> None:
    world, _, _ = on_v2(spec=FOLLOWING)
    world.approved = Approved(V2, "churn-a", reverted=order(world.now - timedelta(days=1)))
    world.tick(200)
    assert world.live_version == "v2"


@pytest.mark.parametrize("world_of", [KServeWorld, StandardWorld])
def test_what_kserve_served_before_its_first_rollout_is_gone_back_to(world_of: type[KServeWorld]) -> None:
    world = world_of(spec=replace(KSERVE, model=None, model_from=FOLLOWING.model_from))
    world.approved = Approved(V2, "churn-a")
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.tick(15)
    world.approved = Approved(V2, "churn-a", reverted=order(world.now))
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    world.tick(60)
    assert (world.live_version, world.share_of(V1)) == ("v1", 100)
    assert [known.version for known in world.status.rejected] == ["v2"]


class Stored:
    """The two objects of an API server that say which model a rollout follows."""

    def __init__(self, number: int) -> None:
        approved = {"number": number, "version": "v2", "uri": "file:///v2", "digest": V2.digest, "retrainRun": "v2"}
        reverted = {
            "number": 2,
            "version": "v2",
            "digest": V2.digest,
            "trigger": "regret",
            "message": "worse",
            "at": "2026-11-21T08:00:00Z",
        }
        self._status = {"approved": approved, "reverted": reverted}

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        if kind is RETRAIN_RUN:
            return None
        metadata = {"name": name, "namespace": namespace, "uid": "u", "generation": 1, "resourceVersion": "1"}
        spec = {"triggers": [{"name": "weekly", "schedule": {"cron": "0 3 * * 0"}}], "pipeline": {"name": "p"}}
        return {"metadata": metadata, "spec": spec, "status": self._status}


@pytest.mark.parametrize(("number", "meant"), [(1, True), (2, True), (3, False)])
async def test_the_order_is_read_from_the_policy_until_another_model_is_approved(number: int, meant: bool) -> None:
    _, approved = await _approved(Stored(number), serving_v1(spec=FOLLOWING).rollout())  # type: ignore[arg-type]
    assert approved is not None
    assert (approved.reverted is not None) == meant
