"""Whether a request comes from whom the platform lets send: a bearer token, or a signature over what was sent.

The secrets are files, read again for every request, so that a rotated one needs no restart.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from modelwright.receiving.configuration import Format, Receiver, Token

MLFLOW_AGE = timedelta(minutes=5)
"""How old a signed delivery of MLflow may be: a recorded one must not be of use for ever."""


class SecretUnusable(Exception):
    """The platform's file cannot be read, or holds nothing: nobody can be let in, and nobody is."""


def is_authentic(receiver: Receiver, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether the request may be believed. `headers` have lower-case names. Raises SecretUnusable."""
    if isinstance(receiver.auth, Token):
        return _same(headers.get("authorization", "").encode(), b"Bearer " + _secret(receiver.auth.file))
    key = _secret(receiver.auth.key_file)
    if receiver.format is Format.MLFLOW:
        return _is_mlflows(key, headers, body, now)
    expected = b"sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest().encode()
    return _same(headers.get(receiver.auth.header.lower(), "").encode(), expected)


def _is_mlflows(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """MLflow signs `<delivery id>.<unix time>.<body>` and sends `v1,<base64>`."""
    delivery, time = headers.get("x-mlflow-delivery-id", ""), headers.get("x-mlflow-timestamp", "")
    if not delivery or not time.isdecimal() or len(time) > 12:
        return False
    if abs(now - datetime.fromtimestamp(int(time), UTC)) > MLFLOW_AGE:
        return False
    signed = hmac.new(key, f"{delivery}.{time}.".encode() + body, hashlib.sha256).digest()
    return _same(headers.get("x-mlflow-signature", "").encode(), b"v1," + base64.b64encode(signed))


def _secret(file: str) -> bytes:
    try:
        content = Path(file).read_bytes().strip()
    except OSError:
        raise SecretUnusable from None
    if not content:
        raise SecretUnusable
    return content


def _same(found: bytes, expected: bytes) -> bool:
    return hmac.compare_digest(found, expected)
