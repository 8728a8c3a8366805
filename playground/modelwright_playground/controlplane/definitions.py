"""Installs custom resource definitions and waits until the API server serves them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import yaml

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CUSTOM_RESOURCE_DEFINITION, Kind
from modelwright.errors import Conflict, Unavailable
from modelwright_playground.controlplane.module_definitions import gateway_api_crds
from modelwright_playground.instance import Instance

MANAGER = "modelwright-playground"
SECONDS_BETWEEN_LOOKS = 0.1
TIMEOUT = 180.0


def definitions(instance: Instance) -> Sequence[dict[str, Any]]:
    """Modelwright's own definitions and those of the Gateway API."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    ours = [
        document
        for file in sorted((instance.repo / "crds").glob("*.yaml"))
        for document in yaml.load_all(file.read_bytes(), Loader=loader)
        if document and document["kind"] == CUSTOM_RESOURCE_DEFINITION.name
    ]
    return [*ours, *json.loads(gateway_api_crds().read_bytes())]


async def install(instance: Instance, wanted: Sequence[dict[str, Any]]) -> None:
    """Apply `wanted` and return once all are served. Unavailable if that takes too long; what Cluster raises."""
    cluster = await Cluster.connect(str(instance.kubeconfig))
    missing = {body["metadata"]["name"] for body in wanted}
    try:
        async with asyncio.timeout(TIMEOUT):
            await _revive(cluster)
            await asyncio.gather(*(_apply(cluster, body) for body in wanted))
            while missing:
                installed = await cluster.list(CUSTOM_RESOURCE_DEFINITION)
                missing -= {body["metadata"]["name"] for body in installed if _is_established(body)}
                if missing:
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            # Discovery follows a moment later.
            missing = {body["metadata"]["name"] for body in wanted}
            await asyncio.gather(*(_discovery(cluster, body, missing) for body in wanted))
    except TimeoutError:
        names = ", ".join(sorted(missing))
        raise Unavailable(f"the API server did not establish {names} within {TIMEOUT:.0f} s") from None
    finally:
        await cluster.close()


async def _apply(cluster: Cluster, body: dict[str, Any]) -> None:
    """Until it is taken: to read a large definition takes a busy machine longer than a request may."""
    while True:
        try:
            await cluster.apply(CUSTOM_RESOURCE_DEFINITION, body, manager=MANAGER)
        except (Unavailable, Conflict):
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        else:
            return


async def _discovery(cluster: Cluster, body: dict[str, Any], missing: set[str]) -> None:
    """Until every version of the kind is discovered; then it is `missing` no more."""
    spec = body["spec"]
    for version in spec["versions"]:
        kind = Kind(spec["group"], version["name"], spec["names"]["plural"], spec["names"]["kind"])
        while version["served"] and not await cluster.serves(kind):  # noqa: ASYNC110
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
    missing.discard(body["metadata"]["name"])


async def _revive(cluster: Cluster) -> None:
    """Wake definitions that were being established when their API server was killed.

    TRAP: the API server establishes a definition when it sees it change, and at its own start it sees no change. One
    that is killed after it has accepted the names leaves a definition that says "Installing" for ever. Any change
    will do; the one made here is overwritten at once.
    """
    for body in await cluster.list(CUSTOM_RESOURCE_DEFINITION):
        interrupted = [condition for condition in _conditions(body) if condition["reason"] == "Installing"]
        for condition in interrupted:
            condition["message"] = "interrupted"
        if interrupted:
            status = {"status": {"conditions": body["status"]["conditions"]}}
            await cluster.merge_patch(
                CUSTOM_RESOURCE_DEFINITION, None, body["metadata"]["name"], status, subresource="status"
            )


def _is_established(definition: dict[str, Any]) -> bool:
    return any(c["type"] == "Established" and c["status"] == "True" for c in _conditions(definition))


def _conditions(definition: dict[str, Any]) -> list[dict[str, str]]:
    # Just created, its conditions are null.
    return definition.get("status", {}).get("conditions") or []
