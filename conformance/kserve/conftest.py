"""KServe with its webhooks and Knative's controllers on a control plane of its own, once for all checks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.conftest import ControlPlane, cluster, control_plane, namespace, programs  # noqa: F401

from conformance.kserve import controllers, sources
from conformance.kserve.stage import KServeStage
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP, NAMESPACE, Kind
from modelwright_playground.controlplane.definitions import install
from modelwright_playground.instance import Instance

KINDS = {
    "ConfigMap": CONFIG_MAP,
    "ClusterServingRuntime": Kind(
        "serving.kserve.io", "v1alpha1", "clusterservingruntimes", "ClusterServingRuntime", namespaced=False
    ),
    "ClusterStorageContainer": Kind(
        "serving.kserve.io", "v1alpha1", "clusterstoragecontainers", "ClusterStorageContainer", namespaced=False
    ),
} | {
    name: Kind("admissionregistration.k8s.io", "v1", f"{name.lower()}s", name, namespaced=False)
    for name in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
}


@pytest.fixture(scope="session")
def _kserve(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: F811
    """The folder with their logs."""
    folder = tmp_path_factory.mktemp("kserve")
    authority = controllers.certify(folder)
    asyncio.run(_install(control_plane.instance, [*sources.kserve_settings(), *sources.knative_settings()]))
    with controllers.kserve(control_plane.kubeconfig, folder):
        asyncio.run(_apply(control_plane.instance, sources.webhooks(controllers.WEBHOOK_URL, authority)))
        yield folder


@pytest.fixture(scope="session")
def knative(control_plane: ControlPlane, _kserve: Path) -> Iterator[None]:  # noqa: F811
    """Knative Serving's controllers too: KServe needs no more of it than the definitions."""
    with controllers.knative(control_plane.kubeconfig, _kserve):
        yield


@pytest.fixture
async def stage(_kserve: Path, cluster: Cluster, namespace: str) -> AsyncIterator[KServeStage]:  # noqa: F811
    stage = KServeStage(cluster, namespace)
    yield stage
    await stage.background.close()


async def _install(instance: Instance, settings: list[sources.Object]) -> None:
    await install(instance, sources.definitions())
    for name in (sources.KSERVE, sources.KNATIVE):
        await _apply(instance, [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}])
    await _apply(instance, settings)


async def _apply(instance: Instance, bodies: list[sources.Object]) -> None:
    cluster = await Cluster.connect(str(instance.kubeconfig))  # noqa: F811
    try:
        for body in bodies:
            kind = NAMESPACE if body["kind"] == "Namespace" else KINDS[body["kind"]]
            await cluster.apply(kind, body, manager="conformance")
    finally:
        await cluster.close()
