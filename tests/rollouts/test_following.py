"""What `modelFrom` wants besides a policy's model: another rollout's, or the one that an alias names."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.simulation.rollout_world import SPEC, START, V1, V2, V3, World, in_step, serving_v1

from modelwright.api.following import MlflowAlias, ModelFrom, PromotedIn, WhenNewer
from modelwright.api.models import Model
from modelwright.api.rollout import RolloutSpec
from modelwright.registries.configuration import Registry
from modelwright.registries.questions import NoVersion, RegisteredVersion
from modelwright.rollouts.chains import read_chain
from modelwright.rollouts.observation import Approved
from modelwright.rollouts.plan.following import LONGEST

AFTER_STAGING = replace(
    SPEC, model=None, baseline=V1, model_from=ModelFrom(model_rollout=PromotedIn("staging", timedelta(seconds=100)))
)
FROM_MLFLOW = replace(SPEC, model=None, baseline=V1, model_from=ModelFrom(mlflow=MlflowAlias("churn", "champion")))


def promoted_in_staging(model: Model, at: datetime) -> Approved:
    return Approved(model, "", since=at)


def from_mlflow(spec: RolloutSpec = FROM_MLFLOW) -> World:
    world = World(spec=spec)
    world.registries = {"default": Registry("default", "https://mlflow.example.com")}
    return world


def registered(model: Model) -> RegisteredVersion:
    return RegisteredVersion(model.version, model.uri, model.digest)


def test_production_takes_over_what_served_long_enough_in_staging() -> None:
    world = World(spec=AFTER_STAGING).until(World.at_rest)
    since = world.now
    world.approved = promoted_in_staging(V2, since)
    world.tick(95 - int((world.now - since).total_seconds()))
    assert world.status.candidate is None
    world.until(lambda w: w.live_version == "v2")


def test_what_left_staging_in_time_never_reaches_production() -> None:
    world = World(spec=AFTER_STAGING).until(World.at_rest)
    world.approved = promoted_in_staging(V2, world.now)
    world.tick(60)
    world.approved = promoted_in_staging(V3, world.now)
    world.until(lambda w: w.live_version == "v3")
    assert [entry.version for entry in world.status.history] == ["v3", "v1"]


def test_a_young_model_is_waited_for_where_nothing_serves_yet() -> None:
    world = World(spec=replace(AFTER_STAGING, baseline=None))
    world.tick(1)
    assert world.condition("Progressing") == ("True", "NoApprovedModel")
    world.approved = promoted_in_staging(V2, world.now)
    world.tick(10)
    assert world.condition("Progressing") == ("True", "NoApprovedModel")
    world.until(World.at_rest)
    assert world.live_version == "v2"


def test_a_rollout_that_is_not_there_is_named() -> None:
    world = World(spec=replace(AFTER_STAGING, baseline=None))
    world.source_exists = False
    world.tick(1)
    assert world.condition("Stalled") == ("True", "RolloutNotFound")


def test_the_version_of_an_alias_is_rolled_out_and_the_next_one_too() -> None:
    world = from_mlflow()
    world.registered = registered(V1)
    world.until(lambda w: w.live_version == "v1")
    world.registered = registered(V2)
    world.until(lambda w: w.live_version == "v2")
    assert world.condition("Ready") == ("True", "Serving")


def test_a_registry_that_does_not_answer_changes_nothing_and_is_told() -> None:
    world = from_mlflow()
    world.registered = registered(V1)
    world.until(lambda w: w.live_version == "v1" and w.at_rest())
    world.registered = NoVersion("RegistryUnavailable", "model registry 'default': answers HTTP 503")
    world.tick(120)
    assert world.live_version == "v1"
    assert world.condition("Ready") == ("True", "Serving")
    assert world.condition("Progressing") == ("True", "RegistryUnavailable")
    world.registered = registered(V2)
    world.until(in_step(1))
    world.registered = NoVersion("NoRegisteredModel", "model registry 'default' has no version")
    world.until(lambda w: w.live_version == "v2")


def test_an_alias_that_moves_on_may_supersede() -> None:
    assert FROM_MLFLOW.model_from
    source = replace(FROM_MLFLOW.model_from, when_newer=WhenNewer.SUPERSEDE)
    world = from_mlflow(replace(FROM_MLFLOW, model_from=source))
    world.registered = registered(V1)
    world.until(World.at_rest)
    world.registered = registered(V2)
    world.until(in_step(1))
    world.registered = registered(V3)
    world.until(lambda w: w.live_version == "v3")
    assert [entry.result for entry in world.status.history][:2] == ["Promoted", "Superseded"]


def test_a_restart_forgets_the_answer_and_keeps_the_model() -> None:
    world = from_mlflow()
    world.registered = registered(V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.restart()
    world.tick(5)
    assert world.live_version == "v2"
    assert world.plan().actions == ()


def test_a_registry_of_another_team_is_refused() -> None:
    world = from_mlflow(replace(FROM_MLFLOW, baseline=None))
    world.registries = {"default": Registry("default", "https://mlflow.example.com", namespaces=("others",))}
    world.tick(2)
    assert world.condition("Stalled") == ("True", "InvalidSpec")


def test_without_an_answer_a_cold_cluster_serves_the_baseline() -> None:
    world = from_mlflow()
    world.registered = NoVersion("RegistryUnavailable", "model registry 'default': answers HTTP 503")
    world.until(World.at_rest)
    assert world.live_version == "v1"
    cold = from_mlflow(replace(FROM_MLFLOW, baseline=None))
    cold.registered = world.registered
    cold.tick(5)
    assert cold.condition("Progressing") == ("True", "RegistryUnavailable")
    cold.registered = registered(V2)
    cold.until(lambda w: w.live_version == "v2")


def test_a_cold_cluster_asks_before_it_serves_the_baseline() -> None:
    world = from_mlflow()
    world.tick(5)
    assert world.deployments == {}
    assert world.condition("Progressing") == ("True", "AskingRegistry")
    world.registered = registered(V2)
    world.until(World.at_rest)
    assert [entry.version for entry in world.status.history] == ["v2"]


def test_a_first_version_that_may_serve_already_is_finished_before_the_next() -> None:
    world = World(spec=replace(SPEC, model=V1), accept_delay=timedelta(seconds=20))
    world.until(lambda w: w.weight is not None)
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2")
    assert [entry.version for entry in world.status.history] == ["v2", "v1"]


def test_a_rollout_of_a_model_is_not_asked_for_by_a_registry() -> None:
    assert serving_v1().questions == ()


def test_a_rollout_that_follows_itself_over_others_is_told_and_stays() -> None:
    world = World(spec=AFTER_STAGING).until(World.at_rest)
    world.approved = promoted_in_staging(V2, START)
    world.chain = ("staging", "laboratory", "churn")
    world.tick(300)
    assert (world.live_version, world.status.candidate) == ("v1", None)
    assert world.condition("Stalled") == ("True", "FollowingCycle")
    world.chain = ("staging", "laboratory")
    world.until(lambda w: w.live_version == "v2")


def test_so_is_one_that_leads_into_the_circle_of_others_also_where_nothing_served() -> None:
    world = World(spec=replace(AFTER_STAGING, baseline=None))
    world.approved = promoted_in_staging(V2, START)
    world.chain = ("staging", "laboratory", "staging")
    world.tick(300)
    assert world.status.stable is None
    assert world.condition("Stalled") == ("True", "FollowingCycle")


def test_a_chain_is_no_longer_than_can_be_read() -> None:
    world = World(spec=AFTER_STAGING).until(World.at_rest)
    world.chain = tuple(f"stage-{number}" for number in range(9))
    world.tick(10)
    assert world.condition("Stalled") == ("True", "FollowsTooMany")


class Rollouts:
    """A fake API server that knows whom each rollout follows."""

    def __init__(self, follows: dict[str, str]) -> None:
        self.follows = follows
        self.asked: list[str] = []

    async def get(self, kind: object, namespace: str, name: str) -> dict[str, object] | None:
        self.asked.append(name)
        if name not in self.follows:
            return None
        reference = {"modelRolloutRef": {"name": self.follows[name]}} if self.follows[name] else {}
        return {"spec": {"modelFrom": reference}}


@pytest.mark.parametrize(
    ("follows", "chain"),
    [
        ({"staging": "laboratory", "laboratory": ""}, ("staging", "laboratory")),
        ({}, ("staging",)),
        ({"staging": "laboratory", "laboratory": "churn"}, ("staging", "laboratory", "churn")),
        ({"staging": "laboratory", "laboratory": "staging"}, ("staging", "laboratory", "staging")),
    ],
)
def test_the_chain_is_read_until_it_ends_or_comes_back(follows: dict[str, str], chain: tuple[str, ...]) -> None:
    rollout = World(spec=AFTER_STAGING).rollout()
    assert asyncio.run(read_chain(Rollouts(follows), rollout)) == chain  # type: ignore[arg-type]


def test_not_more_is_read_of_a_chain_than_is_allowed() -> None:
    cluster = Rollouts({"staging": "stage-0"} | {f"stage-{n}": f"stage-{n + 1}" for n in range(100)})
    chain = asyncio.run(read_chain(cluster, World(spec=AFTER_STAGING).rollout()))  # type: ignore[arg-type]
    assert len(chain) == LONGEST + 1
    assert len(cluster.asked) == LONGEST
