"""The preset for Envoy, on the counters of the playground's own Envoy as its own Prometheus keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from modelwright.analysis.counts import Counts
from modelwright.api.metrics import Proportion
from modelwright.api.presets import Preset, Server, preset_proportion
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.metrics.variables import render, selector
from modelwright_playground.controlplane.build import binary
from modelwright_playground.gateway.delivery import Delivery
from modelwright_playground.gateway.envoy import Envoy
from modelwright_playground.gateway.translate import translate
from modelwright_playground.instance import Instance
from modelwright_playground.prometheus.server import Prometheus

ADDRESS = "10.245.0.7"
CANDIDATE = {"selector": selector("ml", "churn", "bbbb")}


async def _answer(request: web.Request) -> web.Response:
    return web.Response(status=503 if request.path == "/fails" else 200)


@pytest.fixture
async def model() -> AsyncIterator[int]:
    """The port of a server that fails where it is asked to."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127" + ADDRESS.removeprefix("10"), 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def instance(given: Any, model: int, tmp_path: Path, programs: None) -> AsyncIterator[Instance]:
    """Envoy with a route whose requests all go to the candidate of the rollout `churn`, and Prometheus."""
    instance = Instance.create("test", tmp_path)
    ports = instance.ports
    envoy = Envoy(instance.dir / "envoy", ports.gateway, ports.envoy_admin)
    prometheus = Prometheus(binary("prometheus"), instance.dir / "prometheus", ports.prometheus, ports.envoy_admin)
    delivery = Delivery(envoy)
    delivery.begin()
    try:
        await envoy.start()
        await prometheus.start()
        services = (given.service("churn-stable", "aaaa"), given.service("churn-candidate", "bbbb"))
        rule = given.split(**{"churn-stable": 0, "churn-candidate": 100})
        slices = (given.slice("churn-candidate", ADDRESS, port=model),)
        observed = given.observed(given.route(rules=[rule]), services=services, slices=slices)
        await delivery.load(translate(observed, delivery.endpoints_folder).resources)
        yield instance
    finally:
        await prometheus.process.stop()
        await envoy.stop()


async def send(instance: Instance, *paths: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in paths:
            async with session.get(f"{instance.gateway_url}{path}"):
                pass


async def counted(asker: Asker, proportion: Proportion, since: datetime, least: int) -> Counts:
    """What was counted `since`, once it is at least so much: answers are counted at once, and scraped every second."""
    events, total = (render(counter, CANDIDATE) for counter in (proportion.events, proportion.total))
    question = CountsQuestion("playground", "m", "candidate", events, total, timedelta(microseconds=1), since=since)
    async with asyncio.timeout(60):
        while True:
            look = await asyncio.to_thread(asker.ask, question)
            if isinstance(look, CountsLook) and look.counts.total >= least:
                return look.counts
            await asyncio.sleep(0.2)


async def test_the_preset_counts_what_the_gateway_saw_of_one_revision(instance: Instance) -> None:
    source = MetricSource("playground", instance.prometheus_url, timedelta(seconds=1))
    asker, since = Asker({"playground": Source(source)}), datetime.now(UTC)
    await send(instance, *["/"] * 40, *["/fails"] * 7)
    assert await counted(asker, preset_proportion(Preset.REQUEST_ERRORS, Server.ENVOY), since, 47) == Counts(7, 47)
    slow = preset_proportion(Preset.SLOW_REQUESTS, Server.ENVOY, timedelta(seconds=5))
    assert await counted(asker, slow, since, 47) == Counts(0, 47)
