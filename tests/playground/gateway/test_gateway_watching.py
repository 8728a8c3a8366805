"""The live copy of the cluster, over a server whose watches break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from modelwright.cluster.access import Cluster, NotInstalled, Object
from modelwright.cluster.keys import SERVICE, Kind
from modelwright.errors import Unavailable
from modelwright_playground.watching import Watching

PATIENCE = 120


def service(name: str, **spec: Any) -> Object:
    return {"metadata": {"namespace": "ml", "name": name}, "spec": spec}


class Server:
    """Each list answers with the next of `lists`; each watch yields the next of `streams`, and breaks."""

    def __init__(self, lists: Sequence[Sequence[Object] | Exception], streams: Sequence[Sequence[tuple[str, Object]]]):
        self._lists = list(lists)
        self._streams = list(streams)
        self.exhausted = asyncio.Event()

    async def raw(self, _method: str, _path: str) -> Object:
        if not self._lists:
            self.exhausted.set()
            await asyncio.Event().wait()
        answer = self._lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"metadata": {"resourceVersion": "1"}, "items": list(answer)}

    async def watch(self, _kind: Kind, resource_version: str) -> AsyncIterator[tuple[str, Object]]:
        for event in self._streams.pop(0):
            yield event
        raise Unavailable(f"the watch from {resource_version} broke")


async def copy_of(server: Server) -> Watching:
    """What is known once `server` has told everything."""
    watching = Watching(cast(Cluster, server), [SERVICE])
    following = asyncio.create_task(watching.run())
    await asyncio.wait_for(server.exhausted.wait(), PATIENCE)
    following.cancel()
    await asyncio.wait({following})
    return watching


def names(watching: Watching) -> list[str]:
    return [item["metadata"]["name"] for item in watching.objects(SERVICE)]


async def test_events_are_followed() -> None:
    events = [("ADDED", service("c")), ("DELETED", service("b")), ("MODIFIED", service("a", port=2))]
    watching = await copy_of(Server([[service("b"), service("a")]], [events]))
    assert names(watching) == ["a", "c"]
    assert watching.objects(SERVICE)[0]["spec"] == {"port": 2}


async def test_what_is_deleted_while_a_watch_is_broken_is_gone_afterwards() -> None:
    assert names(await copy_of(Server([[service("a"), service("b")], [service("b")]], [[], []]))) == ["b"]


async def test_a_server_that_does_not_answer_is_asked_again() -> None:
    watching = await copy_of(Server([Unavailable("no"), [service("a")]], [[]]))
    assert watching.complete
    assert names(watching) == ["a"]


async def test_an_outage_forgets_nothing() -> None:
    assert names(await copy_of(Server([[service("a")], Unavailable("no")], [[]]))) == ["a"]


async def test_before_the_first_list_absence_means_nothing() -> None:
    assert not (await copy_of(Server([Unavailable("no")], []))).complete


async def test_of_an_optional_kind_that_is_not_installed_there_is_nothing() -> None:
    watching = Watching(cast(Cluster, Server([NotInstalled("no")], [])), [SERVICE], optional=[SERVICE])
    following = asyncio.create_task(watching.run())
    await asyncio.wait_for(watching.changed.wait(), PATIENCE)
    following.cancel()
    await asyncio.wait({following})
    assert (watching.complete, names(watching)) == (True, [])
