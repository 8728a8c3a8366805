"""How the other rollouts of a namespace are read: at rest is what their conditions say, not whether they are Ready."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.contract.corpus import HERE, merged, read

from modelwright.api.parsing import parse_rollout
from modelwright.rollouts.neighbours import read_neighbours
from modelwright.rollouts.observation import Neighbour


class Listing:
    """A fake cluster that lists what it was given, and counts how often it is asked."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self.bodies, self.asked = bodies, 0

    async def list(self, *_: Any) -> tuple[dict[str, Any], ...]:
        self.asked += 1
        return self.bodies


def body(name: str, status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    found = read(HERE / "accepted" / "rollout-steered.yaml")[0]
    metadata = {"name": name, "namespace": "ml", "uid": "u", "generation": 4, "resourceVersion": "1"}
    return dict(merged(found, {"metadata": metadata, "spec": spec, "status": status}))


def progressing(status: str, reason: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Progressing", "status": status, "reason": reason}]}


AT = "2026-11-21T08:00:00Z"
OURS = parse_rollout(body("ours", {"observedGeneration": 4}))


@pytest.mark.parametrize(
    ("status", "rests"),
    [
        ({"observedGeneration": 4, **progressing("False", "Promoted")}, True),
        ({"observedGeneration": 3, **progressing("False", "Promoted")}, False),
        ({"observedGeneration": 4, **progressing("True", "StepRunning")}, False),
        ({"observedGeneration": 4, **progressing("False", "RolledBack")}, False),
        ({"observedGeneration": 4, **progressing("False", "Pinned")}, False),
        ({"observedGeneration": -1}, False),
        ({}, False),
    ],
)
async def test_rests_only_on_what_it_wants_by_its_newest_spec(status: dict[str, Any], rests: bool) -> None:
    (seen,) = await read_neighbours(Listing(body("other", status)), OURS, 0)  # type: ignore[arg-type]
    assert seen.rests is rests


@pytest.mark.parametrize(
    ("status", "under_way", "begun"),
    [
        ({"stage": "Starting"}, False, False),
        ({"stage": "Stepping"}, True, False),
        ({"stage": "Stepping", "step": {"askedAt": AT}}, True, True),
        ({"stage": "Stepping", "step": {"stretch": 1}}, True, True),
        ({"stage": "Stepping", "queuedAt": AT}, False, False),
        ({"stage": "RollingBack"}, True, True),
    ],
)
async def test_is_under_way_from_the_first_step_on(status: dict[str, Any], under_way: bool, begun: bool) -> None:
    (seen,) = await read_neighbours(Listing(body("other", {"beganAt": AT, **status})), OURS, 1)  # type: ignore[arg-type]
    at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    queued_at = at if "queuedAt" in status else None
    assert seen == Neighbour("other", False, under_way, begun, at, queued_at, ("features", "churn-canary"))


async def test_nobody_is_listed_who_is_not_needed() -> None:
    alone = parse_rollout(body("ours", {}, dependsOn=None))
    asked = {"number": 1, "of": 2, "weight": 10, "startedAt": AT, "askedAt": AT}
    moving = parse_rollout(body("ours", {"stage": "Stepping", "step": asked}))
    cluster = Listing(body("ours", {}), body("other", {}))
    assert await read_neighbours(cluster, alone, 0) == ()  # type: ignore[arg-type]
    assert await read_neighbours(cluster, moving, 1) == ()  # type: ignore[arg-type]
    assert cluster.asked == 0
    assert [seen.name for seen in await read_neighbours(cluster, OURS, 0)] == ["other"]  # type: ignore[arg-type]
