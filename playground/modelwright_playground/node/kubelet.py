"""The kubelet's HTTPS API, as far as `kubectl logs` needs it. Listening on it is also the claim on the pod subnet."""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from modelwright.errors import ModelwrightError
from modelwright_playground.instance import KUBELET_PORT
from modelwright_playground.node.logs import read_log
from modelwright_playground.node.pod import Pod

FindPod = Callable[[str, str], Pod | None]


class PortTaken(ModelwrightError):
    """Another program listens where this node has to."""


class KubeletServer:
    """`find` gives the pod of a namespace and name. `pki` holds node.crt, node.key and ca.crt."""

    def __init__(self, address: str, pki: Path, find: FindPod) -> None:
        self._address = address
        self._pki = pki
        self._find = find
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; PortTaken when somebody else does."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self._pki / "ca.crt"))
        context.load_cert_chain(self._pki / "node.crt", self._pki / "node.key")
        # /healthz is open to all; what shows logs asks for a certificate itself.
        context.verify_mode = ssl.CERT_OPTIONAL
        app = web.Application()
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address, KUBELET_PORT, ssl_context=context).start()
        except OSError as error:
            await self._runner.cleanup()
            if error.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(
                f"{self._address}:{KUBELET_PORT} is in use: another playground has this subnet; stop it first"
            ) from error

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        if request.transport is None or not request.transport.get_extra_info("peercert"):
            return web.Response(status=401, text="a client certificate of this playground is needed")
        namespace, name, container = (request.match_info[part] for part in ("namespace", "pod", "container"))
        pod = self._find(namespace, name)
        if pod is None:
            return web.Response(status=404, text=f"pod {namespace}/{name} does not run on this node")
        query = request.query
        timed = ("timestamps", "sinceSeconds", "sinceTime")
        if refused := [key for key in timed if query.get(key, "false") != "false"]:
            text = f"{refused[0]} is not supported: the playground's node does not know when a line was written"
            return web.Response(status=400, text=text)
        try:
            tail, limit = (int(query[key]) if key in query else None for key in ("tailLines", "limitBytes"))
        except ValueError:
            return web.Response(status=400, text="tailLines and limitBytes have to be numbers")
        previous = query.get("previous") == "true"
        file = pod.log_file(container, previous)
        if file is None or not file.exists():
            kind = "previous run" if previous else "run"
            return web.Response(status=404 if file is None else 400, text=f"container {container} has no {kind} yet")
        follow = (lambda: pod.is_running(container)) if query.get("follow") == "true" and not previous else None
        answer = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await answer.prepare(request)
        async for block in read_log(file, tail_lines=tail, limit_bytes=limit, follow=follow):
            await answer.write(block)
        return answer
