"""One request that takes at most so many seconds and bytes, follows no redirect, and proves who asks.

What a server says never leaves this room but as the bytes that the caller asked for: messages name kinds of failures.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import urllib3
from urllib3.response import BaseHTTPResponse

from modelwright.metrics.credentials import Credentials
from modelwright.metrics.reasons import Unanswered

_CHUNK = 65536


class Unreachable(Exception):
    """Nobody answered, or nothing that can be used. The message is for people, and holds nothing of the answer."""


class TooLarge(Unreachable):
    """There is an answer, of more bytes than anybody reads."""


def _any_status(status: int) -> bool:
    return True


@dataclass(frozen=True)
class Reply:
    """`retry_after` is the header of that name, as it came."""

    status: int
    body: bytes
    retry_after: str | None = None

    def object(self) -> Mapping[str, Any]:
        """The body as a JSON object. Unreachable where it is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unreachable("the answer is not JSON") from None
        if not isinstance(found, dict):
            raise Unreachable("the answer is not a JSON object")
        return found


class BoundedClient:
    """Safe to use from many threads. `timeout` (seconds) is for the whole request, `largest` (bytes) for its answer.

    With `proxy` ("http://host:port") all requests go through that one; it reads those that are not https.
    """

    def __init__(
        self,
        *,
        timeout: float,
        largest: int,
        connections: int = 4,
        credentials: Credentials = Credentials(),
        proxy: str = "",
    ) -> None:
        self._timeout = timeout
        self._largest = largest
        self._credentials = credentials
        tls = credentials.tls
        pools = partial(urllib3.ProxyManager, proxy) if proxy else urllib3.PoolManager
        # TRAP: given as paths, the files are read for each new connection, so that rotated ones are taken up.
        self._pools = pools(
            maxsize=connections,
            retries=False,
            cert_reqs="CERT_REQUIRED",
            ca_certs=tls.ca_file or None,
            cert_file=tls.certificate_file or None,
            key_file=tls.key_file or None,
        )

    def close(self) -> None:
        self._pools.clear()

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        is_read: Callable[[int], bool] = _any_status,
    ) -> Reply:
        """The reply, whatever its status; its body only where `is_read` says so. Raises Unreachable without one."""
        deadline = time.monotonic() + self._timeout
        # Uncompressed, so that the size on the wire is the size in memory.
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "modelwright"}
        try:
            sent |= {**(headers or {}), **self._credentials.sent()}
        except Unanswered as unanswered:
            raise Unreachable(unanswered.message) from None
        try:
            response = self._pools.request(
                method,
                url,
                body=body or None,
                headers=sent,
                timeout=self._timeout,
                redirect=False,
                preload_content=False,
            )
            try:
                retry_after = response.headers.get("Retry-After")
                if not is_read(response.status):
                    response.close()
                    return Reply(response.status, b"", retry_after)
                reply = Reply(response.status, self._read(response, deadline), retry_after)
            except BaseException:
                # A connection with an unread answer in it must not be used again.
                response.close()
                raise
            response.release_conn()
            return reply
        except urllib3.exceptions.TimeoutError:
            raise self._too_slow() from None
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # The text of these errors holds the whole address; their kind says enough.
            raise Unreachable(f"cannot be reached: {type(error).__name__}") from None

    def _read(self, response: BaseHTTPResponse, deadline: float) -> bytes:
        body = bytearray()
        while True:
            # TRAP: read() waits for the whole chunk, so a server that drips bytes would hold the thread for ever.
            piece = response.read1(_CHUNK)
            if not piece:
                return bytes(body)
            body += piece
            if len(body) > self._largest:
                raise TooLarge(f"the answer is larger than {self._largest} bytes")
            if time.monotonic() > deadline:
                raise self._too_slow()

    def _too_slow(self) -> Unreachable:
        return Unreachable(f"did not answer within {self._timeout:g}s")
