"""Every strategy and router once, from end to end on a real API server: who answers requests through a real Envoy.

Weights of the managed route, and the metrics of a real Prometheus, are shown in tests/e2e.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.envoy_stage import TESTER, EnvoyStage, on_stage
from tests.integration.stage import PATIENCE
from tests.traffic.routes import both

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, HTTP_ROUTE, MODEL_ROLLOUT, SERVICE

V2 = {"model": {"version": "v2", "uri": "s3://models/churn/v2"}}
LONG = "1h"


@pytest.fixture
async def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[EnvoyStage]:
    async with on_stage(cluster, namespace, tmp_path) as stage:
        yield stage


def managed(stage: EnvoyStage) -> dict[str, Any]:
    parents = [{"name": "public"}]
    return {"httpRoute": {"managed": {"parentRefs": parents, "hostnames": [stage.host]}}, "confirm": "RouteAccepted"}


def holds(stage: EnvoyStage, number: int) -> Callable[[], Awaitable[bool]]:
    """Whether the step of that number has begun to hold."""

    async def reached() -> bool:
        step = (await stage.body()).get("status", {}).get("step", {})
        return step.get("number") == number and "confirmedAt" in step

    return reached


async def serving_v1(stage: EnvoyStage, **spec: Any) -> str:
    """Begin, and go on to v2. Returns the revision of v1."""
    await stage.create(**spec)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    return await stage.revision("stable")


async def test_blue_green_previews_behind_its_own_service_and_then_switches_everybody(stage: EnvoyStage) -> None:
    # Who wants to try the preview puts a route of his own to the candidate Service.
    rule = {
        "matches": [{"headers": [{"name": "x-tester", "value": "1"}]}],
        "backendRefs": [{"name": "churn-candidate", "port": 80}],
    }
    spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [rule]}
    await stage.apply(HTTP_ROUTE, "preview", spec)
    strategy = {"blueGreen": {"previewHold": "1s", "promote": "WhenApproved"}}
    old = await serving_v1(stage, traffic=managed(stage), strategy=strategy)

    await stage.play(lambda: stage.is_paused("ApprovalRequired"))
    new = await stage.revision("candidate")
    assert set(await stage.answers()) == {old}
    assert set(await stage.answers(headers=TESTER)) == {new}
    await stage.promote()
    await stage.play(lambda: stage.serves("v2"))
    assert set(await stage.answers()) == {new}


async def test_a_shadow_gets_copies_and_answers_nobody(stage: EnvoyStage) -> None:
    strategy = {"shadow": {"percent": 100, "hold": "2s"}}
    old = await serving_v1(stage, traffic=managed(stage), strategy=strategy)
    await stage.play(holds(stage, 1))
    new, before = await stage.revision("candidate"), stage.servers.asked.copy()
    assert set(await stage.answers(20)) == {old}
    # Copies are sent and forgotten: the last may still be on its way when its original is answered.
    async with asyncio.timeout(PATIENCE):
        while stage.servers.asked[new] - before[new] < 20:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    await stage.play(lambda: stage.is_paused("Concluded"))
    copies = stage.servers.asked[new]
    assert set(await stage.answers(20)) == {old}
    assert stage.servers.asked[new] == copies


async def test_on_a_route_of_the_users_testers_come_first_and_then_a_share(stage: EnvoyStage) -> None:
    path = {"path": {"type": "PathPrefix", "value": "/docs"}}
    docs = {"matches": [path], "backendRefs": [{"name": "docs", "port": 80}]}
    spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [both(), docs]}
    await stage.apply(SERVICE, "docs", {"ports": [{"name": "http", "port": 80}]})
    await stage.apply(HTTP_ROUTE, "churn", spec)
    traffic = {"httpRoute": {"attached": {"name": "churn", "testersRoute": "Beside"}}, "confirm": "RouteAccepted"}
    testers = {"match": {"headers": [{"name": "x-tester", "value": "1"}]}, "hold": "1s"}
    steps = [testers, {"pause": {}}, {"weight": 50, "hold": LONG}]
    old = await serving_v1(stage, traffic=traffic, strategy={"canary": {"steps": steps}})

    await stage.play(lambda: stage.is_paused("Paused"))
    new = await stage.revision("candidate")
    assert set(await stage.answers()) == {old}
    assert set(await stage.answers(headers=TESTER)) == {new}
    assert set(await stage.answers(5, TESTER, "/docs")) == {"503"}
    await stage.promote()
    await stage.play(holds(stage, 3))
    for headers in ({}, TESTER):
        assert set(await stage.answers(headers=headers)) == {old, new}
    await stage.annotate({"modelwright.dev/command": f"abort/back/{new}"})
    await stage.play(stage.is_let_go)
    assert set(await stage.answers(headers=TESTER)) == {old}
    live = await stage.route()
    assert [ref["weight"] for ref in live["spec"]["rules"][0]["backendRefs"]] == [100, 0]


@pytest.mark.parametrize("whose", ["ours", "theirs"])
async def test_users_of_a_sticky_canary_stay_with_the_candidate_as_its_share_grows(
    stage: EnvoyStage, whose: str
) -> None:
    traffic = managed(stage)
    if whose == "theirs":
        spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [both()]}
        await stage.apply(HTTP_ROUTE, "churn", spec)
        traffic = {"httpRoute": {"attached": {"name": "churn", "testersRoute": "Beside"}}, "confirm": "RouteAccepted"}
    steps = [{"weight": 10, "hold": LONG}, {"weight": 50, "hold": LONG}]
    strategy = {"canary": {"stickyBy": {"cookie": "bucket"}, "steps": steps}}
    old = await serving_v1(stage, traffic=traffic, strategy=strategy)
    for number, users in ((1, 10), (2, 50)):
        await stage.play(holds(stage, number))
        new = await stage.revision("candidate")
        for bucket in (0, 7, 30, 70):
            cookies = {"Cookie": f"session=abc; bucket={bucket}; theme=dark"}
            assert set(await stage.answers(5, cookies)) == {new if bucket < users else old}, (bucket, users)
        assert set(await stage.answers(5)) == {old}
        assert (await stage.body())["status"]["candidate"]["audience"] == users
        if number == 1:
            await stage.promote()
    await stage.annotate({"modelwright.dev/command": f"abort/back/{new}"})
    await stage.play(lambda: stage.serves("v1"))
    assert set(await stage.answers(5, {"Cookie": "bucket=7"})) == {old}


async def deployed(stage: EnvoyStage, name: str) -> None:
    labels, port = {"app": name}, stage.servers.port
    containers = [{"name": "model", "image": "serve:1", "ports": [{"name": "http", "containerPort": port}]}]
    pod = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    await stage.apply(DEPLOYMENT, name, {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod})
    await stage.apply(
        SERVICE, name, {"selector": labels, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    )


async def test_an_audience_is_led_between_versions_that_the_user_deployed(stage: EnvoyStage) -> None:
    rule = both()
    rule["backendRefs"] = [{**ref, "name": name} for ref, name in zip(rule["backendRefs"], ("v7", "v8"), strict=True)]
    for name in ("v7", "v8"):
        await deployed(stage, name)
    spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [rule]}
    await stage.apply(HTTP_ROUTE, "churn", spec)
    versions = {
        role: {"deploymentRef": {"name": name}, "serviceRef": {"name": name}}
        for role, name in (("stable", "v7"), ("candidate", "v8"))
    }
    goal = {
        "name": "conversion",
        "role": "Goal",
        "proportion": {"events": "buyers{$(selector)}", "total": "users{$(selector)}", "unit": "User"},
        "compare": {"stable": {"minIncrease": "0", "maxDecrease": "0.5"}},
    }
    spec = {
        "workload": {"existing": versions},
        "model": {"version": "v8", "uri": "s3://models/churn/v8"},
        "traffic": {"httpRoute": {"attached": {"name": "churn", "testersRoute": "Beside"}}, "confirm": "RouteAccepted"},
        "strategy": {"abTest": {"audience": {"split": {"percent": 50, "by": {"header": "x-bucket"}}}}},
        "analysis": {"interval": "1s", "metrics": [goal]},
    }
    await stage.apply(MODEL_ROLLOUT, "churn", spec)
    await stage.play(holds(stage, 1))
    for bucket, version in (("7", "v8"), ("49", "v8"), ("50", "v7"), ("07", "v7"), ("", "v7")):
        assert set(await stage.answers(5, {"x-bucket": bucket})) == {version}, bucket
    await stage.annotate({"modelwright.dev/command": f"abort/back/{await stage.revision('candidate')}"})
    await stage.play(stage.is_let_go)
    assert set(await stage.answers(20, {"x-bucket": "7"})) == {"v7"}


async def test_without_a_router_the_service_in_front_of_both_is_divided_by_pods(stage: EnvoyStage) -> None:
    # There is no kube-proxy here. Envoy stands in for it, and sends to whatever endpoints the Service has.
    rule = {"backendRefs": [{"name": "front", "port": 80}]}
    spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [rule]}
    await stage.apply(HTTP_ROUTE, "callers", spec)
    traffic = {"replicaRatio": {"service": "front"}, "confirm": "RouteAccepted"}
    strategy = {"canary": {"steps": [{"weight": 50, "hold": LONG}]}}
    old = await serving_v1(stage, traffic=traffic, strategy=strategy)
    await stage.play(holds(stage, 1))
    new = await stage.revision("candidate")

    async def both_answer() -> bool:
        return set(await stage.answers()) == {old, new}

    await stage.play(both_answer)
    await stage.annotate({"modelwright.dev/command": f"abort/back/{new}"})
    await stage.play(lambda: stage.serves("v1"))

    async def only_stable() -> bool:
        return set(await stage.answers()) == {old}

    await stage.play(only_stable)
