"""Rollouts that begin in the same instant: between looking for a free place and taking it nobody else takes it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.contract.test_parsing import manifest
from tests.simulation.rollout_world import serving_v1

from modelwright.api.serialising import rollout_status
from modelwright.cluster.keys import Key
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.metrics.configuration import MetricSource
from modelwright.rollouts import reconcile
from modelwright.rollouts.configuration import RolloutLimits
from modelwright.rollouts.observation import Observation

NAMES = ("a", "b", "c", "d")


class Cluster:
    """A fake API server whose every answer takes its time, in which others go on."""

    def __init__(self, seed: int) -> None:
        world = serving_v1()
        body = manifest("rollout", {"status": rollout_status(world.status)})
        self.seen, self.clock = world.observe(), world.now
        self.random = random.Random(seed)
        self.bodies = {name: body | {"metadata": {**body["metadata"], "name": name}} for name in NAMES}

    def now(self) -> datetime:
        self.clock += timedelta(seconds=1)
        return self.clock

    async def takes_time(self) -> None:
        for _ in range(self.random.choice([0, 0, 0, 60])):
            await asyncio.sleep(0)

    async def get(self, kind: object, namespace: str, name: str) -> dict[str, Any]:
        await self.takes_time()
        return dict(self.bodies[name])

    async def list(self, kind: object, namespace: str) -> list[dict[str, Any]]:
        await self.takes_time()
        return [dict(body) for body in self.bodies.values()]

    async def replace(self, kind: object, body: dict[str, Any], subresource: str) -> None:
        await self.takes_time()
        self.bodies[body["metadata"]["name"]] |= {"status": body["status"]}

    @property
    def under_way(self) -> int:
        return sum(1 for body in self.bodies.values() if body["status"].get("stage"))


class Quiet:
    """Neither asks nor tells anything."""

    def answers(self, key: Key) -> dict[Any, Any]:
        return {}

    def want(self, key: Key, questions: Any) -> None: ...

    async def emit(self, *news: Any) -> None: ...


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("seed", [3, 8, 22, 41])
def test_no_more_begin_at_once_than_the_platform_allows(seed: int, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, quiet = Cluster(seed), Quiet()
    sources = {"default": MetricSource("default", "http://127.0.0.1:9")}
    configuration = Configuration(sources=sources, limits=RolloutLimits(limit))

    async def observe(_: object, rollout: Any, *others: Any, **flags: Any) -> Observation:
        await cluster.takes_time()
        return replace(cluster.seen, rollout=rollout, sources=sources)

    async def apply(*_: Any) -> None:
        await cluster.takes_time()

    monkeypatch.setattr(reconcile, "observe", observe)
    monkeypatch.setattr(reconcile, "apply", apply)
    room = Room(cluster, quiet, quiet, lambda: True, configuration, cluster.now)  # type: ignore[arg-type]

    async def look_often(name: str) -> None:
        for _ in range(5):
            await reconcile.reconcile_rollout(Key("ModelRollout", "ml", name), room)

    async def all_at_once() -> None:
        await asyncio.gather(*(look_often(name) for name in NAMES))

    asyncio.run(all_at_once())
    assert cluster.under_way == limit
