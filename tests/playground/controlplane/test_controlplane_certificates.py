"""Who is who in a playground is proven by one authority, and nobody else can read the proofs."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from modelwright_playground.controlplane.certificates import identities, write_certificates
from modelwright_playground.controlplane.kubeconfig import write_kubeconfig

NODE = "127.244.7.1"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def pki(tmp_path: Path) -> Path:
    write_certificates(tmp_path / "pki", NODE, NOW)
    return tmp_path / "pki"


def read(pki: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((pki / f"{name}.crt").read_bytes())


def test_every_certificate_is_signed_by_the_one_authority(pki: Path) -> None:
    for identity in identities(NODE):
        read(pki, identity.file).verify_directly_issued_by(read(pki, "ca"))


def test_the_administrator_is_in_the_group_that_may_do_everything(pki: Path) -> None:
    subject = read(pki, "admin").subject
    assert [name.value for name in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:masters"]


def test_the_node_may_serve_at_its_own_address_and_a_client_may_not_serve(pki: Path) -> None:
    names = read(pki, "node").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert NODE in [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    usages = read(pki, "admin").extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH not in usages


def test_files_are_readable_by_their_owner_only(pki: Path) -> None:
    write_kubeconfig(pki / "kubeconfig", "https://127.0.0.1:1", pki, "admin")
    assert stat.S_IMODE(pki.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in pki.iterdir()} == {0o600}


def test_a_second_start_keeps_the_authority_and_the_token_key_and_renews_the_rest(pki: Path) -> None:
    before = {file.name: file.read_bytes() for file in pki.iterdir()}
    write_certificates(pki, NODE, NOW + timedelta(days=1))
    kept = {file.name for file in pki.iterdir() if file.read_bytes() == before[file.name]}
    assert kept == {"ca.crt", "ca.key", "service-account.key", "service-account.pub"}


def test_an_authority_that_would_expire_before_what_it_signs_is_replaced(pki: Path) -> None:
    before = read(pki, "ca")
    write_certificates(pki, NODE, before.not_valid_after_utc - timedelta(days=1))
    assert read(pki, "ca") != before


def test_a_kubeconfig_holds_all_it_needs(pki: Path) -> None:
    write_kubeconfig(pki / "kubeconfig", "https://127.0.0.1:6443", pki, "admin")
    content = yaml.safe_load((pki / "kubeconfig").read_text())
    assert content["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert content["users"][0]["user"].keys() == {"client-certificate-data", "client-key-data"}
    assert content["current-context"] == content["contexts"][0]["name"]
