"""What a ModelRollout was made with and keeps: changes that the real API server refuses, and those it takes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.corpus import accepted, merged
from tests.contract.schema import rules

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright.errors import InvalidSpec

RULES = rules("ModelRollout")
GRPC = {"httpRoute": None, "grpcRoute": {"attached": {"name": "churn"}}}

TEMPLATE = {"spec": {"containers": [{"name": "m", "ports": [{"name": "http", "containerPort": 80}]}]}}
SWAPPED = {
    "stable": {"deploymentRef": {"name": "ranker-v8"}, "serviceRef": {"name": "ranker-v8"}},
    "candidate": {"deploymentRef": {"name": "ranker-v7"}, "serviceRef": {"name": "ranker-v7"}},
}

FORBIDDEN = [
    ("rollout-attached", {"workload": {"deployment": None, "existing": SWAPPED}}, "spec.workload"),
    ("rollout", {"traffic": GRPC}, "spec.traffic"),
    ("rollout", {"traffic": {"httpRoute": {"managed": None, "attached": {"name": "a"}}}}, "spec.traffic.httpRoute"),
    ("rollout-attached", {"traffic": {"httpRoute": {"attached": {"name": "b"}}}}, "spec.traffic.httpRoute.attached"),
    (
        "rollout-attached",
        {"traffic": {"httpRoute": {"attached": {"ruleName": "b"}}}},
        "spec.traffic.httpRoute.attached",
    ),
    ("rollout-replica-ratio", {"traffic": {"replicaRatio": {"service": "other"}}}, "spec.traffic.replicaRatio"),
    (
        "rollout-istio",
        {"traffic": {"virtualService": {"attached": {"name": "b"}}}},
        "spec.traffic.virtualService.attached",
    ),
    ("rollout-istio", {"traffic": {"virtualService": None, "replicaRatio": {}}}, "spec.traffic"),
    ("rollout-grpc", {"traffic": {"grpcRoute": {"attached": {"name": "b"}}}}, "spec.traffic.grpcRoute.attached"),
    (
        "rollout-kserve",
        {"workload": {"inferenceService": {"name": "b"}}},
        "spec.workload.inferenceService.name",
    ),
    (
        "rollout-grpc-managed",
        {"traffic": {"grpcRoute": {"managed": None, "attached": {"name": "a"}}}},
        "spec.traffic.grpcRoute",
    ),
]

ALLOWED = [
    ("rollout-replica-ratio", {"replicas": 5}),
    ("rollout-existing", {"workload": {"existing": SWAPPED}}),
    ("rollout", {"traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "other"}]}}}}),
    ("rollout-attached", {"traffic": {"confirm": "RouteAccepted"}}),
    ("rollout-grpc", {"model": {"version": "v13"}}),
    ("rollout-attached", {"traffic": {"httpRoute": {"attached": {"testersRoute": None}}}}),
    ("rollout-grpc", {"traffic": {"grpcRoute": {"attached": {"testersRoute": "Beside"}}}}),
]


async def changed(cluster: Cluster, namespace: str, base: str, change: dict[str, Any]) -> None:
    body = merged(accepted()[f"accepted/{base}"], {"metadata": {"namespace": namespace}})
    created = await cluster.create(MODEL_ROLLOUT, body)
    await cluster.replace(MODEL_ROLLOUT, merged(created, {"spec": change}))


@pytest.mark.parametrize(("base", "change", "at"), FORBIDDEN, ids=[at for _, _, at in FORBIDDEN])
async def test_refuses_to_change_it(
    base: str, change: dict[str, Any], at: str, cluster: Cluster, namespace: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        await changed(cluster, namespace, base, change)
    assert any(rule.is_about_changes and rule.path == at and rule.message in str(caught.value) for rule in RULES)


@pytest.mark.parametrize(("base", "change"), ALLOWED, ids=[base for base, _ in ALLOWED])
async def test_lets_everything_else_change(base: str, change: dict[str, Any], cluster: Cluster, namespace: str) -> None:
    await changed(cluster, namespace, base, change)


def test_every_rule_about_changes_is_tried() -> None:
    assert {rule.path for rule in RULES if rule.is_about_changes} == {at for _, _, at in FORBIDDEN}
