"""The ControllerRevisions of a rollout on the real API server: others must be able to change all but their data."""

from __future__ import annotations

import asyncio

from modelwright.api.models import Model
from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONTROLLER_REVISION, MODEL_ROLLOUT
from modelwright.rollouts.actions import RecordRevision
from modelwright.rollouts.apply import apply

TEMPLATE = {"spec": {"containers": [{"name": "model", "image": "a<b>&c", "ports": [{"name": "http"}]}]}}


async def created(cluster: Cluster, namespace: str) -> ModelRollout:
    body = {
        "apiVersion": MODEL_ROLLOUT.api_version,
        "kind": "ModelRollout",
        "metadata": {"name": "churn", "namespace": namespace},
        "spec": {
            "model": {"version": "v1", "uri": "s3://models/churn/v1"},
            "workload": {"deployment": {"template": TEMPLATE}},
            "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "public"}]}}},
        },
    }
    return parse_rollout(await cluster.create(MODEL_ROLLOUT, body))


async def recorded(cluster: Cluster, namespace: str) -> ModelRollout:
    rollout = await created(cluster, namespace)
    record = RecordRevision("77d0aa91c2", 1, Model("v1", "s3://models/churn/v1"), TEMPLATE, "http")
    await apply(cluster, rollout, (record, record))
    return rollout


async def test_a_record_can_be_labelled_by_others(cluster: Cluster, namespace: str) -> None:
    await recorded(cluster, namespace)
    labels = {"metadata": {"labels": {"team": "churn"}}}
    found = await cluster.merge_patch(CONTROLLER_REVISION, namespace, "churn-77d0aa91c2", labels)
    assert found["data"]["template"] == TEMPLATE


async def test_a_deleted_rollout_lets_go_of_a_record_that_shall_stay(cluster: Cluster, namespace: str) -> None:
    rollout = await recorded(cluster, namespace)
    assert await cluster.delete(MODEL_ROLLOUT, namespace, "churn", uid=rollout.uid, propagation="Orphan")
    async with asyncio.timeout(60):
        # The garbage collector takes the reference off each child before it lets the owner go.
        async for _, body in cluster.watch(CONTROLLER_REVISION, namespace):
            if not body["metadata"].get("ownerReferences"):
                break
