"""A live copy of some kinds of the cluster, kept by list and watch.

Observes whole kinds in all namespaces; decides and writes nothing. Readers look at the copy when `changed` is set
and never learn what happened, only what is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from modelwright.cluster.access import Cluster, NotInstalled, Object
from modelwright.cluster.keys import Kind
from modelwright.errors import ModelwrightError, Unavailable

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 0.5
_UNTIL_INSTALLED = 2.0


class Watching:
    """The copy. `changed` is set after every change; whoever reads clears it first.

    Of kinds that are `optional` there is nothing as long as they are not installed. Others are waited for.
    """

    def __init__(self, cluster: Cluster, kinds: Sequence[Kind], optional: Sequence[Kind] = ()) -> None:
        self._cluster = cluster
        self._optional = frozenset(optional)
        self._objects: dict[Kind, dict[tuple[str, str], Object]] = {kind: {} for kind in kinds}
        self._listed: set[Kind] = set()
        self.changed = asyncio.Event()

    @property
    def complete(self) -> bool:
        """True once every kind has been listed, or may be missing and is: before that, absence means nothing."""
        return len(self._listed) == len(self._objects)

    def objects(self, kind: Kind) -> tuple[Object, ...]:
        """All objects of `kind`, ordered by namespace and name. Nobody may change them."""
        return tuple(item for _, item in sorted(self._objects[kind].items()))

    async def run(self) -> None:
        """Follow until cancelled; a server that does not answer is asked again."""
        async with asyncio.TaskGroup() as group:
            for kind in self._objects:
                group.create_task(self._follow(kind), name=f"watch {kind.plural}")

    async def _follow(self, kind: Kind) -> None:
        pause = 0.1
        while True:
            try:
                version = await self._list(kind)
                pause = 0.1
                async for event, item in self._cluster.watch(kind, resource_version=version):
                    self._note(kind, event, item)
            except Unavailable as error:
                log.info("%s; listing %s again in %.1f s", error, kind.plural, pause)
            except ModelwrightError as error:
                if isinstance(error, NotInstalled) and kind in self._optional:
                    self._know(kind, {})
                    await asyncio.sleep(_UNTIL_INSTALLED)
                    continue
                # A kind that is not installed yet, or rights that are not granted yet.
                log.warning("cannot follow %s yet: %s", kind.plural, error)
            else:
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _list(self, kind: Kind) -> str:
        answer = await self._cluster.raw("get", kind.path())
        found = {_name(item): {"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer["items"]}
        self._know(kind, found)
        return str(answer["metadata"]["resourceVersion"])

    def _know(self, kind: Kind, found: dict[tuple[str, str], Object]) -> None:
        if kind not in self._listed or found != self._objects[kind]:
            self._objects[kind] = found
            self._listed.add(kind)
            self.changed.set()

    def _note(self, kind: Kind, event: str, item: Object) -> None:
        if event == "DELETED":
            self._objects[kind].pop(_name(item), None)
        else:
            self._objects[kind][_name(item)] = item
        self.changed.set()


def _name(item: Object) -> tuple[str, str]:
    metadata = item["metadata"]
    return metadata.get("namespace", ""), metadata["name"]
