"""Asking a container how it is: HTTP, TCP or a command. Also what lifecycle hooks do."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from modelwright_playground.addresses import local_address
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.expansion import expand, localise
from modelwright_playground.node.probes import Port
from modelwright_playground.node.process import spawn


@dataclass(frozen=True)
class Target:
    """Where a container's process is. `address` is the local one (127.…).

    `log` takes the output of exec, and `records` is the folder where the running process is noted.
    """

    container: Mapping[str, Any]
    address: str
    environment: Mapping[str, str]
    mounts: Mapping[str, str]
    folder: Path
    log: Path
    records: Path


@dataclass(frozen=True)
class Result:
    ok: bool
    message: str = ""


Check = Callable[[Mapping[str, Any], Target, float], Awaitable[Result]]


async def check(action: Mapping[str, Any], target: Target, timeout: float) -> Result:
    """Do one `httpGet`, `tcpSocket`, `exec` or `sleep` within `timeout` seconds. Never raises for what it finds."""
    try:
        async with asyncio.timeout(timeout):
            match action:
                case {"httpGet": what}:
                    return await _http(what, target)
                case {"tcpSocket": what}:
                    return await _tcp(what, target)
                case {"exec": what}:
                    return await _exec(what.get("command") or [], target)
                case {"sleep": what}:
                    await asyncio.sleep(what["seconds"])
                    return Result(True)
    except TimeoutError:
        return Result(False, f"no answer within {timeout:g}s")
    except (OSError, aiohttp.ClientError) as error:
        return Result(False, type(error).__name__)
    except CannotStart as error:
        return Result(False, error.message)
    return Result(True)


async def _http(what: Mapping[str, Any], target: Target) -> Result:
    scheme = what.get("scheme", "HTTP").lower()
    host = local_address(what.get("host") or target.address)
    port = Port.resolve(what["port"], target.container).number
    path = what.get("path") or "/"
    headers = {"User-Agent": "kube-probe/playground", "Accept": "*/*"}
    headers |= {header["name"]: header["value"] for header in what.get("httpHeaders") or []}
    # A connection per probe, as the kubelet's: a kept one would ask a process that no longer listens.
    connector = aiohttp.TCPConnector(force_close=True, ssl=False)
    url = f"{scheme}://{host}:{port}/{path.removeprefix('/')}"
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.get(url, headers=headers, allow_redirects=False) as answer,
    ):
        return Result(200 <= answer.status < 400, f"HTTP probe failed with statuscode: {answer.status}")


async def _tcp(what: Mapping[str, Any], target: Target) -> Result:
    port = Port.resolve(what["port"], target.container).number
    _, writer = await asyncio.open_connection(local_address(what.get("host") or target.address), port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return Result(True)


async def _exec(command: Sequence[str], target: Target) -> Result:
    arguments = [localise(expand(part, target.environment), target.mounts) for part in command]
    record_file = target.records / f"exec-{uuid.uuid4().hex}.pid"
    child = await spawn(arguments, target.environment, target.folder, target.log, record_file)
    try:
        code = await child.wait()
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    return Result(code == 0, f"command ended with exit code {code}")
