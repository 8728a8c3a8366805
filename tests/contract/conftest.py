"""A release of the chart on the real API server, for the tests that look at what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from tests.contract.chart import CHART, RELEASE, helm
from tests.contract.corpus import HERE, merged, read

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import NAMESPACE, RETRAIN_RUN

OPTIONS = ("--set", "crds.install=false", "--set", "uninstall.settle=false")


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


@pytest.fixture
async def restricted(cluster: Cluster, namespace: str) -> str:
    """A namespace in which pods must keep to the strictest of Kubernetes' security standards."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    await cluster.merge_patch(NAMESPACE, None, namespace, {"metadata": {"labels": labels}})
    return namespace


@pytest.fixture
async def installed(control_plane: WithKubeconfig, cluster: Cluster, restricted: str) -> AsyncIterator[str]:
    """The namespace of a release, without the definitions: those belong to the whole test run.

    Its uninstall hook would wait for a node, which this control plane does not have.
    """
    where = ("--kubeconfig", control_plane.kubeconfig, "--namespace", restricted)
    told = await asyncio.to_thread(helm, "install", RELEASE, CHART, *where, *OPTIONS)
    assert told.returncode == 0, told.stderr
    assert "No metric source is configured" in told.stdout
    yield restricted
    told = await asyncio.to_thread(helm, "uninstall", RELEASE, *where)
    assert told.returncode == 0, told.stderr
    await _policies_are_gone(cluster, restricted)


async def _policies_are_gone(cluster: Cluster, namespace: str) -> None:
    """Wait: a policy is in force a little longer than it exists, and the next test writes what it forbids."""
    body = merged(read(HERE / "accepted" / "run.yaml")[0], {"metadata": {"namespace": namespace}})
    async with asyncio.timeout(60):
        while True:
            try:
                await cluster.create(RETRAIN_RUN, body, dry_run=True)
            except Forbidden:
                await asyncio.sleep(0.05)
            else:
                return
