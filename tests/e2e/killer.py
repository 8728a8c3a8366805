"""Kills the operator's process at random moments, as a node without memory would: by no signal that it could handle."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.e2e.loop import eventually, operator_pod

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD
from modelwright_playground.demo.stage import OPERATOR_NAMESPACE

MOST = 6
"""How often a container may be killed before its back-off, which doubles each time, is all that a test waits for."""


class Killer:
    """`kills` counts the processes that it ended. The same seed chooses the same pauses."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.kills = 0
        self._cluster = cluster
        self._random = random.Random(seed)

    async def kill(self) -> None:
        """SIGKILL to the operator, wherever it is, and wait until its container runs again."""
        pid = await eventually(self._pid, "the operator runs")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1

        async def runs_again() -> bool:
            return await self._pid() not in (None, pid)

        await eventually(runs_again, "the operator runs again")

    @asynccontextmanager
    async def again_and_again(self, shortest: float, longest: float) -> AsyncIterator[None]:
        """Kill with pauses between `shortest` and `longest` seconds while the block lasts, MOST times at most."""
        task = asyncio.create_task(self._go_on(shortest, longest))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _go_on(self, shortest: float, longest: float) -> None:
        for _ in range(MOST):
            await asyncio.sleep(self._random.uniform(shortest, longest))
            await self.kill()

    async def _pid(self) -> int | None:
        for status in (await operator_pod(self._cluster)).get("status", {}).get("containerStatuses", []):
            if "running" in status.get("state", {}):
                return int(status["containerID"].removeprefix("process://"))
        return None


async def fresh_operator(cluster: Cluster) -> None:
    """Delete the operator's pod and wait for another: it has no restarts, and so no back-off, behind it."""
    old = (await operator_pod(cluster))["metadata"]
    await cluster.delete(POD, OPERATOR_NAMESPACE, old["name"], uid=old["uid"])

    async def ready() -> bool:
        pods = [p for p in await cluster.list(POD, OPERATOR_NAMESPACE) if p["metadata"]["uid"] != old["uid"]]
        conditions = [c for pod in pods for c in pod.get("status", {}).get("conditions", [])]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    await eventually(ready, "another pod of the operator is ready")
