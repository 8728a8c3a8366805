"""Watches kinds that may be installed after the operator started, such as those of the Gateway API.

kopf looks for kinds once, at the start (to look again it would have to watch all CustomResourceDefinitions). What is
missing then is looked for here, again and again, and watched once it is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import Kind
from modelwright.errors import ModelwrightError

log = logging.getLogger(__name__)

AGAIN = 30.0
"""Seconds until a kind that is not installed is looked for again, and until a watch that broke begins anew."""


class Saw(Protocol):
    def __call__(self, kind: Kind, body: Object, *, gone: bool) -> None: ...


async def not_installed(cluster: Cluster, kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Those of `kinds` that the API server does not serve now. Where it does not say, a kind counts as installed."""

    async def missing(kind: Kind) -> bool:
        try:
            return not await cluster.serves(kind)
        except ModelwrightError:
            return False

    return tuple([kind for kind in kinds if await missing(kind)])


async def watch_once_installed(
    cluster: Cluster, kinds: Sequence[Kind], namespaces: Sequence[str], saw: Saw, again: float = AGAIN
) -> None:
    """Until cancelled, tell `saw` of every object of `kinds`: everywhere, or in `namespaces` only."""
    async with asyncio.TaskGroup() as group:
        for kind in kinds:
            for namespace in namespaces or (None,):
                group.create_task(_watch(cluster, kind, namespace, saw, again))


async def _watch(cluster: Cluster, kind: Kind, namespace: str | None, saw: Saw, again: float) -> None:
    known: dict[tuple[str, str], Object] = {}
    while True:
        try:
            if await cluster.serves(kind):
                await _stream(cluster, kind, namespace, saw, known)
                continue
        except ModelwrightError as error:
            log.info("watching %s begins again: %s", kind.plural, error)
        await asyncio.sleep(again)


async def _stream(
    cluster: Cluster, kind: Kind, namespace: str | None, saw: Saw, known: dict[tuple[str, str], Object]
) -> None:
    """One watch, until the server ends it. What was deleted between two of them is told first."""
    there = {_place(body) for body in await cluster.list(kind, namespace)}
    for place in [place for place in known if place not in there]:
        saw(kind, known.pop(place), gone=True)
    async for event, body in cluster.watch(kind, namespace):
        gone = event == "DELETED"
        if gone:
            known.pop(_place(body), None)
        else:
            known[_place(body)] = {"metadata": body["metadata"]}
        saw(kind, body, gone=gone)


def _place(body: Object) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]
