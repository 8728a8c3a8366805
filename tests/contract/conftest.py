"""A release of the chart on the real API server, for the tests that look at what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from tests.contract.chart import CHART, RELEASE, helm

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import NAMESPACE


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
async def installed(control_plane: WithKubeconfig, restricted: str) -> AsyncIterator[str]:
    """The namespace of a release, without the definitions: those belong to the whole test run."""
    where = ("--kubeconfig", control_plane.kubeconfig, "--namespace", restricted)
    told = await asyncio.to_thread(helm, "install", RELEASE, CHART, *where, "--set", "crds.install=false")
    assert told.returncode == 0, told.stderr
    assert "No metric source is configured" in told.stdout
    yield restricted
    told = await asyncio.to_thread(helm, "uninstall", RELEASE, *where)
    assert told.returncode == 0, told.stderr
