"""Kubeconfig files: the address of the API server, the authority to trust and one identity, all inside the file."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from modelwright_playground.controlplane.private_file import write_private


def write_kubeconfig(file: Path, url: str, pki: Path, identity: str) -> None:
    """Write credentials of `identity` (a name of `certificates.identities`), readable by the owner only."""
    name = "modelwright-playground"
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": url, "certificate-authority-data": _encoded(pki / "ca.crt")}}
        ],
        "users": [
            {
                "name": identity,
                "user": {
                    "client-certificate-data": _encoded(pki / f"{identity}.crt"),
                    "client-key-data": _encoded(pki / f"{identity}.key"),
                },
            }
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": identity, "namespace": "default"}}],
        "current-context": name,
    }
    write_private(file, yaml.safe_dump(body, sort_keys=False).encode())


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
