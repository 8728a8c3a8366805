"""A route of the user's on the real API server: what we leave of it, who may apply it again, and how it goes back."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.corpus import merged
from tests.integration.stage import SPEC, Stage
from tests.traffic.routes import both, other, rollout

from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, GRPC_ROUTE, HTTP_ROUTE, MODEL_ROLLOUT, SERVICE, Kind
from modelwright.errors import Conflict
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright.traffic.attached_route import AttachedRouter
from modelwright.traffic.route import Split, WriteRoute

ATTACHED = {"httpRoute": {"attached": {"name": "churn"}}, "confirm": "RouteAccepted"}
TIMEOUTS = {"request": "10s"}


def manifest(namespace: str, *rules: dict[str, Any], kind: Kind = HTTP_ROUTE) -> dict[str, Any]:
    """What Git holds of the route."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {"name": "churn", "namespace": namespace, "labels": {"team": "churn"}},
        "spec": {"parentRefs": [{"name": "public"}], "hostnames": ["churn.example.com"], "rules": list(rules)},
    }


def without_weights(body: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(body["spec"])
    for rule in spec["rules"]:
        for ref in rule["backendRefs"]:
            ref.pop("weight")
    return dict(spec)


async def live(cluster: Cluster, namespace: str, kind: Kind = HTTP_ROUTE) -> dict[str, Any]:
    body = await cluster.get(kind, namespace, "churn")
    assert body is not None
    return body


def managers(body: dict[str, Any]) -> set[str]:
    """Who owns fields of its metadata or spec."""
    return {entry["manager"] for entry in body["metadata"]["managedFields"] if "subresource" not in entry}


@pytest.mark.parametrize("kind", [HTTP_ROUTE, GRPC_ROUTE], ids=lambda kind: kind.name)
async def test_after_a_hundred_steps_every_byte_but_the_weights_is_the_same(
    kind: Kind, cluster: Cluster, namespace: str
) -> None:
    rules: tuple[dict[str, Any], ...] = (both(name="predict"), both(name="search"))
    if kind is HTTP_ROUTE:
        rules = (other(), {**rules[0], "timeouts": TIMEOUTS}, rules[1])
    body = manifest(namespace, *rules, kind=kind)
    before = await cluster.apply(kind, body, manager="team", force=False)
    plain, router = rollout(), AttachedRouter(kind)
    subject = _attached(plain, kind, namespace)
    for number in range(100):
        weight = (number * 37) % 101
        version = (await live(cluster, namespace, kind))["metadata"]["resourceVersion"]
        await router.write(cluster, subject, WriteRoute(Split(weight), version))
    after = await live(cluster, namespace, kind)
    assert [ref["weight"] for ref in after["spec"]["rules"][-1]["backendRefs"]] == [100 - weight, weight]
    assert without_weights(after) == without_weights(before)
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    await router.write(cluster, subject, WriteRoute())
    await router.release(cluster, subject)
    assert (await live(cluster, namespace, kind))["spec"] == before["spec"]


def _attached(plain: ModelRollout, kind: Kind, namespace: str) -> ModelRollout:
    return replace(plain, namespace=namespace, spec=replace(plain.spec, route=AttachedRoute(kind.name, "churn")))


@pytest.mark.parametrize("kind", [HTTP_ROUTE, GRPC_ROUTE], ids=lambda kind: kind.name)
async def test_at_rest_its_owner_applies_the_same_manifest_without_a_diff_and_a_changed_one_without_force(
    kind: Kind, cluster: Cluster, namespace: str
) -> None:
    body = manifest(namespace, both(), kind=kind)
    await cluster.apply(kind, body, manager="team", force=False)
    router, subject = AttachedRouter(kind), _attached(rollout(), kind, namespace)
    version = (await live(cluster, namespace, kind))["metadata"]["resourceVersion"]
    await router.write(cluster, subject, WriteRoute(Split(25), version))
    await router.write(cluster, subject, WriteRoute())
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-team"]}}
    changed = manifest(namespace, {**both(), "filters": [header]}, kind=kind)
    with pytest.raises(Conflict, match=r"\.spec\.rules"):
        await cluster.apply(kind, changed, manager="team", force=False)
    await router.release(cluster, subject)
    rest = await live(cluster, namespace, kind)
    assert managers(rest) == {"team"}
    again = await cluster.apply(kind, body, manager="team", force=False)
    assert again["spec"] == rest["spec"]
    assert again["metadata"]["generation"] == rest["metadata"]["generation"]
    applied = await cluster.apply(kind, changed, manager="team", force=False)
    assert applied["spec"]["rules"][0]["filters"] == [header]


async def test_a_raise_fails_on_a_route_that_changed_and_lowering_does_not(cluster: Cluster, namespace: str) -> None:
    await cluster.apply(HTTP_ROUTE, manifest(namespace, both(75, 25)), manager="team")
    router, subject = AttachedRouter(HTTP_ROUTE), _attached(rollout(25), HTTP_ROUTE, namespace)
    stale = (await live(cluster, namespace))["metadata"]["resourceVersion"]
    labels = {"metadata": {"labels": {"edited": "meanwhile"}}}
    await cluster.merge_patch(HTTP_ROUTE, namespace, "churn", labels)
    with pytest.raises(Conflict):
        await router.write(cluster, subject, WriteRoute(Split(50), stale))
    await router.write(cluster, subject, WriteRoute())
    read = await router.read(cluster, subject)
    assert read
    assert read.split == Split()


@pytest.fixture
async def stage(cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    stage = Stage(cluster, namespace)
    yield stage
    await stage.background.close()


async def test_a_rollout_over_a_route_of_the_users_leaves_it_as_it_was(stage: Stage) -> None:
    await stage.cluster.apply(HTTP_ROUTE, manifest(stage.namespace, both(None, None), other()), manager="team")
    await stage.create(traffic=ATTACHED)

    async def stalls() -> bool:
        return (await stage.condition("Stalled")).get("reason") == "RouteNotAtRest"

    await stage.play(stalls)
    await stage.cluster.apply(HTTP_ROUTE, manifest(stage.namespace, both(), other()), manager="team", force=False)
    await stage.play(lambda: stage.serves("v1"))
    before = await live(stage.cluster, stage.namespace)
    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})

    async def has_weight() -> bool:
        return (await stage.weights())[1] > 0

    await stage.play(has_weight)
    assert (await stage.body())["metadata"]["finalizers"] == ["modelwright.dev/return-to-stable"]
    await stage.play(lambda: stage.serves("v2"))

    async def is_handed_back() -> bool:
        body = await stage.body()
        return "finalizers" not in body["metadata"] and "modelwright" not in managers(await stage.route())

    await stage.play(is_handed_back)
    assert (await stage.route())["spec"] == before["spec"]
    await reconcile_rollout(stage.key, stage.room)
    versions = [
        (await stage.body())["metadata"]["resourceVersion"],
        (await stage.route())["metadata"]["resourceVersion"],
    ]
    await reconcile_rollout(stage.key, stage.room)
    assert versions == [
        (await stage.body())["metadata"]["resourceVersion"],
        (await stage.route())["metadata"]["resourceVersion"],
    ]


def existing(name: str) -> dict[str, Any]:
    return {"deploymentRef": {"name": name}, "serviceRef": {"name": name}}


async def deployed(stage: Stage, name: str) -> None:
    """A Deployment and a Service of the user's, with no label of ours."""
    labels, metadata = {"app": name}, {"name": name, "namespace": stage.namespace}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "model", "image": "serve:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod}
    await stage.cluster.create(
        DEPLOYMENT, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    )
    service = {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]}
    await stage.cluster.create(SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service})


async def test_existing_workloads_are_not_touched_and_the_promoted_one_keeps_all_traffic(stage: Stage) -> None:
    rule = both()
    rule["backendRefs"] = [{**rule["backendRefs"][0], "name": "v7"}, {**rule["backendRefs"][1], "name": "v8"}]
    await stage.cluster.apply(HTTP_ROUTE, manifest(stage.namespace, rule), manager="team")
    for name in ("v7", "v8"):
        await deployed(stage, name)
    workload = {"deployment": None, "existing": {"stable": existing("v7"), "candidate": existing("v8")}}
    spec = {"workload": workload, "replicas": None, "model": {"version": "v8", "uri": "s3://models/churn/v8"}}
    metadata = {"name": "churn", "namespace": stage.namespace}
    body = merged({}, {"metadata": metadata, "spec": {**SPEC, **spec, "traffic": ATTACHED}})
    await stage.cluster.create(MODEL_ROLLOUT, {"apiVersion": MODEL_ROLLOUT.api_version, "kind": "ModelRollout", **body})
    before = {name: await stage.cluster.get(SERVICE, stage.namespace, name) for name in ("v7", "v8")}

    async def is_behind() -> bool:
        return (await stage.condition("GitBehind")).get("status") == "True"

    await stage.play(is_behind)
    assert await stage.weights() == [0, 100]
    assert (await stage.body())["status"]["stable"]["backend"] == {"name": "v8"}
    assert before == {name: await stage.cluster.get(SERVICE, stage.namespace, name) for name in ("v7", "v8")}
    for name in ("v7", "v8"):
        deployment = await stage.cluster.get(DEPLOYMENT, stage.namespace, name)
        assert deployment is not None
        assert deployment["metadata"]["generation"] == 1
    assert len(await stage.cluster.list(DEPLOYMENT, stage.namespace)) == 2
    body = await stage.body()
    await stage.cluster.replace(MODEL_ROLLOUT, {**body, "status": {"observedGeneration": -1}}, "status")
    await stage.play(is_behind)
    assert await stage.weights() == [0, 100]
    assert (await stage.body())["status"]["stable"]["version"] == "v8"


async def test_deleted_in_mid_rollout_it_gives_the_route_back_first(stage: Stage) -> None:
    strategy = {"canary": {"steps": [{"weight": 50, "hold": "1h"}]}}
    await stage.cluster.apply(HTTP_ROUTE, manifest(stage.namespace, both()), manager="team")
    await stage.create(traffic=ATTACHED, strategy=strategy)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})

    async def has_weight() -> bool:
        return await stage.weights() == [50, 50]

    await stage.play(has_weight)
    await stage.cluster.delete(MODEL_ROLLOUT, stage.namespace, "churn")

    async def gone() -> bool:
        return await stage.cluster.get(MODEL_ROLLOUT, stage.namespace, "churn") is None

    await stage.play(gone)
    assert await stage.weights() == [100, 0]
    assert managers(await stage.route()) == {"team"}
