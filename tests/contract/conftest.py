"""A release of the chart on the real API server, for the tests that look at what it brings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest
from tests.contract.chart import CHART, RELEASE, helm
from tests.contract.corpus import HERE, merged, read
from tests.contract.policed import PATIENCE, until

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import LEASE, NAMESPACE, RETRAIN_RUN, Kind
from modelwright.errors import Unavailable

ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
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
    user = f"system:serviceaccount:{restricted}:{RELEASE}"
    async with asyncio.timeout(PATIENCE):
        await until(lambda: is_allowed(cluster, user, "elsewhere", RETRAIN_RUN, "", "list"))
        await until(lambda: is_allowed(cluster, user, restricted, LEASE, "", "update"))
    yield restricted
    told = await asyncio.to_thread(helm, "uninstall", RELEASE, *where)
    assert told.returncode == 0, told.stderr
    await _policies_are_gone(cluster, restricted)


async def is_allowed(cluster: Cluster, user: str, namespace: str, kind: Kind, subresource: str, verb: str) -> bool:
    attributes = {"namespace": namespace, "group": kind.group, "resource": kind.plural, "verb": verb}
    if subresource:
        attributes["subresource"] = subresource
    if kind is LEASE:
        attributes["name"] = "modelwright"
    body = {"apiVersion": ACCESS_REVIEW.api_version, "kind": ACCESS_REVIEW.name, "metadata": {}}
    answer = await cluster.create(ACCESS_REVIEW, {**body, "spec": {"user": user, "resourceAttributes": attributes}})
    return bool(answer["status"]["allowed"])


async def _policies_are_gone(cluster: Cluster, namespace: str) -> None:
    """Wait: a policy is in force a little longer than it exists, and the next test writes what it forbids."""
    body = merged(read(HERE / "accepted" / "run.yaml")[0], {"metadata": {"namespace": namespace}})
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await cluster.create(RETRAIN_RUN, body, dry_run=True)
            except (Forbidden, Unavailable):
                await asyncio.sleep(0.05)
            else:
                return
