"""Keys and certificates of one playground: who is who in it, proven by one authority of its own.

The authority and the key that signs service-account tokens live as long as the instance; the rest is made anew at every
start. Everything is readable by its owner only.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from modelwright_playground.controlplane.private_file import write_private

NODE_NAME = "playground"
SERVICE_RANGE = "10.96.0.0/16"
LIFETIME = timedelta(days=365)


@dataclass(frozen=True)
class Identity:
    """A certificate to make: `user` and `groups` as RBAC reads them; `hosts` are the names it serves under, if any."""

    file: str
    user: str
    groups: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


def identities(node_address: str) -> Sequence[Identity]:
    """Everybody in a playground whose node listens on `node_address`."""
    local = ("127.0.0.1", "localhost")
    in_cluster = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    first_service = str(ipaddress.ip_network(SERVICE_RANGE)[1])
    return (
        Identity("apiserver", "kube-apiserver", hosts=(*local, *in_cluster, first_service)),
        Identity("admin", "admin", groups=("system:masters",)),
        Identity("kube-controller-manager", "system:kube-controller-manager"),
        Identity("kubelet-client", "kube-apiserver-kubelet-client", groups=("system:masters",)),
        Identity("node", f"system:node:{NODE_NAME}", groups=("system:nodes",), hosts=(node_address, NODE_NAME, *local)),
        Identity("etcd", "etcd", hosts=local),
        Identity("etcd-client", "kube-apiserver-etcd-client"),
    )


def write_certificates(folder: Path, node_address: str, now: datetime | None = None) -> None:
    """Write `<name>.crt` and `<name>.key` (PEM) for `ca` and every identity, and `service-account.{key,pub}`."""
    now = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key, authority = _authority(folder, now)
    _service_account_key(folder)
    for identity in identities(node_address):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _issue(identity, key, authority_key, authority, now)
        _write_key(folder / f"{identity.file}.key", key)
        write_private(folder / f"{identity.file}.crt", certificate.public_bytes(Encoding.PEM))


def _authority(folder: Path, now: datetime) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key_file, certificate_file = folder / "ca.key", folder / "ca.crt"
    if key_file.exists() and certificate_file.exists():
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if certificate.not_valid_after_utc > now + LIFETIME:
            return _read_key(key_file), certificate
    key = ec.generate_private_key(ec.SECP256R1())
    name = _subject("modelwright-playground")
    certificate = (
        _builder(name, name, key, now, LIFETIME * 10)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    _write_key(key_file, key)
    write_private(certificate_file, certificate.public_bytes(Encoding.PEM))
    return key, certificate


def _issue(
    identity: Identity,
    key: ec.EllipticCurvePrivateKey,
    authority_key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    now: datetime,
) -> x509.Certificate:
    # A server may also be a client: etcd's peer connection uses one certificate for both.
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if identity.hosts else [])
    builder = (
        _builder(_subject(identity.user, identity.groups), authority.subject, key, now, LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    if identity.hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName([_host(h) for h in identity.hosts]), critical=False)
    return builder.sign(authority_key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Some minutes back: clocks of virtual machines jump.
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + lifetime)
    )


def _subject(user: str, groups: Sequence[str] = ()) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _service_account_key(folder: Path) -> None:
    key_file = folder / "service-account.key"
    if not key_file.exists():
        _write_key(key_file, ec.generate_private_key(ec.SECP256R1()))
    public = _read_key(key_file).public_key()
    write_private(folder / "service-account.pub", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _read_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # The old form ("BEGIN EC PRIVATE KEY"): the one of the two that every component reads.
    write_private(file, key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
