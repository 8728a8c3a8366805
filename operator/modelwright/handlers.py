"""The only file that knows kopf: a watch event becomes keys in the queue, and nothing else is read from it.

Only `on.event` handlers: they leave no annotation and no finalizer on users' objects (docs/adr/0002).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import kopf

from modelwright.cluster.access import credentials
from modelwright.cluster.keys import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    MODEL_ROLLOUT,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    ROLLOUT_LABEL,
    SERVICE,
    Kind,
)
from modelwright.cluster.wakes import Wakes

FINALIZER = "modelwright.dev/unused-by-design"
REQUEST_TIMEOUT = 15


def registry_for(wakes: Wakes, kubeconfig: str | None, routes: Iterable[Kind]) -> kopf.OperatorRegistry:
    """A kopf registry whose handlers only tell `wakes` which object was seen. `routes` are kinds that are installed."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
        settings.posting.enabled = False
        settings.networking.request_timeout = REQUEST_TIMEOUT
        settings.scanning.disabled = True
        settings.persistence.finalizer = FINALIZER

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        # Not kopf's own logins: one imports the synchronous client and its models, the others ignore a tokenFile.
        found = await credentials(kubeconfig)
        return kopf.ConnectionInfo(
            server=found.server,
            ca_path=found.ca_path,
            certificate_path=found.certificate_path,
            private_key_path=found.private_key_path,
            token=found.token,
            scheme="Bearer",
        )

    for kind in (RETRAIN_POLICY, RETRAIN_RUN, MODEL_ROLLOUT):
        _watch(registry, kind, wakes)
    for kind in (DEPLOYMENT, SERVICE, ENDPOINT_SLICE):
        _watch(registry, kind, wakes, labels={ROLLOUT_LABEL: kopf.PRESENT})
    for kind in routes:
        # All of them: a route that is somebody else's carries no label of ours.
        _watch(registry, kind, wakes)
    return registry


def _watch(registry: kopf.OperatorRegistry, kind: Kind, wakes: Wakes, labels: Mapping[str, Any] | None = None) -> None:
    @kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, labels=labels, id=f"wake-{kind.plural}")
    def seen(event: Mapping[str, Any], **_: Any) -> None:
        wakes.saw(kind, event["object"], gone=event["type"] == "DELETED")


async def watch(
    wakes: Wakes, namespaces: tuple[str, ...], liveness: str | None, kubeconfig: str | None, routes: Iterable[Kind]
) -> None:
    """Watch until cancelled: everywhere, or in `namespaces` only."""
    await kopf.operator(
        registry=registry_for(wakes, kubeconfig, routes),
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        liveness_endpoint=liveness,
    )
