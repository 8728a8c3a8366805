"""The pod's identity towards the API server: service account tokens, and the kubeconfig that uses one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD, SERVICE_ACCOUNT
from modelwright_playground.node.errors import config_error
from modelwright_playground.node.volumes import TokenKey, write_private

RENEW_AFTER = 0.8


@dataclass(frozen=True)
class Token:
    """`renew_at` is when a new one has to be asked for; the old one is still good then."""

    value: str
    renew_at: datetime


async def request_token(cluster: Cluster, pod: Mapping[str, Any], key: TokenKey) -> Token:
    """A token of the pod's service account that dies with the pod. Errors are those of Cluster."""
    metadata = pod["metadata"]
    path = SERVICE_ACCOUNT.path(metadata["namespace"], pod["spec"]["serviceAccountName"], "token")
    bound = {"apiVersion": POD.api_version, "kind": POD.name, "name": metadata["name"], "uid": metadata["uid"]}
    audience, seconds = key
    spec: dict[str, Any] = {"expirationSeconds": seconds, "boundObjectRef": bound}
    if audience:
        spec["audiences"] = [audience]
    asked_at = datetime.now(UTC)
    answer = await cluster.raw(
        "post", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    )
    expires_at = datetime.fromisoformat(answer["status"]["expirationTimestamp"])
    return Token(answer["status"]["token"], asked_at + (expires_at - asked_at) * RENEW_AFTER)


async def automounts(cluster: Cluster, pod: Mapping[str, Any]) -> bool:
    """Whether the pod's containers get their service account's identity; the pod's word counts before the account's."""
    if not (name := pod["spec"].get("serviceAccountName")):
        return False
    if (own := pod["spec"].get("automountServiceAccountToken")) is not None:
        return bool(own)
    account = await cluster.get(SERVICE_ACCOUNT, pod["metadata"]["namespace"], name)
    if account is None:
        raise config_error(f"ServiceAccount {name} not found")
    return bool(account.get("automountServiceAccountToken", True))


def write_kubeconfig(folder: Path, namespace: str, server: Mapping[str, Any], token: Token) -> Path:
    """Write `token` and a kubeconfig that reads it from its file. `server` is a kubeconfig's `cluster`, with its CA."""
    token_file = folder / "token"
    write_private(token_file, token.value.encode())
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "playground", "cluster": dict(server)}],
        "users": [{"name": "pod", "user": {"tokenFile": str(token_file)}}],
        "contexts": [{"name": "pod", "context": {"cluster": "playground", "user": "pod", "namespace": namespace}}],
        "current-context": "pod",
    }
    file = folder / "kubeconfig"
    write_private(file, yaml.safe_dump(content).encode())
    return file


def server_of(kubeconfig: Path) -> dict[str, Any]:
    """The `cluster` of a kubeconfig's first entry, with the path of its CA made absolute."""
    cluster: dict[str, Any] = dict(yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"])
    if authority := cluster.get("certificate-authority"):
        cluster["certificate-authority"] = str((kubeconfig.parent / authority).resolve())
    return cluster
