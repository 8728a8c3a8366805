"""An Istio VirtualService on the real API server, with Istio's own definition: two numbers are ours, and given back.

Istio itself is not there: that its proxies follow the weights is Istio's to show. Whole rollouts:
test_testers_on_routes_of_others.py, and with requests test_virtual_services_on_envoy.py.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.conftest import ControlPlane
from tests.traffic.routes import rollout

from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import VIRTUAL_SERVICE
from modelwright.errors import Conflict
from modelwright.traffic.attached_route import AttachedRouter
from modelwright.traffic.route import Split, WriteRoute
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.controlplane.module_definitions import ISTIO, crds_of

ROUTER = AttachedRouter(VIRTUAL_SERVICE)


def http_route(stable: int | None = 100, candidate: int | None = 0, **fields: Any) -> dict[str, Any]:
    def destination(host: str, weight: int | None) -> dict[str, Any]:
        weighted = {} if weight is None else {"weight": weight}
        return {"destination": {"host": host, "port": {"number": 80}}, **weighted}

    return {
        "name": "predict",
        "match": [{"uri": {"prefix": "/v2"}}],
        "retries": {"attempts": 2},
        "route": [destination("churn-stable", stable), destination("churn-candidate", candidate)],
        **fields,
    }


DOCS = {"name": "docs", "route": [{"destination": {"host": "docs"}}]}


def manifest(namespace: str, *http: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": VIRTUAL_SERVICE.api_version,
        "kind": VIRTUAL_SERVICE.name,
        "metadata": {"name": "churn", "namespace": namespace},
        "spec": {"hosts": ["churn.example.com"], "gateways": ["public"], "http": list(http)},
    }


@pytest.fixture(autouse=True)
async def istio_is_installed(control_plane: ControlPlane) -> None:
    await install(control_plane.instance, json.loads(crds_of(ISTIO).read_bytes()))


async def live(cluster: Cluster, namespace: str) -> dict[str, Any]:
    body = await cluster.get(VIRTUAL_SERVICE, namespace, "churn")
    assert body is not None
    return body


def subject_in(namespace: str) -> ModelRollout:
    plain = rollout()
    return replace(plain, namespace=namespace, spec=replace(plain.spec, route=AttachedRoute("VirtualService", "churn")))


def without_weights(body: dict[str, Any]) -> dict[str, Any]:
    spec = copy.deepcopy(body["spec"])
    for destination in spec["http"][0]["route"]:
        destination.pop("weight", None)
    return dict(spec)


async def test_after_a_hundred_steps_every_byte_but_the_weights_is_the_same(cluster: Cluster, namespace: str) -> None:
    before = await cluster.apply(VIRTUAL_SERVICE, manifest(namespace, http_route(), DOCS), manager="team", force=False)
    subject = subject_in(namespace)
    for number in range(100):
        weight = (number * 37) % 101
        version = (await live(cluster, namespace))["metadata"]["resourceVersion"]
        await ROUTER.write(cluster, subject, WriteRoute(Split(weight), version))
    after = await live(cluster, namespace)
    assert [one["weight"] for one in after["spec"]["http"][0]["route"]] == [100 - weight, weight]
    assert without_weights(after) == without_weights(before)


async def test_at_rest_its_owner_applies_the_same_without_a_diff_and_a_changed_one_without_force(
    cluster: Cluster, namespace: str
) -> None:
    body, subject = manifest(namespace, http_route()), subject_in(namespace)
    await cluster.apply(VIRTUAL_SERVICE, body, manager="team", force=False)
    version = (await live(cluster, namespace))["metadata"]["resourceVersion"]
    await ROUTER.write(cluster, subject, WriteRoute(Split(25), version))
    changed = manifest(namespace, http_route(timeout="5s"))
    with pytest.raises(Conflict, match=r"\.spec\.http"):
        await cluster.apply(VIRTUAL_SERVICE, changed, manager="team", force=False)
    await ROUTER.write(cluster, subject, WriteRoute())
    await ROUTER.release(cluster, subject)
    rest = await live(cluster, namespace)
    again = await cluster.apply(VIRTUAL_SERVICE, body, manager="team", force=False)
    assert (again["spec"], again["metadata"]["generation"]) == (rest["spec"], rest["metadata"]["generation"])
    applied = await cluster.apply(VIRTUAL_SERVICE, changed, manager="team", force=False)
    assert applied["spec"]["http"][0]["timeout"] == "5s"
