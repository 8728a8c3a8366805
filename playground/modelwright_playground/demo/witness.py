"""Watches the cluster and the clients from outside, and writes down what happened when. Decides nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from modelwright.cluster.access import Cluster, ResourceExpired
from modelwright.cluster.keys import EVENT, HTTP_ROUTE, MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Kind
from modelwright.errors import Unavailable

NAMESPACE = "ml"

Object = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """One thing that happened: seconds since the epoch, what kind of thing, and what it says."""

    at: float
    what: str
    says: str


@dataclass
class Witness:
    """`told` is called with each moment as it is seen."""

    cluster: Cluster
    load_url: str
    told: Callable[[Moment], None] = lambda moment: None
    rollout: Object = field(default_factory=dict)
    policy: Object = field(default_factory=dict)
    runs: dict[str, Object] = field(default_factory=dict)
    stats: Object = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    weights: list[tuple[float, int]] = field(default_factory=list)
    _events: set[str] = field(default_factory=set)

    async def watch(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for kind, see in (
                (MODEL_ROLLOUT, self._see_rollout),
                (RETRAIN_POLICY, self._see_policy),
                (RETRAIN_RUN, self._see_run),
                (HTTP_ROUTE, self._see_route),
                (EVENT, self._see_event),
            ):
                group.create_task(self._follow(kind, see))
            group.create_task(self._ask_clients())

    def note(self, what: str, says: str) -> None:
        moment = Moment(time.time(), what, says)
        self.moments.append(moment)
        self.told(moment)

    # --- what is known now -------------------------------------------------------------------------------------------

    @property
    def status(self) -> Object:
        found: Object = self.rollout.get("status", {})
        return found

    def condition(self, body: Object, type_: str) -> Object:
        conditions = body.get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), {})

    @property
    def candidate_weight(self) -> int:
        return self.weights[-1][1] if self.weights else 0

    def accuracy(self, version: str | None = None) -> float | None:
        """Accuracy of the last seconds as the clients see it, of one version or of all answers."""
        versions = self.stats.get("recent", {}).get("versions", {})
        chosen = [seen for name, seen in versions.items() if version in (None, name)]
        correct, wrong = sum(seen["correct"] for seen in chosen), sum(seen["wrong"] for seen in chosen)
        return correct / (correct + wrong) if correct + wrong >= 50 else None

    def counts(self, version: str) -> Object:
        found: Object = self.stats.get("total", {}).get("versions", {}).get(version, {"ok": 0, "failed": 0})
        return found

    def event(self, reason: str, after: float = 0.0) -> Moment | None:
        return next((m for m in self.moments if m.what == reason and m.at >= after), None)

    # --- how it becomes known ----------------------------------------------------------------------------------------

    async def _follow(self, kind: Kind, see: Callable[[Object], None]) -> None:
        while True:
            with suppress(Unavailable, ResourceExpired):
                async for type_, body in self.cluster.watch(kind, NAMESPACE):
                    if type_ != "DELETED":
                        see(body)
            await asyncio.sleep(0.5)

    def _see_rollout(self, body: Object) -> None:
        self.rollout = body

    def _see_policy(self, body: Object) -> None:
        self.policy = body

    def _see_run(self, body: Object) -> None:
        self.runs[body["metadata"]["name"]] = body

    def _see_route(self, body: Object) -> None:
        backends = body["spec"]["rules"][0]["backendRefs"]
        candidate = next((b["weight"] for b in backends if b["name"].endswith("-candidate")), 0)
        if not self.weights or self.weights[-1][1] != candidate:
            self.weights.append((time.time(), candidate))

    def _see_event(self, body: Object) -> None:
        name = body["metadata"]["name"]
        if name in self._events or not str(body.get("reportingController", "")).startswith("modelwright"):
            return
        self._events.add(name)
        self.note(body["reason"], body.get("note", ""))

    async def _ask_clients(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"{self.load_url}/stats") as answer:
                        self.stats = await answer.json()
                await asyncio.sleep(0.5)
