"""The HTTP session beneath prometheus-api-client: bounded in time and size, and strict about what counts as an answer.

The library has no time-out by default, follows redirects, and drops `status` and `warnings`. This session checks all of
that before the library sees a response. The text of a response never leaves this room.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

import requests

from modelwright.metrics.credentials import Credentials
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.web.bounded import BoundedClient, Reply, TooLarge, Unreachable

# Longer queries go as a form: many proxies cut addresses at 8 KiB, and some servers refuse POST altogether.
_LONGEST_ADDRESS = 4096
# However long a server asks to be left alone: it may be mistaken, and a rollout waits for it.
LONGEST_RETRY_AFTER = 120.0

Sign = Callable[[str, str, Mapping[str, str], bytes], Mapping[str, str]]
"""Method, address, headers and body of a request to the headers that sign it."""


class Whole(requests.Response):
    """A complete answer whose JSON has been read and checked already."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self._payload = payload

    def json(self, **kwargs: Any) -> Any:
        return self._payload


class BoundedSession(requests.Session):
    """Requests that take at most `timeout` seconds and `largest` bytes. Raises Unanswered, never returns a failure.

    It is a requests.Session because the library wants one, and asks through urllib3 itself: that takes half the
    processor time (docs/sources.md), and reads neither proxies nor ~/.netrc, which are not meant for this server.
    """

    def __init__(
        self,
        *,
        timeout: float,
        largest: int,
        connections: int = 8,
        credentials: Credentials = Credentials(),
        parameters: Mapping[str, str] | None = None,
        sign: Sign | None = None,
        doubts_refusals: bool = False,
    ) -> None:
        super().__init__()
        self._timeout = timeout
        self._credentials = credentials
        self._parameters = dict(parameters or {})
        self._sign = sign
        self._doubts_refusals = doubts_refusals
        self._client = BoundedClient(
            timeout=timeout, largest=largest, connections=connections, credentials=Credentials(tls=credentials.tls)
        )

    def close(self) -> None:
        self._client.close()
        super().close()

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        parameters = {**(kwargs.get("params") or {}), **self._parameters, "timeout": f"{self._timeout:g}s"}
        # TRAP: a space as `+` is signed as `+` by AWS' libraries, and read back as a space by who checks the signature.
        encoded = urlencode(parameters, quote_via=quote)
        address, body, verb = str(url), b"", str(method)
        headers: dict[str, str] = {}
        if len(encoded) > _LONGEST_ADDRESS:
            verb, body = "POST", encoded.encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        else:
            address = f"{address}?{encoded}"
        headers |= self._credentials.sent()
        if self._sign:
            headers |= self._sign(verb, address, headers, body)
        try:
            reply = self._client.send(verb, address, body, headers, is_read=_has_an_answer)
        except TooLarge as error:
            raise Unanswered(Reason.ANSWER_TOO_LARGE, str(error)) from None
        except Unreachable as error:
            raise Unanswered(Reason.SOURCE_UNAVAILABLE, str(error)) from None
        self._check_status(reply)
        return Whole(_checked(reply.body))

    def _check_status(self, reply: Reply) -> None:
        status = reply.status
        if _has_an_answer(status):
            return
        if status == 422 and self._doubts_refusals:
            message = "could not carry out the query (HTTP 422): a part of it is away, or the PromQL asks too much"
            raise Unanswered(Reason.SOURCE_UNAVAILABLE, message)
        if status in (400, 422):
            raise Unanswered(Reason.BAD_QUERY, f"refuses the query as invalid (HTTP {status}), check its PromQL")
        if status in (401, 403):
            raise Unanswered(Reason.FORBIDDEN, f"does not let the operator query it (HTTP {status})")
        if 300 <= status < 400:
            message = f"answers with a redirect (HTTP {status}), which is not followed: configure where it leads to"
            raise Unanswered(Reason.REDIRECTED, message)
        if 400 <= status < 500 and status not in (408, 425, 429):
            raise Unanswered(Reason.REFUSED, f"answers HTTP {status}: its address leads to no Prometheus API")
        retry_after = _seconds(reply.retry_after)
        asked = " and asks to be left alone" if retry_after else ""
        raise Unanswered(Reason.SOURCE_UNAVAILABLE, f"answers HTTP {status}{asked}", retry_after)


def _has_an_answer(status: int) -> bool:
    return status == 200


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in its form of seconds. The other form, a date, would depend on the two clocks agreeing."""
    if retry_after is None or not (retry_after.isascii() and retry_after.isdigit()):
        return None
    return min(float(retry_after), LONGEST_RETRY_AFTER)


def _checked(body: bytes) -> Mapping[str, Any]:
    """The payload of a whole and undisputed answer. `infos` are hints about PromQL and take nothing away."""
    try:
        # TRAP: json.loads takes NaN and Infinity, which are not JSON. Prometheus writes them as strings.
        payload = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Unanswered(Reason.NOT_PROMETHEUS, "the answer is not JSON") from None
    if not isinstance(payload, dict) or "data" not in payload or payload.get("status") != "success":
        raise Unanswered(Reason.NOT_PROMETHEUS, "the answer is not one of the Prometheus API")
    warnings = payload.get("warnings")
    if warnings:
        count = len(warnings) if isinstance(warnings, list) else 1
        raise Unanswered(Reason.PARTIAL_ANSWER, f"the answer carries {count} warning(s), so it may not be whole")
    if payload.get("isPartial"):
        raise Unanswered(Reason.PARTIAL_ANSWER, "the answer says that it is partial")
    return payload


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
