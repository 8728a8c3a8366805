"""Calls webhooks: signed, bounded, and deaf to all but the status of the answer.

`X-Modelwright-Signature: sha256=<hex>` is the HMAC-SHA-256 of `<timestamp>.<body>` with the platform's key, where
`X-Modelwright-Timestamp` is in unix seconds: the receiver refuses what is old, and remembers `X-Modelwright-Id`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from modelwright.metrics.credentials import Credentials
from modelwright.web.bounded import BoundedClient, Unreachable
from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Call, Heard, Outcome

LARGEST_ANSWER = 4096
LARGEST_KEY = 4096
SMALLEST_KEY = 16
DENIALS = (403, 409)


class Asker:
    """Calls the configured webhooks. Safe to use from many threads. `clock` gives unix seconds."""

    def __init__(self, webhooks: Mapping[str, Webhook], clock: Callable[[], float] = time.time) -> None:
        self._webhooks = dict(webhooks)
        self._clock = clock
        self._clients = {
            name: BoundedClient(
                timeout=webhook.timeout.total_seconds(),
                largest=LARGEST_ANSWER,
                credentials=Credentials(tls=webhook.tls),
            )
            for name, webhook in webhooks.items()
        }

    def ask(self, call: Call) -> Heard:
        about = f"webhook {call.webhook!r}"
        webhook = self._webhooks.get(call.webhook)
        if webhook is None:
            return Heard(Outcome.UNANSWERED, f"{about} is not configured")
        body = call.body.encode()
        try:
            headers = self._signed(webhook, call, body)
            status = self._clients[call.webhook].send("POST", webhook.url, body, headers).status
        except Unreachable as error:
            return Heard(Outcome.UNANSWERED, f"{about}: {error}")
        if 200 <= status < 300:
            return Heard(Outcome.ALLOWED)
        if status in DENIALS:
            return Heard(Outcome.DENIED, f"{about} denies it (HTTP {status})")
        return Heard(Outcome.UNANSWERED, f"{about} answers HTTP {status}")

    def _signed(self, webhook: Webhook, call: Call, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._clock()))
        signature = hmac.new(_key(webhook), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/json",
            "X-Modelwright-Id": call.id,
            "X-Modelwright-Event": str(call.moment),
            "X-Modelwright-Timestamp": timestamp,
            "X-Modelwright-Signature": f"sha256={signature}",
        }


def _key(webhook: Webhook) -> bytes:
    """Read for each request, so that a rotated one needs no restart. Neither path nor content reaches a message."""
    try:
        with Path(webhook.key_file).open("rb") as file:
            key = file.read(LARGEST_KEY + 1).strip()
    except OSError:
        raise Unreachable("its key cannot be read by the operator") from None
    if not SMALLEST_KEY <= len(key) <= LARGEST_KEY:
        raise Unreachable(f"its key must have {SMALLEST_KEY} to {LARGEST_KEY} bytes")
    return key
