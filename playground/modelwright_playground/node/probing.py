"""Runs the probes of one running container: startup first, then readiness and liveness side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from modelwright_playground.node.checks import Target, check
from modelwright_playground.node.probes import Probe, Standing

KINDS = ("startupProbe", "readinessProbe", "livenessProbe")


def parse_probes(container: Mapping[str, Any]) -> dict[str, Probe]:
    """The container's probes by kind; CannotStart for one that this node cannot do."""
    return {
        kind: Probe.parse(container[kind], f"{kind} of container {container['name']}")
        for kind in KINDS
        if container.get(kind)
    }


class Probing:
    """`ready` and `started` as of now. `changed` is called when they change, `unhealthy` when the container must go.

    `unhealthy` is given a message for people and the probe's own grace period in seconds, if it has one.
    """

    def __init__(
        self,
        probes: Mapping[str, Probe],
        target: Target,
        changed: Callable[[], None],
        unhealthy: Callable[[str, int | None], None],
    ) -> None:
        self._probes = probes
        self._target = target
        self._changed = changed
        self._unhealthy = unhealthy
        self.started = "startupProbe" not in probes
        self.ready = self.started and "readinessProbe" not in probes

    async def run(self) -> None:
        """Probe until cancelled."""
        if startup := self._probes.get("startupProbe"):
            if not await self._until_decided(startup, "Startup"):
                return
            self.started = True
            self.ready = "readinessProbe" not in self._probes
            self._changed()
        async with asyncio.TaskGroup() as both:
            if readiness := self._probes.get("readinessProbe"):
                both.create_task(self._watch_readiness(readiness))
            if liveness := self._probes.get("livenessProbe"):
                both.create_task(self._until_unhealthy(liveness))

    async def _watch_readiness(self, probe: Probe) -> None:
        standing = Standing(passing=False)
        await asyncio.sleep(probe.initial_delay)
        while True:
            result = await check(probe.action, self._target, probe.timeout)
            standing = standing.after(result.ok, probe)
            if standing.passing != self.ready:
                self.ready = bool(standing.passing)
                self._changed()
            await asyncio.sleep(probe.period)

    async def _until_unhealthy(self, probe: Probe) -> None:
        standing = Standing(passing=True)
        await asyncio.sleep(probe.initial_delay)
        while standing.passing:
            result = await check(probe.action, self._target, probe.timeout)
            standing = standing.after(result.ok, probe)
            if not standing.passing:
                self._unhealthy(f"Liveness probe failed: {result.message}", probe.grace)
                return
            await asyncio.sleep(probe.period)

    async def _until_decided(self, probe: Probe, name: str) -> bool:
        standing = Standing(passing=None)
        await asyncio.sleep(probe.initial_delay)
        while True:
            result = await check(probe.action, self._target, probe.timeout)
            standing = standing.after(result.ok, probe)
            if standing.passing is not None:
                if not standing.passing:
                    self._unhealthy(f"{name} probe failed: {result.message}", probe.grace)
                return standing.passing
            await asyncio.sleep(probe.period)
