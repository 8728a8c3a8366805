"""Requests signed by awscrt carry the signature that Amazon's description demands, as it is computed here once more."""

from __future__ import annotations

import hashlib
import hmac
import sys
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from tests.metrics.faking import NOW, FakePrometheus, number, vector

from modelwright.errors import InvalidSpec
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import parse_metric_sources
from modelwright.metrics.credentials import SigV4
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import Look, NoLook, ValueLook, ValueQuestion
from modelwright.metrics.sigv4 import signer

KEY, TOKEN = "key-that-nobody-may-see", "token-that-nobody-may-see"
REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of this machine's: no profile, and no node that would be asked for a role."""
    nowhere = str(tmp_path_factory.mktemp("aws") / "none")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKID",
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


def ask(fake: FakePrometheus, query: str = "metric") -> Look:
    configuration = {"metricSources": [{"name": "fake", "url": fake.url, "auth": {"sigV4": {"region": REGION}}}]}
    asker = Asker({"fake": Source(parse_metric_sources(configuration)["fake"])}, clock=lambda: NOW + 1)
    return asker.ask(ValueQuestion("fake", "m", "candidate", query, "", timedelta(seconds=10)))


def signature(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> str:
    """AWS Signature Version 4 of a request as it came in, after Amazon's "Create a signed AWS API request"."""
    url, named = urlsplit(target), {name.lower(): value.strip() for name, value in headers.items()}
    _, scope, names, _ = named["authorization"].replace(",", "").split(" ")
    signed = names.removeprefix("SignedHeaders=").split(";")
    day, region, service = scope.removeprefix("Credential=AKID/").split("/")[:3]
    canonical = "\n".join(
        (
            method,
            url.path,
            "&".join(sorted(url.query.split("&"))),
            *(f"{name}:{named[name]}" for name in signed),
            "",
            ";".join(signed),
            hashlib.sha256(body).hexdigest(),
        )
    )
    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            named["x-amz-date"],
            f"{day}/{region}/{service}/aws4_request",
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = f"AWS4{KEY}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest()


def signed_with(headers: Mapping[str, str]) -> str:
    return headers["Authorization"].rpartition("Signature=")[2]


@pytest.mark.parametrize("query", ["metric", 'sum(rate(x{path="/a b"}[5m])) + 1', "x" * 5000])
def test_what_arrives_has_the_signature_that_it_must_have(fake: FakePrometheus, query: str) -> None:
    """Spaces and slashes, which have two readings unless they are %20 and %2F, and a query too long for an address."""
    fake.reply = vector(number("1"))
    look = ask(fake, query)
    assert isinstance(look, ValueLook), look
    sent = fake.sent[-1]
    assert signed_with(sent.headers) == signature(sent.method, sent.target, sent.headers, sent.body)
    assert sent.headers["X-Amz-Security-Token"] == TOKEN
    assert f"/{REGION}/aps/aws4_request" in sent.headers["Authorization"]
    assert "host" in sent.headers["Authorization"]


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://aps.example.com/api?query=x", "aps.example.com"),
        ("https://aps.example.com:443/api?query=x", "aps.example.com"),
        ("https://aps.example.com:8443/api?query=x", "aps.example.com:8443"),
        ("http://aps.example.com:80/api?query=x", "aps.example.com"),
        ("http://[::1]:9090/api?query=x", "[::1]:9090"),
    ],
)
def test_the_host_is_signed_as_clients_send_it(address: str, host: str) -> None:
    headers = signer(SigV4(REGION), "amp")("GET", address, {}, b"")
    assert headers["Host"] == host
    assert signed_with(headers) == signature("GET", address, headers)


def test_what_proxies_may_touch_is_not_signed() -> None:
    given = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "*/*"}
    headers = signer(SigV4(REGION), "amp")("POST", "https://aps.example.com/api", given, b"query=x")
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token," in headers["Authorization"]
    assert signed_with(headers) == signature("POST", "https://aps.example.com/api", headers, b"query=x")


def test_without_credentials_there_is_no_answer(fake: FakePrometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    look = ask(fake)
    assert isinstance(look, NoLook)
    assert (look.reason, look.permanent) == ("CredentialsUnusable", True)
    assert "AWS_AUTH_SIGNING_NO_CREDENTIALS" in look.message
    assert fake.asked == []


def test_without_the_library_a_source_that_signs_says_what_to_install(
    fake: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "awscrt", None)
    for name in [name for name in sys.modules if name.startswith("awscrt.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InvalidSpec, match=r"needs the Python package awscrt: install modelwright\[sigv4\]"):
        ask(fake)
