"""The address for events: `POST /events/<receiver>/<namespace>`. 202 means stored, else: mend it, or send it again.

It runs in every replica: who leads is no matter for taking something in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from aiohttp import web

from modelwright.cluster.access import Cluster
from modelwright.errors import Conflict, InvalidSpec, ModelwrightError, Unavailable
from modelwright.receiving.authenticity import SecretUnusable, is_authentic
from modelwright.receiving.configuration import Receiver
from modelwright.receiving.formats import read
from modelwright.receiving.inbox import Full
from modelwright.receiving.rate import Bucket
from modelwright.receiving.storing import store

log = logging.getLogger(__name__)

LARGEST_BODY = 256 * 1024
"""Bytes: more than a hundred alerts with all their labels."""


class EventServer:
    """Serves the receivers until it is closed."""

    def __init__(self, cluster: Cluster, receivers: Mapping[str, Receiver], now: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._receivers = receivers
        self._buckets = {name: Bucket(receiver.per_minute) for name, receiver in receivers.items()}
        self._now = now
        self._runner: web.AppRunner | None = None

    async def start(self, address: str, port: int) -> int:
        """Listen, and return the port. Raises Unavailable where it is taken."""
        app = web.Application(client_max_size=LARGEST_BODY)
        app.add_routes([web.post("/events/{receiver}/{namespace}", self._receive)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, address, port)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(f"cannot serve events on {address}:{port}: {error.strerror or error}") from None
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        receiver = self._receivers.get(request.match_info["receiver"])
        # What is not there and what is not allowed look the same from outside.
        if receiver is None or not receiver.allows(request.match_info["namespace"]):
            return _answer(404, "there is no such receiver for this namespace")
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        try:
            if not is_authentic(receiver, headers, body, self._now()):
                return _answer(401, "the token or the signature is not the one that the platform configured")
            # Only now: strangers must not use up what the sender may send.
            if wait := self._buckets[receiver.name].take(self._now()):
                return _later(429, "too many requests", wait)
            occurrences = read(receiver.format, headers, body)
            matched = await store(self._cluster, request.match_info["namespace"], occurrences, self._now)
        except SecretUnusable:
            log.error("receiver %s: its secret cannot be read", receiver.name)
            return _later(503, "the receiver's secret cannot be read by the operator", timedelta(seconds=30))
        except InvalidSpec as error:
            return _answer(400, str(error))
        except Full:
            return _later(429, "a policy has too many events waiting", timedelta(minutes=1))
        except Conflict:
            return _later(503, "not stored", timedelta(seconds=1))
        except ModelwrightError as error:
            log.warning("receiver %s: not stored: %s", receiver.name, error)
            return _later(503, "not stored", timedelta(seconds=10))
        return web.json_response({"matched": matched}, status=202 if matched else 200)


def _answer(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


def _later(status: int, message: str, after: timedelta) -> web.Response:
    response = _answer(status, message)
    response.headers["Retry-After"] = str(max(1, round(after.total_seconds())))
    return response
