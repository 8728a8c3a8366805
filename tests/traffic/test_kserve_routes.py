"""Which HTTPRoutes of KServe's confirm a weight: all that lead to its predictor, by whatever name they have."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.api.parsing.rollout import parse_rollout
from modelwright.cluster.keys import HTTP_ROUTE, INFERENCE_SERVICE, Kind
from modelwright.traffic.kserve.router import look

STABLE, CANDIDATE = "fraud-predictor", "fraud-mw-b-predictor"
ACCEPTED = [{"type": t, "status": "True", "reason": t, "observedGeneration": 1} for t in ("Accepted", "ResolvedRefs")]
REFUSED = [{**condition, "status": "False"} for condition in ACCEPTED]


class FakeCluster:
    """Holds HTTPRoutes, and the InferenceService after KServe's promotion of the candidate."""

    def __init__(self, routes: dict[str, dict[str, Any]]) -> None:
        model = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://b"}
        service = {
            "metadata": {"name": "fraud", "annotations": {"serving.kserve.io/deploymentMode": "Standard"}},
            "spec": {"predictor": {"name": "mw-b", "model": model}},
        }
        self.held = {(INFERENCE_SERVICE, "fraud"): service}
        self.held |= {(HTTP_ROUTE, name): body for name, body in routes.items()}

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return self.held.get((kind, name))

    async def list(self, kind: Kind, namespace: str, labels: object = None) -> list[dict[str, Any]]:
        return []


def route(conditions: list[dict[str, Any]], **weights: int) -> dict[str, Any]:
    refs = [{"name": {"stable": STABLE, "candidate": CANDIDATE}[arm], "weight": each} for arm, each in weights.items()]
    parent = {"name": "public"}
    return {
        "metadata": {"namespace": "ml", "generation": 1},
        "spec": {"parentRefs": [parent], "rules": [{"backendRefs": refs}]},
        "status": {"parents": [{"parentRef": parent, "conditions": conditions}]},
    }


async def accepted(routes: dict[str, dict[str, Any]]) -> bool | None:
    arm = {"revision": "b", "version": "b", "uri": "s3://b", "weight": 100}
    stable = {"revision": "a", "version": "a", "uri": "s3://a", "weight": 0}
    rollout = parse_rollout(
        {
            "metadata": {"name": "fraud", "namespace": "ml", "uid": "1", "generation": 1, "resourceVersion": "1"},
            "spec": {
                "model": {"version": "b", "uri": "s3://b"},
                "workload": {"inferenceService": {"name": "fraud"}},
            },
            "status": {"stable": stable, "candidate": arm},
        }
    )
    cluster: Any = FakeCluster(routes)
    found = await look(cluster, rollout)
    assert found is not None
    assert found.facts is not None
    return found.facts.accepted


DONE = route(ACCEPTED, stable=0, candidate=100)


@pytest.mark.parametrize("name", [STABLE, CANDIDATE])
async def test_the_predictors_own_route_has_to_follow_whatever_its_name(name: str) -> None:
    assert await accepted({"fraud": DONE, name: DONE}) is True
    assert await accepted({"fraud": DONE, name: route(ACCEPTED, stable=50, candidate=50)}) is None
    assert await accepted({"fraud": DONE, name: route(REFUSED, stable=0, candidate=100)}) is False


async def test_a_route_that_a_promotion_left_behind_is_nobodys_to_confirm() -> None:
    behind = route(REFUSED, stable=100)
    assert await accepted({"fraud": DONE, STABLE: behind, CANDIDATE: DONE}) is True
    assert await accepted({STABLE: DONE}) is None
