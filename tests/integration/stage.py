"""One rollout on a real API server and controller manager, with a fake kubelet, a fake gateway and fake looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.fake_kubelet import accept_route, make_pods_ready

from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.counts import Counts
from modelwright.cluster.access import Cluster
from modelwright.cluster.background import Background
from modelwright.cluster.keys import DEPLOYMENT, ENDPOINT_SLICE, HTTP_ROUTE, MODEL_ROLLOUT, POD, Key
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.errors import Conflict, Unavailable
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.questions import CountsBlock, CountsLook, CountsQuestion
from modelwright.rollouts.reconcile import reconcile_rollout

SPEC: dict[str, Any] = {
    "model": {"version": "v1", "uri": "s3://models/churn/v1"},
    "replicas": 2,
    "workload": {
        "deployment": {
            "template": {
                "spec": {
                    "containers": [
                        {"name": "model", "image": "serve:1", "ports": [{"name": "http", "containerPort": 8080}]}
                    ]
                }
            }
        }
    },
    "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "public"}], "hostnames": ["churn.example.com"]}}},
    "strategy": {"canary": {"steps": [{"weight": 50, "hold": "1s"}]}},
    "analysis": {"interval": "1s", "metrics": [{"name": "errors", "preset": "RequestErrors"}]},
    "promotion": {"bakeTime": "1s", "scaleDownDelay": "0s"},
}


CONFIGURATION = Configuration(sources={"default": MetricSource("default", "http://127.0.0.1:9")})

MOMENT = timedelta(microseconds=10)

PATIENCE = 240.0
"""Seconds in which what the real servers do has to be done, also by a machine that has much else to do."""


class Told:
    """Keeps the news instead of writing events."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    async def emit(self, regarding: dict[str, Any], type_: str, reason: str, message: str) -> None:
        self.reasons.append(reason)


class FakeLooks:
    """Answers every question about counts: no errors among plenty of requests, half of them the candidate's.

    `bought` is how many of the users of each arm bought something.
    """

    candidate_errors = 0

    def __init__(self) -> None:
        self.bought = {"stable": 2_000, "candidate": 2_000}

    def __call__(self, question: Any) -> Any:
        assert isinstance(question, CountsQuestion)
        total = 20_000
        if question.metric == "share":
            return CountsLook(Counts(total, total), datetime.now(UTC))
        errors = self.candidate_errors if question.arm == "candidate" else 0
        assert question.since is not None
        # Ten blocks, counted in the first moments after the question's beginning.
        begins = [question.since + number * MOMENT for number in range(10)]
        if question.metric == "conversion":
            # A goal is decided by whole blocks: a long test in one look.
            total, errors = 100 * total, 100 * self.bought[question.arm]
            begins = [question.since + number * BLOCK for number in range(10)]
        blocks = tuple(CountsBlock(at, at + MOMENT, Counts(errors // 10, total // 10)) for at in begins)
        now = datetime.now(UTC)
        return CountsLook(Counts(errors, total), now, now, blocks, question.since, begins[-1] + MOMENT)


class Stage:
    """One rollout named churn on the real API server, and the room that reconciles it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.key = Key("ModelRollout", namespace, "churn")
        self.told, self.looks = Told(), FakeLooks()
        self.background = Background(self.look, lambda key: None)
        self.room = Room(cluster, self.background, self.told, may_raise=lambda: True, configuration=CONFIGURATION)

    def look(self, question: Any) -> Any:
        """What the plan wants to know, in a thread."""
        return self.looks(question)

    async def create(self, **changes: Any) -> None:
        body = {
            "apiVersion": MODEL_ROLLOUT.api_version,
            "kind": "ModelRollout",
            "metadata": {"name": "churn", "namespace": self.namespace},
            "spec": {**SPEC, **changes},
        }
        await self.cluster.create(MODEL_ROLLOUT, body)

    async def edit(self, spec: dict[str, Any]) -> None:
        await self.cluster.merge_patch(MODEL_ROLLOUT, self.namespace, "churn", {"spec": spec})

    async def annotate(self, annotations: dict[str, str]) -> None:
        patch = {"metadata": {"annotations": annotations}}
        await self.cluster.merge_patch(MODEL_ROLLOUT, self.namespace, "churn", patch)

    async def body(self) -> dict[str, Any]:
        found = await self.cluster.get(MODEL_ROLLOUT, self.namespace, "churn")
        assert found is not None
        return found

    async def route(self) -> dict[str, Any]:
        found = await self.cluster.get(HTTP_ROUTE, self.namespace, "churn")
        assert found is not None
        return found

    async def weights(self) -> list[int]:
        return [backend["weight"] for backend in (await self.route())["spec"]["rules"][0]["backendRefs"]]

    async def condition(self, type_: str) -> dict[str, Any]:
        conditions = (await self.body()).get("status", {}).get("conditions", [])
        return next((condition for condition in conditions if condition["type"] == type_), {})

    async def play(self, reached: Any) -> None:
        """Let everybody act in turn until `reached()` holds."""
        await self.repeat(self._everybody_acts, reached)

    async def repeat(self, acts: Callable[[], Awaitable[None]], reached: Callable[[], Awaitable[Any]]) -> None:
        """Do it until `reached()` holds, which is asked after each time that met no Conflict and no silence."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(Conflict, Unavailable):
                await acts()
                if await reached():
                    return
            await asyncio.sleep(0.1)
        raise AssertionError(f"not reached: {(await self.body()).get('status')}, {await self.below()}")

    async def _everybody_acts(self) -> None:
        await make_pods_ready(self.cluster, self.namespace)
        await accept_route(self.cluster, self.namespace, "churn")
        await reconcile_rollout(self.key, self.room)

    async def reconcile(self) -> timedelta | None:
        """A pass, and another where the object was changed meanwhile: as the queue does it."""
        while True:
            with suppress(Conflict):
                return await reconcile_rollout(self.key, self.room)

    async def below(self) -> dict[str, Any]:
        """What stands in the namespace of pods, and of what makes them, for the message of a test that fails."""
        return {
            kind.name: {body["metadata"]["name"]: body.get("status") or body.get("endpoints") for body in found}
            for kind in (DEPLOYMENT, POD, ENDPOINT_SLICE)
            for found in [await self.cluster.list(kind, self.namespace)]
        }

    async def serves(self, version: str) -> bool:
        status = (await self.body()).get("status", {})
        return status.get("stable", {}).get("version") == version and "candidate" not in status
