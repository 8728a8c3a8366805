"""Signs requests for Amazon Managed Prometheus. awscrt is an extra, imported only where a source asks for it.

botocore would be the better known one. It cannot be installed beside the client of Kubernetes: it wants an older
python-dateutil.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import SigV4
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.transport import Sign

LONGEST = 10.0
"""Seconds that looking for credentials may take: a role's are asked for over the network."""
_PORTS = {"http": 80, "https": 443}


def signer(settings: SigV4, source: str) -> Sign:
    """Signs with the credentials that AWS' own library finds, which renews them by itself. InvalidSpec without it."""
    try:
        auth, http, exceptions = (import_module(f"awscrt.{name}") for name in ("auth", "http", "exceptions"))
    except ModuleNotFoundError:
        message = f"metric source {source!r} needs the Python package awscrt: install modelwright[sigv4]"
        raise InvalidSpec("metricSources", message) from None
    provider: Any = auth.AwsCredentialsProvider.new_default_chain()

    def sign(method: str, address: str, headers: Mapping[str, str], body: bytes) -> Mapping[str, str]:
        url = urlsplit(address)
        # Only what is certain to arrive unchanged is signed: proxies may touch other headers.
        signed = {name: value for name, value in headers.items() if name == "Content-Type"}
        request = http.HttpRequest(
            method,
            f"{url.path}?{url.query}" if url.query else url.path,
            http.HttpHeaders([("Host", _host(address)), *signed.items()]),
            BytesIO(body) if body else None,
        )
        # Not kept: it holds the time of the signature.
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=provider,
            region=settings.region,
            service=settings.service,
        )
        try:
            found = auth.aws_sign_request(request, config).result(LONGEST)
        except (exceptions.AwsCrtError, TimeoutError) as error:
            reason = getattr(error, "name", type(error).__name__)
            message = f"the operator has found no AWS credentials to sign with ({reason})"
            raise Unanswered(Reason.CREDENTIALS_UNUSABLE, message) from None
        return dict(found.headers)

    return sign


def _host(address: str) -> str:
    """As clients send it: without the port that its scheme has anyhow."""
    url = urlsplit(address)
    host = url.netloc.rpartition("@")[2]
    return host.removesuffix(f":{_PORTS.get(url.scheme, '')}")
