"""Traffic by the number of pods, on the real API server with its real endpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.integration.stage import Stage

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, REVISION_LABEL, SERVICE


@pytest.fixture
async def stage(cluster: Cluster, namespace: str) -> AsyncIterator[Stage]:
    stage = Stage(cluster, namespace)
    yield stage
    await stage.background.close()


async def test_a_version_arrives_by_pods_and_the_service_ends_on_it_alone(stage: Stage) -> None:
    await stage.create(traffic={"replicaRatio": {}, "confirm": "RouteAccepted"})
    await stage.play(lambda: stage.serves("v1"))
    selectors: list[str] = []

    async def arrived() -> bool:
        front = await stage.cluster.get(SERVICE, stage.namespace, "churn")
        assert front is not None
        selectors.append(front["spec"]["selector"].get(REVISION_LABEL, "both"))
        return await stage.serves("v2")

    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})
    await stage.play(arrived)
    old, new = selectors[0], (await stage.body())["status"]["stable"]["revision"]
    assert list(dict.fromkeys(selectors)) == [old, "both", new]

    async def alone() -> bool:
        return len(await stage.cluster.list(DEPLOYMENT, stage.namespace)) == 1

    await stage.play(alone)
