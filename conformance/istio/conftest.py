"""The stage: the playground's control plane, node and Prometheus, the operator by its chart, istiod, and a gateway."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.e2e.loop import Loop, eventually, has_condition

from conformance.istio import gateway, istiod, manifests
from conformance.istio.mesh import Mesh
from conformance.running import running
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT, NAMESPACE, VIRTUAL_SERVICE, Kind
from modelwright_playground import lifecycle
from modelwright_playground.components import CONTROL_PLANE
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.controlplane.module_definitions import crds_of
from modelwright_playground.controlplane.toolchain import ISTIO, KUBERNETES
from modelwright_playground.demo.stage import NEW_PLAN, Stage, apply
from modelwright_playground.instance import Instance

VALIDATOR = Kind("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "", namespaced=False)

_MESH = pytest.StashKey[Mesh]()


@pytest.fixture(scope="session")
def mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    instance = Instance.create("istio", tmp_path_factory.mktemp("istio"))
    stage = Stage(instance)
    with ExitStack() as all_of_it:
        lifecycle.start(instance, (*CONTROL_PLANE, "node", "prometheus"), detached=False)
        all_of_it.callback(lifecycle.stop, instance)
        asyncio.run(_prepare(instance))
        settings = {**os.environ, **istiod.SETTINGS}
        command = istiod.command(instance.kubeconfig, instance.data)
        all_of_it.enter_context(running(command, istiod.READY, instance.logs / "istiod.log", settings))
        asyncio.run(_validates(instance))
        admin = instance.ports.envoy_admin
        command = gateway.command(instance.data, f"10.244.{instance.subnet}.254", admin)
        ready = f"http://127.0.0.1:{admin}/ready"
        all_of_it.enter_context(running(command, ready, instance.logs / "gateway.log", os.environ))
        mesh = asyncio.run(_make(stage))
        all_of_it.callback(stage.stop_load)
        request.session.stash[_MESH] = mesh
        yield mesh


async def _prepare(instance: Instance) -> None:
    await install(instance, json.loads(crds_of(istiod.DEFINITIONS).read_bytes()))
    cluster = await Cluster.connect(str(instance.kubeconfig))
    try:
        for name in ("ml", istiod.NAMESPACE, gateway.NAMESPACE):
            await cluster.apply(NAMESPACE, _named("v1", "Namespace", name), manager="team")
        await apply(cluster, istiod.validator(), "")
    finally:
        await cluster.close()


async def _validates(instance: Instance) -> None:
    """Wait until istiod refuses what is wrong, and nothing is written without its word."""
    cluster = await Cluster.connect(str(instance.kubeconfig))

    async def fails_closed() -> bool:
        found = await cluster.get(VALIDATOR, None, istiod.VALIDATOR)
        return bool(found and found["webhooks"][0]["failurePolicy"] == "Fail")

    try:
        await eventually(fails_closed, "istiod validates what is written", limit=180)
        await apply(cluster, gateway.manifest(instance.ports.gateway), gateway.NAMESPACE)
    finally:
        await cluster.close()


async def _make(stage: Stage) -> Mesh:
    """The operator, two good models, one that fails on what it has never seen; v1 serves, and clients ask for it."""
    cluster = await Cluster.connect(str(stage.instance.kubeconfig))
    try:
        await stage.make_history()
        v1, _ = await asyncio.gather(stage.make_model("v1"), stage.install_operator(cluster))
        v2 = await stage.make_model("v2", "--seed", "7")
        hotfix = await stage.make_model("hotfix", "--kind", "hotfix", "--exclude", NEW_PLAN)
        loop = Loop(stage, v1, v2, hotfix)
        await cluster.apply(VIRTUAL_SERVICE, manifests.virtual_service(), manager="demo")
        await apply(cluster, manifests.release(loop, "v1", v1, [{"weight": 50, "hold": "1s"}]), "ml")
        await has_condition(cluster, MODEL_ROLLOUT, "ml", "churn", "Ready")
        stage.start_load()
        mesh = Mesh(loop)
        await eventually(mesh.is_asked, "clients send requests")
        await mesh.slow_down()
        return mesh
    finally:
        await cluster.close()


@pytest.fixture
async def cluster(mesh: Mesh) -> AsyncIterator[Cluster]:
    """A connection to the API server, as administrator."""
    connection = await Cluster.connect(str(mesh.loop.instance.kubeconfig))
    try:
        yield connection
    finally:
        await connection.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    mesh = terminalreporter._session.stash.get(_MESH, None)
    if mesh is None:
        return
    terminalreporter.section("what was shown")
    for line in (
        f"Istio {ISTIO}, Kubernetes {KUBERNETES}, Envoy of the playground, Python {platform.python_version()}",
        *mesh.notes,
    ):
        terminalreporter.write_line(line)


def _named(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}
