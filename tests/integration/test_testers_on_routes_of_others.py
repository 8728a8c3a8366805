"""Testers and copies on routes of the user's, on the real API server: what is made beside them, and that it goes."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import ControlPlane
from tests.integration.fake_kubelet import accept_route
from tests.integration.stage import Stage
from tests.traffic.routes import both, other

from modelwright.cluster.keys import HTTP_ROUTE, MODEL_ROLLOUT, VIRTUAL_SERVICE, Kind
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.controlplane.module_definitions import ISTIO, crds_of

V2 = {"model": {"version": "v2", "uri": "s3://models/churn/v2"}}
TESTERS = {"match": {"headers": [{"name": "x-tester", "value": "1"}]}, "hold": "1s"}
BESIDE = {"httpRoute": {"attached": {"name": "churn", "testersRoute": "Beside"}}, "confirm": "RouteAccepted"}


class Beside:
    """The route that is made beside the user's, if there is one."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def weights(self) -> list[int]:
        await accept_route(self.stage.cluster, self.stage.namespace, "churn-testers")
        body = await self.stage.cluster.get(HTTP_ROUTE, self.stage.namespace, "churn-testers")
        return [ref["weight"] for ref in body["spec"]["rules"][0]["backendRefs"]] if body else []

    async def leads(self) -> bool:
        return await self.weights() == [0, 100]

    async def leads_back(self) -> bool:
        return await self.weights() == [100, 0]

    async def is_gone(self) -> bool:
        return await self.weights() == []


def manifest(namespace: str, kind: Kind, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": "churn", "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}


async def given_a_route(stage: Stage) -> dict[str, Any]:
    rule = {**both(), "timeouts": {"request": "2s"}}
    spec = {"parentRefs": [{"name": "public"}], "hostnames": ["churn.example.com"], "rules": [rule, other()]}
    body = manifest(stage.namespace, HTTP_ROUTE, spec)
    return await stage.cluster.apply(HTTP_ROUTE, body, manager="team", force=False)


async def writes_nothing_more(stage: Stage, kind: Kind) -> None:
    async def versions() -> list[str]:
        objects = [*(await stage.cluster.list(kind, stage.namespace)), await stage.body()]
        return [found["metadata"]["resourceVersion"] for found in objects]

    before = await versions()
    await reconcile_rollout(stage.key, stage.room)
    assert await versions() == before


async def test_testers_come_by_a_route_beside_the_users_which_keeps_every_byte(stage: Stage) -> None:
    theirs, beside = await given_a_route(stage), Beside(stage)
    strategy = {"canary": {"steps": [{**TESTERS, "hold": "1h"}, {"weight": 50, "hold": "1s"}]}}
    await stage.create(traffic=BESIDE, strategy=strategy)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    await stage.play(beside.leads)

    async def holds() -> bool:
        await beside.weights()
        return "confirmedAt" in (await stage.body())["status"].get("step", {})

    await stage.play(holds)
    await reconcile_rollout(stage.key, stage.room)
    made = await stage.cluster.get(HTTP_ROUTE, stage.namespace, "churn-testers")
    assert made is not None
    assert made["spec"]["rules"][0]["timeouts"] == {"request": "2s"}
    live = await stage.route()
    assert (live["spec"], live["metadata"]["generation"]) == (theirs["spec"], theirs["metadata"]["generation"])
    await writes_nothing_more(stage, HTTP_ROUTE)
    # Its owner changes a timeout: nothing of the route was ours, so nobody has to use force, and ours follows.
    spec = {**theirs["spec"], "rules": [{**both(), "timeouts": {"request": "9s"}}]}
    changed = manifest(stage.namespace, HTTP_ROUTE, spec)
    await stage.cluster.apply(HTTP_ROUTE, changed, manager="team", force=False)

    async def follows() -> bool:
        await beside.weights()
        body = await stage.cluster.get(HTTP_ROUTE, stage.namespace, "churn-testers")
        return bool(body and body["spec"]["rules"][0]["timeouts"] == {"request": "9s"})

    await stage.play(follows)
    revision = (await stage.body())["status"]["candidate"]["revision"]
    await stage.annotate({"modelwright.dev/command": f"abort/1/{revision}"})
    await stage.play(beside.leads_back)
    assert (await stage.body())["status"]["stage"] == "Aborting"
    await stage.play(beside.is_gone)

    async def is_let_go() -> bool:
        return "finalizers" not in (await stage.body())["metadata"]

    await stage.play(is_let_go)
    await writes_nothing_more(stage, HTTP_ROUTE)


async def test_without_a_word_of_the_users_no_route_is_put_beside_his(stage: Stage) -> None:
    await given_a_route(stage)
    traffic = {**BESIDE, "httpRoute": {"attached": {"name": "churn"}}}
    await stage.create(traffic=traffic, strategy={"canary": {"steps": [TESTERS, {"weight": 50, "hold": "1s"}]}})

    async def stalls() -> bool:
        condition = await stage.condition("Stalled")
        return condition.get("reason") == "UnsupportedByRouter" and "testersRoute: Beside" in condition["message"]

    await stage.play(stalls)
    allowed = {"traffic": {"httpRoute": {"attached": {"testersRoute": "Beside"}}}}
    await stage.cluster.merge_patch(MODEL_ROLLOUT, stage.namespace, "churn", {"spec": allowed})
    await stage.play(lambda: stage.serves("v1"))


async def test_a_virtual_service_gets_entries_for_copies_and_testers_and_loses_them(
    stage: Stage, control_plane: ControlPlane
) -> None:
    await install(control_plane.instance, json.loads(crds_of(ISTIO).read_bytes()))
    destinations = [
        {"destination": {"host": f"churn-{role}", "port": {"number": 80}}, "weight": weight}
        for role, weight in (("stable", 100), ("candidate", 0))
    ]
    entry = {"name": "predict", "match": [{"uri": {"prefix": "/v2"}}], "timeout": "2s", "route": destinations}
    docs = {"name": "docs", "route": [{"destination": {"host": "docs"}}]}
    spec: dict[str, Any] = {"hosts": ["churn.example.com"], "http": [docs, entry]}
    body = manifest(stage.namespace, VIRTUAL_SERVICE, spec)
    without = [{"destination": ref["destination"]} for ref in destinations]
    left_out = {**spec, "http": [docs, {**entry, "route": without}]}
    await stage.cluster.apply(VIRTUAL_SERVICE, manifest(stage.namespace, VIRTUAL_SERVICE, left_out), manager="team")
    steps = [{"shadow": 20, "hold": "1s"}, TESTERS, {"weight": 50, "hold": "1s"}]
    traffic = {"virtualService": {"attached": {"name": "churn"}}, "confirm": "RouteAccepted"}
    await stage.create(traffic=traffic, strategy={"canary": {"steps": steps}})

    async def stalls() -> bool:
        return (await stage.condition("Stalled")).get("reason") == "RouteNotAtRest"

    await stage.play(stalls)
    theirs = await stage.cluster.apply(VIRTUAL_SERVICE, body, manager="team", force=False)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    seen: list[list[str]] = []

    async def live() -> list[dict[str, Any]]:
        found = await stage.cluster.get(VIRTUAL_SERVICE, stage.namespace, "churn")
        assert found is not None
        return list(found["spec"]["http"])

    async def arrives() -> bool:
        http = await live()
        weights = [ref["weight"] for ref in http[-1]["route"]]
        assert [one for one in http if one["name"] in ("docs", "predict")] == [
            docs,
            {**entry, "route": [{**ref, "weight": weight} for ref, weight in zip(destinations, weights, strict=True)]},
        ]
        names = [one["name"] for one in http]
        if seen[-1:] != [names]:
            seen.append(names)
        return await stage.serves("v2") and "finalizers" not in (await stage.body())["metadata"]

    await stage.play(arrives)
    assert seen == [
        ["docs", "predict"],
        ["docs", "modelwright/churn/mirror/1", "predict"],
        ["docs", "modelwright/churn/testers/1", "predict"],
        ["docs", "predict"],
    ]
    again = await stage.cluster.apply(VIRTUAL_SERVICE, body, manager="team", force=False)
    assert again["spec"] == theirs["spec"]
    assert await live() == spec["http"]
    await writes_nothing_more(stage, VIRTUAL_SERVICE)
