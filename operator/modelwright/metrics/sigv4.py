"""Signs requests for Amazon Managed Prometheus. botocore is an extra, imported only where a source asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import SigV4
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.transport import Sign


def signer(settings: SigV4, source: str) -> Sign:
    """Signs with the credentials that botocore finds, which renews them by itself. Raises InvalidSpec without it."""
    try:
        modules = [import_module(f"botocore.{name}") for name in ("session", "auth", "awsrequest", "exceptions")]
    except ModuleNotFoundError:
        message = f"metric source {source!r} needs the Python package botocore: install modelwright[sigv4]"
        raise InvalidSpec("metricSources", message) from None
    session_of, auth_of, request_of, exceptions = modules
    session: Any = session_of.Session()

    def sign(method: str, address: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        try:
            credentials = session.get_credentials()
            if credentials is None:
                raise Unanswered(Reason.CREDENTIALS_UNUSABLE, "the operator has found no AWS credentials to sign with")
            # Only what is certain to arrive unchanged is signed: proxies may touch other headers.
            signed = {name: value for name, value in headers.items() if name == "Content-Type"}
            request = request_of.AWSRequest(method=method, url=address, headers=signed, data=body)
            auth_of.SigV4Auth(credentials.get_frozen_credentials(), settings.service, settings.region).add_auth(request)
        except exceptions.BotoCoreError as error:
            message = f"the operator could not get AWS credentials to sign with: {type(error).__name__}"
            raise Unanswered(Reason.CREDENTIALS_UNUSABLE, message) from None
        return dict(request.headers.items())

    return sign
