"""A real Prometheus scrapes what pods on a real API server ask for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD
from modelwright_playground.controlplane.build import binary
from modelwright_playground.instance import Instance
from modelwright_playground.prometheus.__main__ import follow
from modelwright_playground.prometheus.server import Prometheus
from modelwright_playground.watching import Watching

PATIENCE = 120
# One of its labels claims to be one of ours.
METRICS = '# TYPE demo_total counter\ndemo_total{namespace="liar"} 7\n'


class Metrics:
    """A metrics page on a pod's own address, which counts how often it is read."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._read = 0
        self._page = asyncio.Condition()
        self.port = 0
        app = web.Application()
        app.router.add_get("/stats", self._answer)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Metrics:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, _: web.Request) -> web.Response:
        async with self._page:
            self._read += 1
            self._page.notify_all()
        return web.Response(text=METRICS, content_type="text/plain")

    async def read_again(self, times: int) -> None:
        """Wait for `times` more scrapes: all but the last have then been stored."""
        async with self._page:
            goal = self._read + times
            await asyncio.wait_for(self._page.wait_for(lambda: self._read >= goal), PATIENCE)


@pytest.fixture
async def prometheus_url(cluster: Cluster, tmp_path: Path) -> AsyncIterator[str]:
    """A Prometheus that follows the pods of the cluster."""
    instance = Instance.create("test", tmp_path)
    ports = instance.ports
    prometheus = Prometheus(binary("prometheus"), tmp_path, ports.prometheus, ports.envoy_admin)
    watching = Watching(cluster, [POD])
    tasks: set[asyncio.Task[None]] = set()
    try:
        await prometheus.start()
        tasks = {asyncio.create_task(watching.run()), asyncio.create_task(follow(watching, prometheus))}
        yield instance.prometheus_url
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await prometheus.process.stop()


async def ask(url: str, path: str, **query: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url + path, params=query) as answer:
        return (await answer.json())["data"]


@pytest.fixture
async def pod(cluster: Cluster, metrics: Metrics) -> AsyncIterator[str]:
    """The name of an annotated pod at 10.245.0.5. A scheduling gate keeps every node's hands off it."""
    name = f"scraped-{uuid.uuid4().hex[:8]}"
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(metrics.port),
        "prometheus.io/path": "/stats",
    }
    labels = {"modelwright.dev/rollout": "churn", "modelwright.dev/revision": "77d0aa91c2"}
    await cluster.create(
        POD,
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "default", "name": name, "labels": labels, "annotations": annotations},
            "spec": {
                "containers": [{"name": "server", "image": "none"}],
                "schedulingGates": [{"name": "modelwright.dev/test"}],
                "automountServiceAccountToken": False,
            },
        },
    )
    status = {"phase": "Running", "podIP": "10.245.0.5", "podIPs": [{"ip": "10.245.0.5"}]}
    await cluster.merge_patch(POD, "default", name, {"status": status}, subresource="status")
    yield name
    await cluster.delete(POD, "default", name)


@pytest.fixture
async def metrics() -> AsyncIterator[Metrics]:
    async with Metrics("127.245.0.5") as metrics:
        yield metrics


async def test_an_annotated_pod_is_scraped_under_its_names(prometheus_url: str, pod: str, metrics: Metrics) -> None:
    async with asyncio.timeout(PATIENCE):
        # A scrape that Prometheus gives up has been read all the same.
        while not (found := (await ask(prometheus_url, "/api/v1/query", query=f'demo_total{{pod="{pod}"}}'))["result"]):
            await metrics.read_again(1)
    (series,) = found
    assert series["value"][1] == "7"
    assert series["metric"] == {
        "__name__": "demo_total",
        "job": "pods",
        "instance": f"127.245.0.5:{metrics.port}",
        "namespace": "default",
        "exported_namespace": "liar",
        "pod": pod,
        "rollout": "churn",
        "revision": "77d0aa91c2",
    }


async def test_a_pod_that_is_gone_is_no_target_any_more(
    prometheus_url: str, pod: str, metrics: Metrics, cluster: Cluster
) -> None:
    await metrics.read_again(1)
    await cluster.delete(POD, "default", pod)
    async with asyncio.timeout(PATIENCE):
        while pod in await scraped_pods(prometheus_url):
            pass


async def scraped_pods(url: str) -> set[str]:
    targets = await ask(url, "/api/v1/targets", state="active")
    return {target["labels"].get("pod", "") for target in targets["activeTargets"]}
