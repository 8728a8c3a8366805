"""`kubectl logs`, by way of the real API server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

Eventually = Callable[..., Awaitable[Any]]


async def test_logs_can_be_followed_cut_and_read_from_the_previous_run(
    node: Any, home: Any, eventually: Eventually
) -> None:
    marker = node.instance.dir / f"{home.name}-go"
    wait = f"until test -e {marker}; do sleep 0.1; done"
    await home.create_pod(f"echo one; echo two; {wait}; echo three; exit 1")
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    following = asyncio.create_task(home.logs("pod", follow="true"))

    async def written() -> bool:
        return bool("two" in (await home.logs("pod"))[1])

    await eventually(written, "the first lines")
    assert await home.logs("pod", tailLines="1") == (200, "two\n")
    assert await home.logs("pod", limitBytes="3") == (200, "one")
    marker.touch()
    assert await following == (200, "one\ntwo\nthree\n")

    async def previous() -> bool:
        return bool(await home.logs("pod", previous="true") == (200, "one\ntwo\nthree\n"))

    await eventually(previous, "the log of the previous run")
    marker.unlink()


async def test_only_holders_of_a_certificate_may_read_logs(node: Any) -> None:
    address = f"https://{node.instance.node_address}:10250"
    trust = ssl.create_default_context(cafile=str(node.instance.pki / "ca.crt"))
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/healthz", ssl=trust) as answer:
            assert (answer.status, await answer.text()) == (200, "ok")
        async with session.get(f"{address}/containerLogs/a/b/c", ssl=trust) as answer:
            assert answer.status == 401
