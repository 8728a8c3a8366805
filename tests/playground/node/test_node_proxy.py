"""The proxy into the pod network: it leads to pods by their addresses in the API, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from modelwright_playground.claims import choose
from modelwright_playground.instance import POD_PROXY_PORT, SUBNETS, is_free
from modelwright_playground.node.proxy import PodProxy


@pytest.fixture
async def subnet() -> AsyncIterator[int]:
    """That of a proxy which runs."""
    order = random.sample(SUBNETS, len(SUBNETS))
    subnet = next(n for n in order if is_free(f"127.244.{n}.1", POD_PROXY_PORT) and choose(n))
    proxy = PodProxy(f"127.244.{subnet}.1", subnet)
    await proxy.start()
    yield subnet
    await proxy.close()


@pytest.fixture
async def port(subnet: int) -> AsyncIterator[int]:
    """Where a pod with the address 10.244.<subnet>.9 listens: it says what it was asked."""

    async def answer(request: web.Request) -> web.Response:
        said = f"{request.method} {request.path_qs} {request.host} {await request.text()}"
        return web.Response(status=418, text=said, headers={"x-pod": "churn-1"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, f"127.244.{subnet}.9", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def ask(subnet: int, url: str) -> tuple[int, str, str]:
    proxy = f"http://127.244.{subnet}.1:{POD_PROXY_PORT}"
    async with aiohttp.ClientSession() as session, session.post(url, proxy=proxy, data="rows") as answer:
        return answer.status, await answer.text(), answer.headers.get("x-pod", "")


async def test_a_pod_is_asked_at_its_address_in_the_api(subnet: int, port: int) -> None:
    pod = f"10.244.{subnet}.9:{port}"
    assert await ask(subnet, f"http://{pod}/v2/infer?a=1") == (418, f"POST /v2/infer?a=1 {pod} rows", "churn-1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.244.{subnet}.9", "10.245.0.9", "10.0.0.9", "example.com"])
async def test_it_leads_nowhere_else(subnet: int, port: int, host: str) -> None:
    status, _, pod = await ask(subnet, f"http://{host.format(subnet=subnet)}:{port}/")
    assert (status, pod) == (403, "")


async def test_a_pod_that_does_not_listen_cannot_be_reached(subnet: int, port: int) -> None:
    assert (await ask(subnet, f"http://10.244.{subnet}.10:{port}/"))[0] == 502
