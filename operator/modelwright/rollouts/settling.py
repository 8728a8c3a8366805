"""Takes rollouts back to stable when nobody will be left to watch them: the operator is about to be uninstalled.

Of managed routes only what gives the candidate something is written, and it only gets less. Statuses stay as they are:
an operator that comes back reads the lowered weight as what it is, somebody's word (invariant 6).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import ENDPOINT_SLICE, HTTP_ROUTE, Kind
from modelwright.errors import Conflict, InvalidSpec, ModelwrightError
from modelwright.traffic.backends import candidate_service, stable_service
from modelwright.traffic.field_managers import SETTLER
from modelwright.traffic.managed_route import acceptance
from modelwright.traffic.managed_rules import split_of
from modelwright.traffic.route import Split

SECONDS_BETWEEN_LOOKS = 0.5
GAVE_UP = "the route was not confirmed in time by every Gateway that it names"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Settled:
    """What became of one rollout: `ok` if no candidate holds weight any more, as far as its route's parents confirm."""

    namespace: str
    name: str
    ok: bool
    says: str


async def settle(cluster: Cluster, namespace: str, name: str, until: float, kind: Kind = HTTP_ROUTE) -> Settled:
    """Take one rollout back to stable, and wait until every parent of its route, of `kind`, accepted that.

    `until` is a time of the running event loop at which it gives up.
    """
    try:
        async with asyncio.timeout_at(until):
            route = await cluster.get(kind, namespace, name)
            split = _split(route, name)
            if route is None or split == Split():
                return Settled(namespace, name, True, "no candidate holds weight")
            if split.serves and not await _stable_is_ready(cluster, namespace, name):
                says = f"stable has no ready endpoint: the candidate keeps its {split}"
                return Settled(namespace, name, False, says)
            await _lower(cluster, namespace, name, kind)
            return await _confirmed(cluster, namespace, name, split, kind)
    except TimeoutError:
        return Settled(namespace, name, False, GAVE_UP)
    except ModelwrightError as error:
        return Settled(namespace, name, False, str(error))


def operations(route: Object, name: str) -> list[dict[str, Any]]:
    """The JSON Patch that gives all weight to stable, wherever the route names the two Services, and ends copies.

    Each write is guarded by the name of the backend that it is meant for: lists are addressed by position.
    """
    weights = {stable_service(name): 100, candidate_service(name): 0}
    found = []
    for i, rule in enumerate(route.get("spec", {}).get("rules", [])):
        for j, backend in enumerate(rule.get("backendRefs", [])):
            if backend.get("name") in weights:
                at = f"/spec/rules/{i}/backendRefs/{j}"
                found += [
                    {"op": "test", "path": f"{at}/name", "value": backend["name"]},
                    {"op": "add", "path": f"{at}/weight", "value": weights[backend["name"]]},
                ]
        found += _uncopied(i, rule, name)
    return found


def _uncopied(number: int, rule: Object, name: str) -> Iterator[dict[str, Any]]:
    filters: Sequence[Object] = rule.get("filters", [])
    # From the last to the first, since each removal moves those after it.
    for place in reversed(range(len(filters))):
        backend = filters[place].get("requestMirror", {}).get("backendRef", {})
        if backend.get("name") == candidate_service(name):
            at = f"/spec/rules/{number}/filters/{place}"
            yield {"op": "test", "path": f"{at}/requestMirror/backendRef/name", "value": backend["name"]}
            yield {"op": "remove", "path": at}


async def _lower(cluster: Cluster, namespace: str, name: str, kind: Kind) -> None:
    while (route := await cluster.get(kind, namespace, name)) is not None:
        try:
            await cluster.json_patch(kind, namespace, name, operations(route, name), manager=SETTLER)
        except Conflict:
            # Somebody reordered the backends in between.
            continue
        except InvalidSpec as error:
            raise ModelwrightError(f"its route cannot be written: {error}") from error
        return


async def _confirmed(cluster: Cluster, namespace: str, name: str, was: Split, kind: Kind) -> Settled:
    while True:
        route = await cluster.get(kind, namespace, name)
        if route is None:
            return Settled(namespace, name, True, "its route is gone")
        accepted, _ = acceptance(route, len(route["spec"].get("parentRefs", [])))
        if accepted and _split(route, name) == Split():
            return Settled(namespace, name, True, f"all traffic is back on stable, the candidate had {was}")
        await asyncio.sleep(SECONDS_BETWEEN_LOOKS)


def _split(route: Object | None, name: str) -> Split:
    return split_of(name, (route or {}).get("spec", {}).get("rules", []))


async def _stable_is_ready(cluster: Cluster, namespace: str, name: str) -> bool:
    slices = await cluster.list(ENDPOINT_SLICE, namespace, {SERVICE_NAME_LABEL: stable_service(name)})
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    return any(endpoint.get("conditions", {}).get("ready") for endpoint in endpoints)
