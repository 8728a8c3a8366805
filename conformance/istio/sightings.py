"""Everything that the VirtualService ever said while it was watched, and what the rollout says now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from tests.e2e.loop import eventually

from conformance.istio.manifests import weights
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT, VIRTUAL_SERVICE

Object = dict[str, Any]
LIMIT = 240.0


@dataclass
class Sightings:
    """`specs` are those of the VirtualService, oldest first."""

    cluster: Cluster
    specs: list[Object] = field(default_factory=list)

    def candidate_weights(self) -> list[int]:
        """One after the other, each once."""
        return [weight for weight, _ in groupby(weights(spec)[1] for spec in self.specs)]

    async def rollout(self) -> Object:
        found = await self.cluster.get(MODEL_ROLLOUT, "ml", "churn")
        assert found is not None
        return found

    async def live(self) -> Object:
        found = await self.cluster.get(VIRTUAL_SERVICE, "ml", "churn")
        assert found is not None
        return found

    async def until(self, holds: Callable[[Object], bool], what: str) -> Object:
        """The status of the rollout, as soon as `holds` does of it."""
        last: Object = {}

        async def found() -> bool:
            nonlocal last
            body = await self.rollout()
            last = body.get("status", {})
            return last.get("observedGeneration") == body["metadata"]["generation"] and holds(last)

        await eventually(found, what, LIMIT, lambda: last)
        return last

    async def command(self, verb: str, number: int) -> None:
        """Say `verb` to the rollout, of its candidate; `number` makes it another word than the one before."""
        revision = (await self.rollout())["status"]["candidate"]["revision"]
        annotations = {"modelwright.dev/command": f"{verb}/check-{number}/{revision}"}
        await self.cluster.merge_patch(MODEL_ROLLOUT, "ml", "churn", {"metadata": {"annotations": annotations}})

    async def paused_at(self, step: int) -> Object:
        return await self.until(
            lambda status: status.get("paused") == "Paused" and status["step"]["number"] == step, f"pause {step}"
        )

    async def at_rest(self, result: str, version: str) -> Object:
        """Wait until the rollout of `version` has ended so, and nothing of ours is held on the route."""
        status = await self.until(
            lambda status: (
                "stage" not in status
                and "candidate" not in status
                and status["history"][0]["version"] == version
                and status["history"][0]["result"] == result
            ),
            f"{version} is {result}",
        )

        async def let_go() -> bool:
            return "finalizers" not in (await self.rollout())["metadata"]

        await eventually(let_go, "the VirtualService is given back")
        return status


@contextlib.asynccontextmanager
async def watched(cluster: Cluster) -> AsyncIterator[Sightings]:
    """Sightings of the VirtualService from its present state on."""
    sightings = Sightings(cluster)

    async def look() -> None:
        async for type_, body in cluster.watch(VIRTUAL_SERVICE, "ml"):
            if type_ != "DELETED" and body["metadata"]["name"] == "churn":
                sightings.specs.append(body["spec"])

    looking = asyncio.create_task(look())
    try:
        await eventually(lambda: sightings.specs, "the VirtualService is seen")
        yield sightings
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
