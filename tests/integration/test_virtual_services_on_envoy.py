"""A rollout over an Istio VirtualService, from end to end on a real API server: who answers through a real Envoy.

Istio's definition is the real one. Its control plane is a fake: the playground's gateway, which tells Envoy what the
entries mean by Istio's documentation.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ControlPlane
from tests.integration.envoy_stage import TESTER, EnvoyStage, on_stage
from tests.traffic.routes import to

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import SERVICE, VIRTUAL_SERVICE
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.controlplane.module_definitions import ISTIO, crds_of

V2 = {"model": {"version": "v2", "uri": "s3://models/churn/v2"}}
HEADER = {"headers": [{"name": "x-tester", "value": "1"}]}
STEPS = [
    {"shadow": 100, "hold": "1s"},
    {"pause": {}},
    {"match": HEADER, "hold": "1s"},
    {"pause": {}},
    {"weight": 25, "hold": "1h"},
]


@pytest.fixture
async def stage(
    cluster: Cluster, namespace: str, tmp_path: Path, control_plane: ControlPlane
) -> AsyncIterator[EnvoyStage]:
    await install(control_plane.instance, json.loads(crds_of(ISTIO).read_bytes()))
    async with on_stage(cluster, namespace, tmp_path) as stage:
        yield stage


async def live(stage: EnvoyStage) -> dict[str, Any]:
    body = await stage.cluster.get(VIRTUAL_SERVICE, stage.namespace, "churn")
    assert body is not None
    return dict(body["spec"])


async def answered_by(stage: EnvoyStage, *versions: str, headers: dict[str, str] | None = None) -> None:
    """Nobody says when Envoy has followed a VirtualService: wait until the right ones answer."""

    async def they_answer() -> bool:
        return set(await stage.answers(headers=headers)) == set(versions)

    await stage.play(they_answer)


async def paused_at(stage: EnvoyStage, number: int) -> None:
    async def is_there() -> bool:
        status = (await stage.body())["status"]
        return bool(status.get("paused") == "Paused" and status["step"]["number"] == number)

    await stage.play(is_there)


async def test_copies_testers_and_a_share_go_through_a_virtual_service_which_is_given_back_as_it_was(
    stage: EnvoyStage,
) -> None:
    headers = {"x-any": {}, "x-plan": {"prefix": "go"}, "cookie": {"regex": ".*b=1"}}
    golden = {"uri": {"regex": "/d[0-9]"}, "method": {"exact": "GET"}, "headers": headers}
    docs = {"name": "docs", "match": [{"uri": {"prefix": "/docs"}}, golden], "route": [to("docs")]}
    predict = {"name": "predict", "timeout": "5s", "route": [to("churn-stable", 100), to("churn-candidate", 0)]}
    spec = {"hosts": [stage.host], "gateways": ["istio-ingress/public"], "http": [docs, predict]}
    await stage.apply(SERVICE, "docs", {"ports": [{"name": "http", "port": 80}]})
    await stage.apply(VIRTUAL_SERVICE, "churn", spec)
    refused = {"route": [to("docs")], "retries": {"attempts": 2}}
    await stage.apply(VIRTUAL_SERVICE, "refused", {"hosts": ["refused.example"], "http": [refused]})
    traffic = {"virtualService": {"attached": {"name": "churn"}}, "confirm": "RouteAccepted"}
    await stage.create(traffic=traffic, strategy={"canary": {"steps": STEPS}})
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    old = await stage.revision("stable")

    await paused_at(stage, 2)
    new = await stage.revision("candidate")
    before = stage.servers.asked[new]

    async def copies_arrive() -> bool:
        assert set(await stage.answers(20)) == {old}
        return stage.servers.asked[new] >= before + 20

    await stage.play(copies_arrive)
    await stage.promote()
    await paused_at(stage, 4)
    await answered_by(stage, new, headers=TESTER)
    assert set(await stage.answers(5, TESTER, "/docs")) == {"503"}
    gold = {"x-any": "1", "x-plan": "gold", "cookie": "a=2; b=1"}
    assert (await stage.ask(gold, "/d1"), await stage.ask({**gold, "x-plan": "tin"}, "/d1")) == ("503", old)
    assert await stage.ask({"Host": "refused.example"}) == "501"
    copies = stage.servers.asked[new]
    assert set(await stage.answers()) == {old}
    assert stage.servers.asked[new] == copies

    await stage.annotate({"modelwright.dev/command": f"promote/again/{new}"})
    await answered_by(stage, old, new)
    await answered_by(stage, old, new, headers=TESTER)
    counted = await stage.answers(200)
    assert 20 <= counted[new] <= 80  # 50 are due, and a standard deviation is 6
    assert counted[old] == 200 - counted[new]

    await stage.annotate({"modelwright.dev/command": f"abort/back/{new}"})
    await stage.play(stage.is_let_go)
    assert await live(stage) == spec
    await answered_by(stage, old)
    await answered_by(stage, old, headers=TESTER)


async def test_a_promotion_goes_through_a_virtual_service_and_no_request_fails(stage: EnvoyStage) -> None:
    route = [to("churn-stable", 100), to("churn-candidate", 0)]
    spec = {"hosts": [stage.host], "http": [{"name": "predict", "timeout": "5s", "route": route}]}
    await stage.apply(VIRTUAL_SERVICE, "churn", spec)
    traffic = {"virtualService": {"attached": {"name": "churn"}}, "confirm": "RouteAccepted"}
    steps = [{"weight": 25, "hold": "1s"}, {"pause": {}}, {"weight": 50, "hold": "1s"}]
    # The old pods stay until Envoy has certainly heard of the new ones.
    promotion = {"bakeTime": "1s", "scaleDownDelay": "2s"}
    await stage.create(traffic=traffic, strategy={"canary": {"steps": steps}}, promotion=promotion)
    await stage.play(lambda: stage.serves("v1"))
    old = await stage.revision("stable")
    await answered_by(stage, old)
    seen: Counter[str] = Counter()

    async def clients() -> None:
        while True:
            seen[await stage.ask()] += 1
            await asyncio.sleep(0.01)

    asking = asyncio.create_task(clients())
    try:
        await stage.edit(V2)
        await paused_at(stage, 2)
        new = await stage.revision("candidate")
        await answered_by(stage, old, new)
        counted = await stage.answers(200)
        assert 20 <= counted[new] <= 80  # 50 are due, and a standard deviation is 6
        await stage.promote()

        async def is_promoted() -> bool:
            return await stage.serves("v2") and await stage.is_let_go()

        await stage.play(is_promoted)
        assert await live(stage) == spec
        await answered_by(stage, new)
    finally:
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
    assert set(seen) == {old, new}
