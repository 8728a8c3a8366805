"""Kinds that are installed after the operator started are watched all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CUSTOM_RESOURCE_DEFINITION, HTTP_ROUTE, Kind
from modelwright.cluster.latecomers import not_installed, watch_once_installed

LATE = Kind("late.example.com", "v1", "latecomers", "Latecomer")
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "latecomers.late.example.com"},
    "spec": {
        "group": LATE.group,
        "scope": "Namespaced",
        "names": {"plural": LATE.plural, "singular": "latecomer", "kind": LATE.name},
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}


class Seen:
    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def __call__(self, kind: Kind, body: Any, *, gone: bool) -> None:
        self.told.append((body["metadata"]["name"], gone))


async def eventually(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(180):
        while not await found():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_kind_that_is_installed_later_is_watched_from_then_on(cluster: Cluster, namespace: str) -> None:
    assert await not_installed(cluster, (HTTP_ROUTE, LATE)) == (LATE,)
    seen = Seen()
    watching = asyncio.create_task(watch_once_installed(cluster, (LATE,), (namespace,), seen, again=0.1))
    try:
        await cluster.create(CUSTOM_RESOURCE_DEFINITION, DEFINITION)
        await eventually(lambda: cluster.serves(LATE))
        metadata = {"name": "one", "namespace": namespace}
        await cluster.create(LATE, {"apiVersion": LATE.api_version, "kind": LATE.name, "metadata": metadata})

        async def told_of_it() -> bool:
            return ("one", False) in seen.told

        await eventually(told_of_it)
        await cluster.delete(LATE, namespace, "one")

        async def told_that_it_is_gone() -> bool:
            return ("one", True) in seen.told

        await eventually(told_that_it_is_gone)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await cluster.delete(CUSTOM_RESOURCE_DEFINITION, None, DEFINITION["metadata"]["name"])  # type: ignore[index]


class BrokenOff:
    """A fake API server whose watches end at once. One object is there the first time it is asked, and never again."""

    def __init__(self) -> None:
        self.lists = 0

    async def serves(self, kind: Kind) -> bool:
        return True

    async def list(self, kind: Kind, namespace: str | None) -> list[Any]:
        await asyncio.sleep(0)
        self.lists += 1
        return [{"metadata": {"namespace": "ml", "name": "one"}}] if self.lists == 1 else []

    async def watch(self, kind: Kind, namespace: str | None) -> Any:
        if self.lists == 1:
            yield "ADDED", {"metadata": {"namespace": "ml", "name": "one"}}


async def test_what_was_deleted_between_two_watches_is_told() -> None:
    seen = Seen()
    watching = asyncio.create_task(watch_once_installed(BrokenOff(), (LATE,), (), seen))  # type: ignore[arg-type]

    async def told() -> bool:
        return len(seen.told) == 2

    await eventually(told)
    watching.cancel()
    assert seen.told == [("one", False), ("one", True)]
