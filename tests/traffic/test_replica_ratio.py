"""Traffic by the number of pods: which shares they can make, and what the Service in front says of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.traffic.routes import rollout

from modelwright.api.rollout import ModelRollout, ReplicaRatio, Step
from modelwright.cluster.keys import REVISION_LABEL, ROLLOUT_LABEL
from modelwright.traffic.ratio import obstacle, pods_for, replicas_needed
from modelwright.traffic.replica_ratio import WEIGHT_ANNOTATION, seen


def subject(*weights: int, replicas: int = 4) -> ModelRollout:
    plain = rollout(25)
    steps = tuple(Step(weight, timedelta(minutes=1)) for weight in weights)
    return replace(plain, spec=replace(plain.spec, route=ReplicaRatio(), replicas=replicas, steps=steps))


def service(pinned: str = "", weight: str = "") -> dict[str, Any]:
    selector = {ROLLOUT_LABEL: "churn", **({REVISION_LABEL: pinned} if pinned else {})}
    annotations = {WEIGHT_ANNOTATION: weight} if weight else {}
    metadata = {"name": "churn", "namespace": "ml", "resourceVersion": "7", "creationTimestamp": "2026-11-21T07:00:00Z"}
    return {
        "metadata": {**metadata, "annotations": annotations, "labels": {}},
        "spec": {"selector": selector, "ports": [{"port": 80}]},
    }


@pytest.mark.parametrize(("replicas", "weight", "pods"), [(3, 25, 1), (3, 50, 3), (9, 10, 1), (10, 20, 2), (2, 10, 1)])
def test_the_nearest_number_of_pods_is_taken(replicas: int, weight: int, pods: int) -> None:
    assert pods_for(replicas, weight) == pods


def test_a_share_that_pods_cannot_make_says_how_many_replicas_it_needs() -> None:
    found = obstacle(subject(5, replicas=3).spec)
    assert found
    assert found.reason == "ShareNotPossible"
    assert "1 of the other get 25 %. Have at least 14 `replicas`, or a step of 25 %" in found.message
    assert obstacle(subject(5, replicas=14).spec) is None
    assert obstacle(subject(25, 50, 100, replicas=3).spec) is None


@pytest.mark.parametrize("weight", range(1, 51))
def test_the_replicas_that_it_asks_for_are_enough_and_one_less_is_not(weight: int) -> None:
    needed = replicas_needed(weight)
    assert obstacle(subject(weight, replicas=needed).spec) is None
    if needed > 1:
        assert obstacle(subject(weight, replicas=needed - 1).spec)


@pytest.mark.parametrize(
    ("body", "ready", "weight", "accepted"),
    [
        (service("r1"), {"r1": 4}, 0, True),
        (service("r1"), {"r1": 4, "r2": 1}, 0, None),
        (service(weight="25"), {"r1": 3, "r2": 1}, 25, True),
        (service(weight="25"), {"r1": 3}, 25, None),
        (service(weight="25"), {"r1": 3, "r2": 1, "r0": 1}, 25, None),
        (service("r2"), {"r2": 4}, 100, True),
        (service(), {"r1": 3, "r2": 1}, 99, True),
    ],
)
def test_the_service_says_who_gets_traffic(
    body: dict[str, Any], ready: dict[str, int], weight: int, accepted: bool | None
) -> None:
    found = seen(subject(25), body, ("r1", "r2"), ready)
    assert (found.split.weight, found.accepted) == (weight, accepted)


def test_after_the_promotion_what_was_all_is_stables() -> None:
    assert seen(subject(25), service("r2", "100"), ("r2", "r2"), {"r2": 4}).split.weight == 0


def test_mirrors_and_testers_need_a_gateway() -> None:
    assert seen(subject(25), service("r1"), ("r1", "r1"), {"r1": 4}).unsupported == {
        "Mirror",
        "HeaderMatch",
        "RegularExpressionMatch",
    }
