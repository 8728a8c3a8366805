"""The HTTP session under prometheus-api-client: bounded in time and size, follows nowhere, believes only whole answers.

It turns every fault into `Unanswered` before the client sees it, because the client drops warnings and puts response
bodies into its exceptions. Nothing of a body leaves this room but the result itself.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3

from modelwright.metrics.reasons import Reason, Unanswered

# Longer queries go as a form: many proxies cut addresses at 8 KiB, and some servers refuse POST altogether.
_LONGEST_ADDRESS = 4096
_CHUNK = 65536


class Whole(requests.Response):
    """A complete answer whose JSON has been read and checked already."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        super().__init__()
        self.status_code = 200
        self._payload = payload

    def json(self, **kwargs: Any) -> Any:
        return self._payload


class BoundedSession(requests.Session):
    """Requests that take at most `timeout` seconds and `largest` bytes. Raises Unanswered, never returns a failure."""

    def __init__(self, *, timeout: float, largest: int) -> None:
        super().__init__()
        # Neither proxies nor ~/.netrc: credentials of the operator's environment are not meant for this server.
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._timeout = timeout
        self._largest = largest

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        deadline = time.monotonic() + self._timeout
        parameters = dict(kwargs.pop("params", None) or {}, timeout=f"{self._timeout:g}s")
        if len(urlencode(parameters)) > _LONGEST_ADDRESS:
            method, kwargs["data"] = "POST", parameters
        else:
            kwargs["params"] = parameters
        kwargs |= {
            "timeout": self._timeout,
            "allow_redirects": False,
            "stream": True,
            # Uncompressed, so that the size on the wire is the size in memory.
            "headers": {"Accept": "application/json", "Accept-Encoding": "identity"},
        }
        try:
            with super().request(method, url, *args, **kwargs) as response:
                _check_status(response.status_code)
                return Whole(_checked(self._read(response, deadline)))
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise self._too_slow() from None
        # Reading from `raw` raises urllib3's own errors, which requests did not get to translate.
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            # The text of these errors holds the whole address with the query; their kind says enough.
            raise Unanswered(Reason.SOURCE_UNAVAILABLE, f"cannot be reached: {type(error).__name__}") from None

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        while True:
            # TRAP: read() waits for the whole chunk, so a server that drips bytes would hold the thread for ever.
            piece = response.raw.read1(_CHUNK)
            if not piece:
                return bytes(body)
            body += piece
            if len(body) > self._largest:
                raise Unanswered(Reason.ANSWER_TOO_LARGE, f"the answer is larger than {self._largest} bytes")
            if time.monotonic() > deadline:
                raise self._too_slow()

    def _too_slow(self) -> Unanswered:
        return Unanswered(Reason.SOURCE_UNAVAILABLE, f"did not answer within {self._timeout:g}s")


def _check_status(status: int) -> None:
    if status == 200:
        return
    if status in (400, 422):
        raise Unanswered(Reason.BAD_QUERY, f"refuses the query as invalid (HTTP {status}), check its PromQL")
    if status in (401, 403):
        raise Unanswered(Reason.FORBIDDEN, f"does not let the operator query it (HTTP {status})")
    if 300 <= status < 400:
        message = f"answers with a redirect (HTTP {status}), which is not followed: configure the address it leads to"
        raise Unanswered(Reason.REDIRECTED, message)
    raise Unanswered(Reason.SOURCE_UNAVAILABLE, f"answers HTTP {status}")


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
