"""A KServe InferenceService on the real API server, with KServe's own definition: its fields are ours, and given back.

KServe itself is a fake (tests/simulation/fake_kserve.py). In Standard mode the route that it makes is served once by a
real Envoy; in Knative mode no request goes through a gateway.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ControlPlane
from tests.integration.envoy_stage import EnvoyStage, on_stage
from tests.integration.fake_kserve import REDUCED_REVISION, KServeHere
from tests.integration.stage import Stage

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import INFERENCE_SERVICE
from modelwright.errors import Conflict, InvalidSpec
from modelwright.rollouts.giving_back import settle_any
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.controlplane.module_definitions import KSERVE, crds_of

V1, V2, V3 = ({"version": version, "uri": f"s3://models/fraud/{version}"} for version in ("v1", "v2", "v3"))
ROLLOUT = {
    "model": V2,
    "baseline": V1,
    "replicas": 1,
    "workload": {"inferenceService": {"name": "fraud"}},
    "traffic": {"confirm": "RouteAccepted"},
}


@pytest.fixture(scope="module")
def _kserve_is_installed(control_plane: ControlPlane) -> None:
    # Once for all: the definition is large.
    asyncio.run(install(control_plane.instance, [*json.loads(crds_of(KSERVE).read_bytes()), REDUCED_REVISION]))


@pytest.fixture
async def kserve(_kserve_is_installed: None, cluster: Cluster, namespace: str) -> KServeHere:
    return KServeHere(cluster, namespace)


@pytest.fixture
async def behind_envoy(
    _kserve_is_installed: None, cluster: Cluster, namespace: str, tmp_path: Path
) -> AsyncIterator[EnvoyStage]:
    async with on_stage(cluster, namespace, tmp_path) as stage:
        yield stage


def manifest(namespace: str, mode: str, uri: str = V1["uri"], **predictor: Any) -> dict[str, Any]:
    """What the team keeps in Git."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri, "resources": {"limits": {"cpu": "1"}}}
    annotations = {"serving.kserve.io/deploymentMode": mode}
    return {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": INFERENCE_SERVICE.name,
        "metadata": {"name": "fraud", "namespace": namespace, "annotations": annotations},
        "spec": {"predictor": {"minReplicas": 2, "model": model, **predictor}},
    }


async def put(stage: Stage, body: dict[str, Any]) -> None:
    await stage.cluster.apply(INFERENCE_SERVICE, body, manager="team", force=False)


async def play(stage: Stage, kserve: KServeHere, reached: Any) -> None:
    async def all_act() -> bool:
        await kserve.act()
        return bool(await reached())

    await kserve.act()
    await stage.play(all_act)


async def managers(kserve: KServeHere) -> set[str]:
    entries = (await kserve.service())["metadata"]["managedFields"]
    return {entry["manager"] for entry in entries if not entry.get("subresource")}


@asynccontextmanager
async def at_work(kserve: KServeHere) -> AsyncIterator[None]:
    async def work() -> None:
        while True:
            await kserve.act()
            await asyncio.sleep(0.1)

    task = asyncio.create_task(work())
    yield
    task.cancel()


async def test_a_model_arrives_in_knative_mode_and_git_may_follow_without_force(
    stage: Stage, kserve: KServeHere
) -> None:
    await put(stage, manifest(stage.namespace, "Knative"))
    await stage.create(**ROLLOUT)
    shares: list[dict[str, int]] = []

    async def arrived() -> bool:
        shares.append(kserve.fake.shares())
        return await stage.serves("v2") and bool(await stage.condition("GitBehind"))

    await play(stage, kserve, arrived)
    assert {"fraud-predictor-00002": 50, "fraud-predictor-00001": 50} in shares
    assert shares[-1] == {"fraud-predictor-00002": 100}
    assert "canaryTrafficPercent" not in (await kserve.service())["spec"]["predictor"]
    with pytest.raises(Conflict):
        await put(stage, manifest(stage.namespace, "Knative"))
    await put(stage, manifest(stage.namespace, "Knative", V2["uri"]))

    async def handed_back() -> bool:
        return not await stage.condition("GitBehind") and "modelwright" not in await managers(kserve)

    await play(stage, kserve, handed_back)
    await put(stage, manifest(stage.namespace, "Knative", V2["uri"], minReplicas=3))


async def test_after_a_rollback_every_byte_is_as_it_was_and_a_changed_manifest_applies(
    stage: Stage, kserve: KServeHere
) -> None:
    await put(stage, manifest(stage.namespace, "Knative"))
    before = copy.deepcopy((await kserve.service())["spec"])
    stage.looks.candidate_errors = 2_000
    errors = {"name": "errors", "preset": "RequestErrors", "fastLimit": {"max": "0.05", "minEvents": 20}}
    await stage.create(**ROLLOUT, analysis={"interval": "1s", "metrics": [errors]})

    async def back() -> bool:
        body = await stage.body()
        rejected, secured = body.get("status", {}).get("rejected", []), body["metadata"].get("finalizers", [])
        return bool(rejected) and not secured and "modelwright" not in await managers(kserve)

    await play(stage, kserve, back)
    assert (await kserve.service())["spec"] == before
    assert kserve.fake.shares() == {"fraud-predictor-00003": 100}
    await put(stage, manifest(stage.namespace, "Knative", minReplicas=3))


async def test_a_model_arrives_in_standard_mode_through_pods_of_its_own(stage: Stage, kserve: KServeHere) -> None:
    await put(stage, manifest(stage.namespace, "Standard"))
    await stage.create(**ROLLOUT)
    shares: list[list[int]] = []

    async def arrived() -> bool:
        shares.append(list(kserve.fake.shares().values()))
        return await stage.serves("v2")

    await play(stage, kserve, arrived)
    assert [50, 50] in shares
    assert shares[-1] == [100]
    spec = (await kserve.service())["spec"]
    assert spec["predictor"]["name"].startswith("mw-")
    assert spec["predictor"]["model"]["storageUri"] == V2["uri"]
    assert "canary" not in spec


async def test_in_standard_mode_requests_through_envoy_reach_a_candidate_by_its_share_alone(
    behind_envoy: EnvoyStage,
) -> None:
    stage = behind_envoy
    kserve = KServeHere(stage.cluster, stage.namespace, host=stage.host, port=stage.servers.port)
    steps = [{"pause": {}}, {"weight": 20, "hold": "1h"}]

    async def command(verb: str, id_: str) -> None:
        await stage.annotate({"modelwright.dev/command": f"{verb}/{id_}/{await stage.revision('candidate')}"})

    async def paused() -> bool:
        return await stage.is_paused("Paused")

    async def has_its_share() -> bool:
        step = (await stage.body())["status"].get("step", {})
        return step.get("number") == 2 and "confirmedAt" in step

    async def candidate() -> str:
        return f"isvc.fraud-mw-{await stage.revision('candidate')}-predictor"

    # With one pod KServe takes none away from stable, and none is asked that is just going.
    await put(stage, manifest(stage.namespace, "Standard", minReplicas=1))
    await stage.create(**ROLLOUT | {"strategy": {"canary": {"steps": steps}}})
    await play(stage, kserve, paused)
    v1, v2 = "isvc.fraud-predictor", await candidate()
    assert set(await stage.answers()) == {v1}
    await command("promote", "a")
    await play(stage, kserve, has_its_share)
    seen = await stage.answers(300)
    assert set(seen) == {v1, v2}
    assert 30 <= seen[v2] <= 100
    await command("promote", "b")
    await play(stage, kserve, lambda: stage.serves("v2"))
    assert set(await stage.answers()) == {v2}

    await stage.edit({"model": V3})
    await play(stage, kserve, paused)
    v3 = await candidate()
    assert set(await stage.answers()) == {v2}
    await command("promote", "c")
    await play(stage, kserve, has_its_share)
    assert set(await stage.answers(100)) == {v2, v3}
    await command("abort", "d")
    await play(stage, kserve, stage.is_let_go)
    asked = stage.servers.asked[v3]
    assert set(await stage.answers(100)) == {v2}
    assert stage.servers.asked[v3] == asked


async def test_the_uninstall_hook_gives_back_what_there_was(stage: Stage, kserve: KServeHere) -> None:
    await put(stage, manifest(stage.namespace, "Knative"))
    before = copy.deepcopy((await kserve.service())["spec"])
    await stage.create(**ROLLOUT | {"strategy": {"canary": {"steps": [{"weight": 50, "hold": "1h"}]}}})

    async def half_way() -> bool:
        return kserve.fake.shares().get("fraud-predictor-00002") == 50

    await play(stage, kserve, half_way)
    async with at_work(kserve):
        settled = await settle_any(stage.cluster, await stage.body(), asyncio.get_running_loop().time() + 60)
    assert settled.ok, settled.says
    assert (await kserve.service())["spec"] == before
    assert "finalizers" not in (await stage.body())["metadata"]


async def test_fields_that_a_kserve_does_not_have_are_refused_and_not_dropped(stage: Stage, kserve: KServeHere) -> None:
    """That is what an older KServe looks like: its definition does not know `spec.canary`."""
    await put(stage, manifest(stage.namespace, "Standard"))
    unknown = [{"op": "add", "path": "/spec/canaries", "value": []}]
    with pytest.raises(InvalidSpec, match="unknown field"):
        await stage.cluster.json_patch(INFERENCE_SERVICE, stage.namespace, "fraud", unknown, strict=True)
