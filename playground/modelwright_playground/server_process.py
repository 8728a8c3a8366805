"""Somebody else's server, run as our child: Envoy, Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import aiohttp

from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent
from modelwright_playground.instance import is_free

_POLL = 0.05


class CannotServe(ModelwrightError):
    """The server cannot run. The message says what was found and what is needed."""


class ServerProcess:
    """One server. `name` is for people; `ports` are those on 127.0.0.1 that it will listen on."""

    def __init__(self, name: str, command: Sequence[str], ports: Sequence[int], ready_url: str) -> None:
        self._name = name
        self._command = command
        self._ports = ports
        self._ready_url = ready_url
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and return once `ready_url` answers 200. CannotServe when it cannot run."""
        for port in self._ports:
            if not is_free("127.0.0.1", port):
                raise CannotServe(f"{self._name} needs port {port}, which another program uses: stop that program")
        try:
            # A session of its own: a Ctrl-C at the terminal reaches it only through us, in our order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True, preexec_fn=dies_with_parent()
            )
        except FileNotFoundError as error:
            raise CannotServe(f"the program of {self._name} is missing: run `make clean`, then start again") from error
        ended = asyncio.create_task(self.ended())
        ready = asyncio.create_task(self._ready())
        try:
            await asyncio.wait({ended, ready}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
        finally:
            ended.cancel()
            ready.cancel()

    async def ended(self) -> None:
        """Wait until the server ends by itself, which it should not: always raises CannotServe."""
        assert self._process is not None, "ended() before start()"
        code = await self._process.wait()
        raise CannotServe(f"{self._name} ended with code {code}; its own messages above say why")

    async def stop(self, grace: float = 5.0) -> None:
        """Ask it to end, and insist after `grace` seconds. Returns when it is gone; fine if it never started."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _ready(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while True:
                try:
                    async with session.get(self._ready_url) as answer:
                        if answer.status == 200:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                await asyncio.sleep(_POLL)
