"""A server for each ready pod, at the address that the pod has, which answers with the pod's revision."""

from __future__ import annotations

import socket
from abc import abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD
from modelwright_playground.addresses import local_address

Stop = Callable[[], Awaitable[Any]]


class Servers:
    """`asked` counts requests by version, also those that nobody waits for."""

    def __init__(self) -> None:
        # Held, so that no other process picks the same port: it has to be one for all pods.
        self._held = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._held.getsockname()[1]
        self.asked: Counter[str] = Counter()
        self._running: dict[str, Stop] = {}

    async def follow(self, cluster: Cluster, namespace: str) -> None:
        """Start what is new and stop what is gone."""
        pods = {pod["metadata"]["name"]: pod for pod in await cluster.list(POD, namespace)}
        for name in set(self._running) - set(pods):
            await self._running.pop(name)()
        for name, pod in pods.items():
            address = pod.get("status", {}).get("podIP")
            if address and name not in self._running:
                labels = pod["metadata"]["labels"]
                version = labels.get("modelwright.dev/revision") or labels["app"]
                self._running[name] = await self.serve(version, local_address(address))

    @abstractmethod
    async def serve(self, version: str, address: str) -> Stop:
        """Begin to answer with `version`, and return what ends it."""

    async def stop(self) -> None:
        for stop in self._running.values():
            await stop()
        self._held.close()


class HttpServers(Servers):
    """Answers any path over HTTP/1.1."""

    async def serve(self, version: str, address: str) -> Stop:
        async def answer(_: web.Request) -> web.Response:
            self.asked[version] += 1
            return web.Response(text=version)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, address, self.port).start()
        return runner.cleanup


class GrpcServers(Servers):
    """Answers any method of gRPC, over HTTP/2 without TLS, with the version as the bytes of the message."""

    async def serve(self, version: str, address: str) -> Stop:
        async def answer(_: bytes, __: Any) -> bytes:
            self.asked[version] += 1
            return version.encode()

        class AnyMethod(grpc.GenericRpcHandler):  # type: ignore[misc]
            def service(self, details: Any) -> Any:
                return grpc.unary_unary_rpc_method_handler(answer)

        server = grpc.aio.server()
        server.add_generic_rpc_handlers((AnyMethod(),))
        assert server.add_insecure_port(f"{address}:{self.port}") == self.port
        await server.start()
        return lambda: server.stop(grace=None)
