"""The real control plane for tests that need one: started once per test run, and only if a test asks for it."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from tests.order import Together, in_order

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import NAMESPACE, SERVICE_ACCOUNT
from modelwright_playground import lifecycle
from modelwright_playground.components import CONTROL_PLANE
from modelwright_playground.controlplane.build import BuildFailed, binary
from modelwright_playground.controlplane.module_definitions import gateway_api_crds
from modelwright_playground.controlplane.toolchain import TOOLS
from modelwright_playground.instance import Instance

# How long an example takes is no property of the code, and what fails on one machine has to fail on all.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_configure() -> None:
    """A shell ignores SIGINT for what it starts in the background, and children inherit that: they could not be
    interrupted, which some tests do."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class ControlPlane:
    """etcd, kube-apiserver and kube-controller-manager, with our definitions and the Gateway API's installed."""

    instance: Instance

    @property
    def kubeconfig(self) -> str:
        """Path of an administrator's kubeconfig."""
        return str(self.instance.kubeconfig)

    @property
    def url(self) -> str:
        return self.instance.apiserver_url


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=in_order)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    return Together(config, log)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the playground's programs before the first test: that may take minutes, and no test has as many."""
    if session.config.option.collectonly or not any("programs" in _fixtures(item) for item in session.items):
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        try:
            for name in TOOLS:
                binary(name)
            gateway_api_crds()
        except BuildFailed as failure:
            pytest.exit(str(failure), returncode=1)


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else ()


@pytest.fixture(scope="session")
def programs() -> None:
    """Tests that start real programs ask for this: by then they are built."""


@pytest.fixture(scope="session")
def control_plane(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    instance = Instance.create("tests", tmp_path_factory.mktemp("control-plane"))
    lifecycle.start(instance, CONTROL_PLANE, detached=False)
    try:
        yield ControlPlane(instance)
    finally:
        lifecycle.stop(instance)


@pytest.fixture
async def cluster(control_plane: ControlPlane) -> AsyncIterator[Cluster]:
    """A connection to the control plane, as administrator."""
    connection = await Cluster.connect(control_plane.kubeconfig)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def namespace(cluster: Cluster) -> AsyncIterator[str]:
    """The name of a namespace that no other test uses. It takes pods a moment later: see `takes_pods`."""
    name = f"test-{uuid.uuid4().hex[:10]}"
    await cluster.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await cluster.delete(NAMESPACE, None, name)


@pytest.fixture
async def takes_pods(cluster: Cluster, namespace: str) -> None:
    """The namespace has the service account without which the API server refuses a pod."""
    async with asyncio.timeout(120):
        while not await cluster.get(SERVICE_ACCOUNT, namespace, "default"):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
