"""A playground keeps its objects from one start to the next, and mends what a kill left half done."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CUSTOM_RESOURCE_DEFINITION, NAMESPACE
from modelwright_playground import lifecycle
from modelwright_playground.components import CONTROL_PLANE
from modelwright_playground.instance import Instance

HALF_DONE = "httproutes.gateway.networking.k8s.io"


@pytest.fixture
def instance(programs: None, tmp_path: Path) -> Iterator[Instance]:
    made = Instance.create("test", tmp_path)
    yield made
    lifecycle.stop(made)


async def test_objects_stay_and_a_half_established_definition_is_mended(instance: Instance) -> None:
    lifecycle.start(instance, CONTROL_PLANE, detached=False)
    cluster = await Cluster.connect(str(instance.kubeconfig))
    await cluster.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}})
    await cluster.close()
    lifecycle.stop(instance)

    lifecycle.start(instance, ("etcd",), detached=False)
    await _leave_half_established(instance, HALF_DONE)
    lifecycle.stop(instance)

    lifecycle.start(instance, CONTROL_PLANE, detached=False)
    cluster = await Cluster.connect(str(instance.kubeconfig))
    try:
        assert await cluster.get(NAMESPACE, None, "kept")
        definition = await cluster.get(CUSTOM_RESOURCE_DEFINITION, None, HALF_DONE)
        assert definition is not None
        status = {condition["type"]: condition["status"] for condition in definition["status"]["conditions"]}
        assert status["Established"] == "True"
    finally:
        await cluster.close()


async def _leave_half_established(instance: Instance, name: str) -> None:
    """Write into etcd what an API server leaves that is killed between accepting the names and establishing."""
    trust = ssl.create_default_context(cafile=str(instance.pki / "ca.crt"))
    trust.load_cert_chain(instance.pki / "etcd-client.crt", instance.pki / "etcd-client.key")
    key = base64.b64encode(f"/registry/apiextensions.k8s.io/customresourcedefinitions/{name}".encode()).decode()
    async with aiohttp.ClientSession(f"https://127.0.0.1:{instance.ports.etcd}") as etcd:
        async with etcd.post("/v3/kv/range", json={"key": key}, ssl=trust) as answer:
            (stored,) = (await answer.json(content_type=None))["kvs"]
        # Byte for byte as the API server writes it: a difference in blanks would already be a change, and wake it.
        established = base64.b64decode(stored["value"])
        half = established.replace(b'"type":"Established","status":"True"', b'"type":"Established","status":"False"')
        half = half.replace(b'"reason":"InitialNamesAccepted"', b'"reason":"Installing"')
        assert half.count(b'"Installing"') == half.count(b'"Established","status":"False"') == 1
        value = base64.b64encode(half).decode()
        async with etcd.post("/v3/kv/put", json={"key": key, "value": value}, ssl=trust) as answer:
            assert answer.status == 200
