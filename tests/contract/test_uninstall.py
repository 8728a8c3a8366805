"""`helm uninstall` in the middle of a rollout: the chart's hook runs on a node, as a pod with rights of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from subprocess import CompletedProcess

import pytest
from tests.cli.half_way import RUNNING, Place, accepting
from tests.contract.chart import CHART, RELEASE, helm

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, NAMESPACE, SERVICE_ACCOUNT
from modelwright.retraining.plan.run_steps import FINALIZER
from modelwright_playground import lifecycle
from modelwright_playground.components import CONTROL_PLANE
from modelwright_playground.instance import Instance

OPERATORS_HOME = "modelwright"

# Nobody answers on the port of `discard`: the operator cannot end the pipeline run, and has to be told to let go.
SERVER = "pipelineServers[0]"
VALUES = (
    "crds.install=false",
    "replicas=1",
    "watchNamespaces={ml}",
    "uninstall.endPipelines=true",
    f"{SERVER}.name=default,{SERVER}.url=http://127.0.0.1:9,{SERVER}.resultRoot=file:///nowhere",
)


@pytest.fixture(scope="module")
def instance(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A control plane with a node that runs pods."""
    instance = Instance.create("uninstall", tmp_path_factory.mktemp("uninstall"))
    lifecycle.start(instance, (*CONTROL_PLANE, "node"), detached=False)
    try:
        yield instance
    finally:
        lifecycle.stop(instance)


@pytest.fixture
async def place(instance: Instance) -> AsyncIterator[Place]:
    """The namespace of models, and elsewhere a release that is at work."""
    cluster = await Cluster.connect(str(instance.kubeconfig))
    place = Place(cluster, str(instance.kubeconfig), "ml")
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}}
    await cluster.create(NAMESPACE, body)
    # Before the release: its admission policy would not let us write a record.
    await place.run("churn-1", RUNNING)
    values = [part for value in VALUES for part in ("--set", value)]
    told = await release(place, "install", RELEASE, CHART, "--create-namespace", "--wait", *values)
    assert told.returncode == 0, told.stderr
    async with accepting(place):
        yield place
    await cluster.close()


async def release(place: Place, *arguments: object) -> CompletedProcess[str]:
    where = ("--kubeconfig", place.kubeconfig, "--namespace", OPERATORS_HOME, "--timeout", "8m")
    return await asyncio.to_thread(helm, *map(str, arguments), *where)


async def test_an_uninstall_takes_candidates_back_to_stable_or_fails_and_can_be_repeated(place: Place) -> None:
    await place.rollout("churn", 25)
    await place.rollout("fraud", 50, ready=False)
    told = await release(place, "uninstall", RELEASE)
    assert told.returncode != 0
    assert [await place.weights(name) for name in ("churn", "fraud")] == [[100, 0], [50, 50]]
    operator = await place.cluster.get(DEPLOYMENT, OPERATORS_HOME, RELEASE)
    assert operator
    assert operator["spec"]["replicas"] == 1, "the operator must go on where it is still needed"
    assert await place.finalizers("churn-1") == [FINALIZER]

    await place.mend("fraud")
    told = await release(place, "uninstall", RELEASE)
    assert told.returncode == 0, told.stderr
    assert await place.weights("fraud") == [100, 0]
    assert await place.finalizers("churn-1") == []
    assert await place.cluster.list(DEPLOYMENT, OPERATORS_HOME) == []
    accounts = await place.cluster.list(SERVICE_ACCOUNT, OPERATORS_HOME)
    assert [account["metadata"]["name"] for account in accounts] == ["default"]
