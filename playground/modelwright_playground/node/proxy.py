"""The way into the pod network: an HTTP proxy that takes addresses of pods as the API has them.

Asked for 10.244.n.x it goes to 127.244.n.x, where that pod's process listens. It leads to pods of this node only.
Requests and answers are small here, and forwarded whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network

import aiohttp
from aiohttp import web

from modelwright_playground.addresses import local_address
from modelwright_playground.instance import POD_PROXY_PORT

TIMEOUT_SECONDS = 30.0
# Between two neighbours only; lengths are counted anew.
_OF_A_HOP = frozenset({"connection", "proxy-connection", "keep-alive", "transfer-encoding", "content-length", "te"})


class PodProxy:
    """`address` is the node's, `subnet` that of its pods (10.244.`subnet`.0/24)."""

    def __init__(self, address: str, subnet: int) -> None:
        self._address = address
        self._pods = IPv4Network(f"10.244.{subnet}.0/24")
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        self._session = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        self._runner = web.ServerRunner(web.Server(self._forward, access_log=None), shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._address, POD_PROXY_PORT).start()

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    async def _forward(self, request: web.BaseRequest) -> web.StreamResponse:
        assert self._session is not None
        host = request.url.host or ""
        if request.url.scheme != "http" or not self._is_pod(host):
            return web.Response(status=403, text=f"this proxy leads to pods in {self._pods} over http, and only there")
        try:
            async with self._session.request(
                request.method,
                request.url.with_host(local_address(host)),
                headers=_kept(request.headers),
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                return web.Response(status=answer.status, headers=_kept(answer.headers), body=await answer.read())
        except TimeoutError:
            return web.Response(status=504, text="the pod did not answer in time")
        except aiohttp.ClientError:
            return web.Response(status=502, text="the pod cannot be reached")

    def _is_pod(self, host: str) -> bool:
        try:
            return IPv4Address(host) in self._pods
        except AddressValueError:
            return False


def _kept(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers.items() if name.lower() not in _OF_A_HOP]
