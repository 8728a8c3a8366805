"""KServe's controller manager and Knative Serving's controller as processes beside a control plane.

The network is a check's own, so they have their usual ports. They speak to the API server as administrators: that their
service accounts may do what they do is theirs to show.
"""

from __future__ import annotations

import base64
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from conformance.kserve.sources import KNATIVE, KSERVE
from conformance.running import running
from modelwright_playground.controlplane.build import binary
from modelwright_playground.controlplane.private_file import write_private

WEBHOOK_PORT, PROBES_PORT, KNATIVE_PROBES_PORT = 9443, 8081, 8080
WEBHOOK_URL = f"https://127.0.0.1:{WEBHOOK_PORT}"


@contextmanager
def kserve(kubeconfig: str, folder: Path) -> Iterator[None]:
    """Runs KServe, with its webhooks at WEBHOOK_URL. `certify` was called with the same folder."""
    command = [
        str(binary("kserve-manager")),
        "--metrics-addr=0",
        f"--health-probe-addr=127.0.0.1:{PROBES_PORT}",
        f"--webhook-port={WEBHOOK_PORT}",
    ]
    settings = {"KUBECONFIG": kubeconfig, "POD_NAMESPACE": KSERVE, "TMPDIR": str(folder)}
    ready = f"http://127.0.0.1:{PROBES_PORT}/readyz"
    with running(command, ready, folder / "kserve.log", {**os.environ, **settings}):
        yield


@contextmanager
def knative(kubeconfig: str, folder: Path) -> Iterator[None]:
    """Runs those of Knative Serving's controllers that make Revisions and divide traffic; not its autoscaler."""
    settings = {
        "KUBECONFIG": kubeconfig,
        "SYSTEM_NAMESPACE": KNATIVE,
        "POD_NAME": "controller",
        "CONFIG_LOGGING_NAME": "config-logging",
        "CONFIG_OBSERVABILITY_NAME": "config-observability",
    }
    command = [str(binary("knative-controller"))]
    ready = f"http://127.0.0.1:{KNATIVE_PROBES_PORT}/readiness"
    with running(command, ready, folder / "knative.log", {**os.environ, **settings}):
        yield


def certify(folder: Path) -> str:
    """Make the certificate of KServe's webhooks where it looks for it, and return it as the API server is told it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kserve-webhook-server")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=10))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )
    place = folder / "k8s-webhook-server" / "serving-certs"
    place.mkdir(parents=True)
    write_private(place / "tls.crt", certificate)
    write_private(place / "tls.key", key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    return base64.b64encode(certificate).decode()
