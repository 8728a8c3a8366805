"""Servers that share one process among models are refused, saying what was found, before anything gets traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.attached_world import ExistingWorld
from tests.simulation.rollout_world import V2, WORKLOAD, World, in_step, serving_v1

from modelwright.api.rollout import Workload
from modelwright.cluster.keys import DEPLOYMENT, Kind
from modelwright.rollouts.observe_existing import observe_existing
from modelwright.rollouts.shared_servers import shared_server_in

SHARED: dict[str, dict[str, Any]] = {
    "--enable-lora": {"args": ["--model=/mnt/models", "--enable-lora"]},
    "--lora-modules": {"command": ["sh", "-c", "exec vllm serve base --lora-modules sql=/adapters/sql"]},
    "--lora-paths": {"args": ["--lora-paths=sql=/adapters/sql"]},
    "--lora-adapters": {"args": ["--lora-adapters", "sql"]},
    "LORA_ADAPTERS": {"env": [{"name": "LORA_ADAPTERS", "value": "sql"}]},
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING": {"env": [{"name": "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "value": "True"}]},
}
OWN: dict[str, dict[str, Any]] = {
    "nothing of the kind": {"args": ["--model=/mnt/models", "--max-lora-rank=8"]},
    "switched off": {"args": ["--enable-lora=false"]},
    "variable that is off": {"env": [{"name": "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "value": "False"}]},
    "no arguments": {"args": None, "env": None},
}


def template(**container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "model", "image": "serve:1", **container}]}}


def loads_adapters() -> Workload:
    return replace(WORKLOAD, template=template(args=["--enable-lora"]))


def stalled(world: World) -> str:
    assert world.condition("Stalled") == ("True", "UnsupportedSharedServer")
    return next(c.message for c in world.status.conditions if c.type == "Stalled")


@pytest.mark.parametrize("found", SHARED)
def test_adapters_beside_a_model_are_found(found: str) -> None:
    assert found in shared_server_in(template(**SHARED[found]))


@pytest.mark.parametrize("container", OWN.values(), ids=OWN)
def test_a_process_with_one_model_is_none_of_them(container: dict[str, Any]) -> None:
    assert shared_server_in(template(**container)) == ""


def test_pods_of_model_mesh_are_found_by_their_label() -> None:
    labelled = {**template(), "metadata": {"labels": {"modelmesh-service": "modelmesh-serving"}}}
    assert "ModelMesh" in shared_server_in(labelled)


def test_no_first_version_is_made_of_pods_that_load_adapters() -> None:
    world = World(spec=replace(serving_v1().spec, workload=loads_adapters()))
    world.tick(30)
    assert (world.deployments, world.split) == ({}, None)
    assert stalled(world) == (
        "container 'model' loads LoRA adapters into one process (--enable-lora): traffic is divided between processes "
        "that serve one model each: give each version pods of its own"
    )


def test_a_template_that_begins_to_load_adapters_rolls_nothing_out_and_what_serves_goes_on() -> None:
    world = serving_v1()
    world.edit(model=V2, workload=loads_adapters())
    world.tick(60)
    assert (world.live_version, world.split and world.split.weight) == ("v1", 0)
    assert "--enable-lora" in stalled(world)
    world.edit(workload=WORKLOAD)
    world.until(lambda w: w.live_version == "v2")


def test_an_existing_deployment_that_loads_adapters_gets_no_weight() -> None:
    world = ExistingWorld()
    world.shared_server = "Deployment 'ranker-v8': container 'model' loads LoRA adapters into one process"
    world.tick(30)
    assert world.weights == []
    assert "'ranker-v8'" in stalled(world)


def test_one_that_begins_to_in_mid_rollout_gets_no_more() -> None:
    world = ExistingWorld()
    world.until(in_step(1))
    world.shared_server = "Deployment 'ranker-v8': container 'model' loads LoRA adapters into one process"
    world.tick(60)
    assert world.share == 10
    assert "'ranker-v8'" in stalled(world)


class FakeCluster:
    """Holds Deployments by name; whatever else is asked for is not there."""

    def __init__(self, *deployments: dict[str, Any]) -> None:
        self.deployments = {body["metadata"]["name"]: body for body in deployments}

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return self.deployments.get(name) if kind is DEPLOYMENT else None

    async def list(self, kind: Kind, namespace: str, labels: object = None) -> list[dict[str, Any]]:
        return []


async def test_both_existing_deployments_are_looked_at() -> None:
    lora = template(args=["--enable-lora"])
    shared = {"metadata": {"name": "ranker-v8", "generation": 1}, "spec": {"template": lora}}
    own = {"metadata": {"name": "ranker-v7", "generation": 1}, "spec": {"template": template()}}
    cluster: Any = FakeCluster(own, shared)
    seen = await observe_existing(cluster, ExistingWorld().rollout())
    assert seen.shared_server.startswith("Deployment 'ranker-v8': container 'model' loads LoRA adapters")
