"""The operator shows a source what it was configured to, reads secrets anew, and tells tenants nothing about them."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.metrics.faking import NOW, FakePrometheus, answer, number, vector

from modelwright.errors import InvalidSpec
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import parse_metric_sources
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import Look, NoLook, ValueLook, ValueQuestion

SECRET = "token-that-nobody-may-see"


def ask(fake: FakePrometheus, query: str = "metric", **written: Any) -> Look:
    configuration = {"metricSources": [{"name": "fake", "url": fake.url, **written}]}
    asker = Asker({"fake": Source(parse_metric_sources(configuration)["fake"])}, clock=lambda: NOW + 1)
    return asker.ask(ValueQuestion("fake", "m", "candidate", query, "", timedelta(seconds=10)))


def answered(fake: FakePrometheus, **written: Any) -> dict[str, str]:
    """The headers that a source configured like this has sent."""
    fake.reply = vector(number("1"))
    look = ask(fake, **written)
    assert isinstance(look, ValueLook), look
    return fake.headers[-1]


def unanswered(fake: FakePrometheus, **written: Any) -> NoLook:
    look = ask(fake, **written)
    assert isinstance(look, NoLook), look
    assert SECRET not in look.message
    assert "/" not in look.message, "no path of the operator's machine"
    return look


def file(tmp_path: Path, content: str) -> str:
    path = tmp_path / "secret"
    path.write_text(content)
    return str(path)


def test_a_bearer_token_is_read_anew_for_every_request(fake: FakePrometheus, tmp_path: Path) -> None:
    fake.reply = vector(number("1"))
    auth = {"bearer": {"tokenFile": file(tmp_path, f"{SECRET}\n")}}
    source = Source(parse_metric_sources({"metricSources": [{"name": "fake", "url": fake.url, "auth": auth}]})["fake"])
    source.value("a", NOW)
    file(tmp_path, "rotated")
    source.value("a", NOW)
    assert [sent["Authorization"] for sent in fake.headers] == [f"Bearer {SECRET}", "Bearer rotated"]


def test_a_user_name_and_password_are_sent_as_basic(fake: FakePrometheus, tmp_path: Path) -> None:
    sent = answered(fake, auth={"basic": {"username": "reader", "passwordFile": file(tmp_path, SECRET)}})
    assert sent["Authorization"] == f"Basic {b64encode(f'reader:{SECRET}'.encode()).decode()}"


def test_a_tenant_is_named_in_its_header(fake: FakePrometheus, tmp_path: Path) -> None:
    headers = [
        {"name": "x-scope-orgid", "value": "ml|shared"},
        {"name": "AccountID", "valueFile": file(tmp_path, "42")},
    ]
    sent = answered(fake, kind="Mimir", headers=headers)
    assert (sent["X-Scope-OrgID"], sent["AccountID"]) == ("ml|shared", "42")


@pytest.mark.parametrize("content", [None, "", " \n", "two\nlines", "x" * 70_000, "é"])
def test_a_secret_that_cannot_be_used_is_for_the_platform_to_mend(
    fake: FakePrometheus, tmp_path: Path, content: str | None
) -> None:
    path = str(tmp_path / "missing") if content is None else file(tmp_path, content)
    look = unanswered(fake, auth={"bearer": {"tokenFile": path}})
    assert (look.reason, look.permanent) == ("CredentialsUnusable", True)
    assert fake.asked == []


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("Prometheus", {}),
        ("Mimir", {}),
        ("Thanos", {"partial_response": ["false"], "dedup": ["true"]}),
        ("VictoriaMetrics", {"deny_partial_response": ["1"]}),
    ],
)
def test_each_kind_is_told_to_give_no_partial_answers(
    fake: FakePrometheus, kind: str, parameters: dict[str, list[str]]
) -> None:
    answered(fake, kind=kind)
    asked = fake.asked[-1][2]
    known = {name: asked[name] for name in ("partial_response", "dedup", "deny_partial_response") if name in asked}
    assert known == parameters


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("Prometheus", "BadQuery"),
        ("Mimir", "BadQuery"),
        ("Thanos", "SourceUnavailable"),
        ("VictoriaMetrics", "SourceUnavailable"),
    ],
)
def test_422_is_nobodys_mistake_where_it_may_mean_that_a_part_is_away(
    fake: FakePrometheus, kind: str, reason: str
) -> None:
    fake.reply = answer({"status": "error", "error": SECRET}, 422)
    assert unanswered(fake, kind=kind).reason == reason


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "Cortex"}, "kind"),
        ({"auth": {}}, "auth"),
        ({"auth": {"bearer": {}}}, "auth.bearer.tokenFile"),
        ({"auth": {"bearer": {"tokenFile": "token"}}}, "auth.bearer.tokenFile"),
        ({"auth": {"bearer": {"token": SECRET}}}, "auth.bearer.token"),
        ({"auth": {"oauth2": {}}}, "auth.oauth2"),
        (
            {"auth": {"bearer": {"tokenFile": "/a"}, "basic": {"username": "a", "passwordFile": "/b"}}},
            "auth",
        ),
        ({"auth": {"basic": {"username": "a:b", "passwordFile": "/b"}}}, "auth.basic.username"),
        ({"auth": {"sigV4": {}}}, "auth.sigV4.region"),
        ({"tls": {"certFile": "/a"}}, "tls.keyFile"),
        ({"tls": {"keyFile": "/a"}}, "tls.certFile"),
        ({"tls": {"insecureSkipVerify": "true"}}, "tls.insecureSkipVerify"),
        ({"headers": [{"name": "Authorization", "value": SECRET}]}, "headers[0].name"),
        ({"headers": [{"name": "X-Scope-OrgID"}]}, "headers[0]"),
        ({"headers": [{"name": "X-Scope-OrgID", "value": "a\r\nHost: b"}]}, "headers[0].value"),
        ({"url": "http://prometheus", "auth": {"bearer": {"tokenFile": "/a"}}}, "auth"),
        ({"url": "http://prometheus", "tls": {"caFile": "/a"}}, "tls"),
    ],
)
def test_credentials_that_cannot_work_are_refused_where_they_are_wrong(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_metric_sources({"metricSources": [{"name": "default", "url": "https://x"} | change]})
    assert refused.value.path == f"metricSources[0].{path}"
    assert SECRET not in refused.value.message


class Authority:
    """A certificate authority of the test's own, and what it issues for 127.0.0.1, as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("authority", self._key, ca=True)
        self.ca_file = self._write("ca.crt", self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[str, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate = self._sign(name, key, ca=False).public_bytes(serialization.Encoding.PEM)
        return self._write(f"{name}.crt", certificate), self._write(f"{name}.key", private)

    def _sign(self, name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, content: bytes) -> str:
        (self._folder / name).write_bytes(content)
        return str(self._folder / name)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[FakePrometheus, Authority]]:
    """A fake Prometheus that wants a certificate of the authority from whoever asks."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server"))
    context.load_verify_locations(authority.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    fake = FakePrometheus(context)
    fake.reply = vector(number("1"))
    yield fake, authority
    fake.close()


def test_both_sides_show_certificates_where_they_are_configured(guarded: tuple[FakePrometheus, Authority]) -> None:
    fake, authority = guarded
    certificate, key = authority.issue("client")
    tls = {"caFile": authority.ca_file, "certFile": certificate, "keyFile": key}
    assert isinstance(ask(fake, tls=tls), ValueLook)


def test_a_server_of_an_unknown_authority_is_not_asked(guarded: tuple[FakePrometheus, Authority]) -> None:
    fake, authority = guarded
    certificate, key = authority.issue("client")
    assert unanswered(fake, tls={"certFile": certificate, "keyFile": key}).reason == "SourceUnavailable"
    assert fake.asked == []


def test_without_our_own_certificate_there_is_no_answer(guarded: tuple[FakePrometheus, Authority]) -> None:
    fake, authority = guarded
    assert unanswered(fake, tls={"caFile": authority.ca_file}).reason == "SourceUnavailable"
    assert fake.asked == []
