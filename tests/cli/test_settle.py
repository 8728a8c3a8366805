"""`modelwright settle` on the real API server: weights go back to stable before the operator goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any, Protocol, cast

import pytest
from tests.cli.half_way import RUNNING, Place, accepting

from modelwright.api.parsing import parse_rollout
from modelwright.cli import settle
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import (
    DEPLOYMENT,
    HTTP_ROUTE,
    LEASE,
    MODEL_ROLLOUT,
    NAMESPACE,
    RETRAIN_RUN,
    SERVICE,
)
from modelwright.cluster.lease import Leadership
from modelwright.errors import Unavailable
from modelwright.retraining.plan.run_steps import FINALIZER
from modelwright.traffic import managed_route
from modelwright.traffic.field_managers import SETTLER


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


@pytest.fixture
async def place(control_plane: WithKubeconfig, cluster: Cluster, namespace: str) -> Place:
    return Place(cluster, control_plane.kubeconfig, namespace)


@pytest.fixture
async def gateway(place: Place) -> AsyncIterator[None]:
    async with accepting(place):
        yield


@pytest.mark.usefixtures("gateway")
async def test_every_candidate_gives_its_weight_back(place: Place) -> None:
    await place.rollout("churn", 25)
    await place.rollout("fraud", 100)
    await place.rollout("calm", 0)
    told = await place.settle()
    assert told.exit_code == 0, told.output
    assert [await place.weights(name) for name in ("churn", "fraud", "calm")] == [[100, 0]] * 3
    assert f"settled  {place.namespace}/churn: all traffic is back on stable, the candidate had 25 %" in told.stdout
    assert f"settled  {place.namespace}/calm: no candidate holds weight" in told.stdout
    assert "3 of 3 rollouts are settled" in told.stdout


@pytest.mark.usefixtures("gateway")
async def test_nobody_copies_requests_to_a_candidate_that_nobody_watches(place: Place) -> None:
    await place.rollout("churn", 0, mirror=20)
    told = await place.settle()
    assert told.exit_code == 0, told.output
    assert f"settled  {place.namespace}/churn: all traffic is back on stable, the candidate had a mirror of 20 %" in (
        told.stdout
    )
    route = await place.cluster.get(HTTP_ROUTE, place.namespace, "churn")
    assert route is not None
    assert route["spec"]["rules"][0].get("filters", []) == []


@pytest.mark.usefixtures("takes_pods")
async def test_a_share_by_replicas_is_settled_by_the_service_in_front(place: Place) -> None:
    front = await place.by_replicas("churn", 50)
    assert front["spec"]["selector"] == {"modelwright.dev/rollout": "churn"}
    told = await place.settle()
    assert told.exit_code == 0, told.output
    found = await place.cluster.get(SERVICE, place.namespace, "churn")
    assert found is not None
    assert found["spec"]["selector"]["modelwright.dev/revision"] == "r1"


@pytest.mark.usefixtures("gateway")
async def test_the_operator_takes_it_for_somebodys_word_and_not_for_its_own(place: Place) -> None:
    await place.rollout("churn", 25)
    await place.settle()
    route = await place.cluster.get(HTTP_ROUTE, place.namespace, "churn")
    rollout = await place.cluster.get(MODEL_ROLLOUT, place.namespace, "churn")
    assert route
    assert rollout
    assert managed_route.read(parse_rollout(rollout), route, FIELD_MANAGER).changed_by == SETTLER


@pytest.mark.usefixtures("gateway")
async def test_a_candidate_keeps_its_weight_while_stable_is_down(place: Place) -> None:
    await place.rollout("churn", 25, ready=False)
    await place.rollout("fraud", 50)
    told = await place.settle()
    assert told.exit_code == 1
    assert await place.weights("churn") == [75, 25]
    assert await place.weights("fraud") == [100, 0]
    assert f"NOT settled  {place.namespace}/churn: stable has no ready endpoint" in told.stdout
    assert "1 of 2 rollouts are settled" in told.stdout


async def test_a_route_that_no_gateway_confirms_is_not_settled(place: Place) -> None:
    await place.rollout("churn", 25)
    told = await place.settle("--deadline", "1s")
    assert told.exit_code == 1
    assert "was not confirmed in time by every Gateway" in told.stdout


async def test_it_waits_for_the_operator_to_go(place: Place) -> None:
    leader = Leadership(place.cluster, place.namespace, "modelwright", "operator-1")
    await leader.acquire()
    told = await place.settle("--deadline", "1s")
    assert told.exit_code == 1
    assert "an operator still holds the Lease" in told.stderr
    await leader.release()
    assert (await place.settle()).exit_code == 0


async def test_the_lease_is_free_afterwards(place: Place) -> None:
    assert (await place.settle()).exit_code == 0
    lease = await place.cluster.get(LEASE, place.namespace, "modelwright")
    assert lease
    assert lease["spec"].get("holderIdentity", "") == ""


@pytest.mark.parametrize(("ready", "replicas"), [(True, 0), (False, 2)])
@pytest.mark.usefixtures("gateway")
async def test_the_operator_is_stopped_and_goes_on_if_that_failed(place: Place, ready: bool, replicas: int) -> None:
    await place.cluster.create(DEPLOYMENT, _operator(place.namespace))
    await place.rollout("churn", 25, ready=ready)
    told = await place.settle("--operator", f"{place.namespace}/modelwright")
    assert told.exit_code == (0 if ready else 1)
    operator = await place.cluster.get(DEPLOYMENT, place.namespace, "modelwright")
    assert operator
    assert operator["spec"]["replicas"] == replicas


async def test_runs_that_are_not_finished_are_named_and_kept(place: Place) -> None:
    await place.run("churn-1", RUNNING)
    told = await place.settle()
    assert told.exit_code == 0
    assert f"running  {place.namespace}/churn-1: pipeline run kfp-7 may still run" in told.stdout
    assert "WARNING: without an operator these 1 RetrainRuns cannot be deleted" in told.stdout
    assert await place.finalizers("churn-1") == [FINALIZER]


async def test_ended_runs_can_be_deleted_with_their_namespace(place: Place) -> None:
    await place.run("churn-1", RUNNING)
    await place.run("churn-2", {})
    told = await place.settle("--end-pipelines")
    assert told.exit_code == 0
    assert f"ended    {place.namespace}/churn-1: WARNING: pipeline run kfp-7 may go on, stop it by hand" in told.stdout
    assert f"ended    {place.namespace}/churn-2: nothing that runs is known of it" in told.stdout
    assert [await place.finalizers(name) for name in ("churn-1", "churn-2")] == [[], []]
    await place.cluster.delete(NAMESPACE, None, place.namespace)
    async with asyncio.timeout(60):
        while await place.cluster.list(RETRAIN_RUN, place.namespace):  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def test_a_failed_settling_ends_no_pipelines(place: Place) -> None:
    await place.rollout("churn", 25, ready=False)
    await place.run("churn-1", RUNNING)
    assert (await place.settle("--end-pipelines")).exit_code == 1
    assert await place.finalizers("churn-1") == [FINALIZER]


def _operator(namespace: str) -> dict[str, Any]:
    labels = {"app": uuid.uuid4().hex}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "operator", "image": "none"}]}}
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.name,
        "metadata": {"name": "modelwright", "namespace": namespace},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": pod},
    }


class Busy:
    """A fake API server that answers 429 so many times, and then what there is."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def list(self, kind: Any, namespace: str | None) -> list[dict[str, Any]]:
        self.times -= 1
        if self.times >= 0:
            raise Unavailable("the API server answered get /modelrollouts with 429")
        return [{"kind": kind, "namespace": namespace}]


async def test_an_api_server_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("modelwright.cli.settle.asyncio.sleep", sleep)
    busy: Any = Busy(3)
    assert await settle._list(busy, "any", "ml") == [{"kind": "any", "namespace": "ml"}]
    assert len(waited) == 3
    with pytest.raises(Unavailable):
        await settle._list(cast(Any, Busy(1000)), "any", None)
