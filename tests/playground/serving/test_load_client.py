"""The load beside a gateway that is silent, slow or wrong: bounded, and every request is accounted for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from modelwright_playground.load import client as client_module
from modelwright_playground.load.client import Client, Target, label_of
from modelwright_playground.load.lake import Appender
from modelwright_playground.load.stats import Stats
from modelwright_playground.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Sending:
    client: Client
    stats: Stats
    task: asyncio.Task[None]


Send = Callable[[Handler], Awaitable[Sending]]


@pytest.fixture
async def send(tmp_path: Path) -> AsyncIterator[Send]:
    """Send 200 rows a second to a handler, until the test ends."""
    cleanup: list[Callable[[], Awaitable[object]]] = []

    async def go(handler: Handler) -> Sending:
        app = web.Application()
        app.router.add_post("/v2/models/churn/infer", handler)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        stats, labels = Stats(), Appender([tmp_path / "rows.jsonl"])
        target = Target(str(server.make_url("")), "churn.example.com", "churn")
        client = Client(target, World(1), stats, labels, 200.0, 0.0)
        task = asyncio.create_task(client.run())

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            labels.close()
            await server.close()

        cleanup.append(stop)
        return Sending(client, stats, task)

    yield go
    for each in cleanup:
        await each()


def total(stats: Stats) -> Any:
    found: Any = stats.report(0.0)
    return found["total"]


async def test_a_silent_gateway_times_out_and_never_holds_more_than_the_bound(
    monkeypatch: pytest.MonkeyPatch, send: Send, eventually: Callable[..., Any]
) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(client_module, "MAX_IN_FLIGHT", 10)
    waiting = most = 0

    async def silent(_: web.Request) -> web.Response:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        try:
            await asyncio.Event().wait()
        finally:
            waiting -= 1
        return web.Response()

    stats = (await send(silent)).stats

    async def timed_out() -> bool:
        return bool(total(stats)["failedBy"].get("timeout", 0) >= 15)

    await eventually(timed_out, "15 requests have timed out")
    found = total(stats)
    assert found["skipped"] > 0
    assert found["inFlight"] <= 10
    assert most <= 20  # those that wait, and those whose end the server has not noticed yet


async def test_the_host_header_is_the_routes_and_each_answer_must_be_the_requests_own(
    send: Send, eventually: Callable[..., Any]
) -> None:
    hosts = set()

    async def confused(request: web.Request) -> web.Response:
        hosts.add(request.headers["Host"])
        return web.json_response({"id": "another", "outputs": [{"name": "label", "data": [1]}]})

    stats = (await send(confused)).stats

    async def failed() -> bool:
        return bool(total(stats)["failed"] >= 5)

    await eventually(failed, "5 answers were refused")
    assert set(total(stats)["failedBy"]) == {"answer"}
    assert hosts == {"churn.example.com"}


async def test_a_gateways_own_error_belongs_to_no_version(send: Send, eventually: Callable[..., Any]) -> None:
    async def unavailable(_: web.Request) -> web.Response:
        return web.Response(status=503, text="no healthy upstream")

    stats = (await send(unavailable)).stats

    async def failed() -> bool:
        return bool(total(stats)["failed"] >= 5)

    await eventually(failed, "5 requests failed")
    assert set(total(stats)["failedBy"]) == {"503"}
    assert set(total(stats)["versions"]) == {"unknown"}


async def test_a_pause_may_come_at_any_moment(send: Send) -> None:
    async def unavailable(_: web.Request) -> web.Response:
        return web.Response(status=503)

    sending = await send(unavailable)
    while total(sending.stats)["sent"] < 500 and not sending.task.done():
        for rate in (0.0, 2000.0):
            sending.client.rate = rate
            # Less than one request's time: the change meets a request that is just due.
            await asyncio.sleep(0.0004)
    assert not sending.task.done()


@pytest.mark.parametrize(
    "body",
    [{}, [], {"id": "a"}, {"id": "a", "outputs": {}}, {"id": "a", "outputs": [{"name": "label", "data": []}]}, None],
)
def test_an_answer_without_a_label_is_an_error_that_the_client_expects(body: Any) -> None:
    with pytest.raises((ValueError, LookupError, TypeError)):
        label_of(body, "a")
