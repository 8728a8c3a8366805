"""What a reconcile works with: one set of collaborators for all kinds, wired once in `wiring.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

from modelwright.cluster.access import Cluster
from modelwright.cluster.background import Background
from modelwright.cluster.keys import Key
from modelwright.configuration import Configuration


class Events(Protocol):
    """Where news goes, after the status that tells the same was saved. Losing news never fails a pass."""

    async def emit(self, regarding: dict[str, Any], type_: str, reason: str, message: str) -> None: ...


class Audit(Protocol):
    """Where decisions are written down for good, with the status that they came to. Failing never fails a pass."""

    async def decided(self, body: Mapping[str, Any], status: Mapping[str, Any], news: Iterable[Any]) -> None: ...


class NoAudit:
    async def decided(self, body: Mapping[str, Any], status: Mapping[str, Any], news: Iterable[Any]) -> None:
        pass


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Room:
    """`configuration` is what the platform provides under names; rooms take from it what is theirs.

    `leading_since`: what was begun before it, a predecessor may have half done.
    """

    cluster: Cluster
    background: Background
    events: Events
    may_raise: Callable[[], bool]
    configuration: Configuration = field(default_factory=Configuration)
    now: Callable[[], datetime] = utc_now
    audit: Audit = field(default_factory=NoAudit)
    leading_since: datetime = field(default_factory=utc_now)
    _seen: set[Key] = field(default_factory=set)
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, namespace: str) -> asyncio.Lock:
        """Who looks at all of a namespace before it begins something does so while nobody else there does."""
        return self._turns.setdefault(namespace, asyncio.Lock())

    def is_first_pass(self, key: Key) -> bool:
        """Whether this process has not yet completed a pass over `key`: what happened before, nobody watched."""
        return key not in self._seen

    def remember(self, key: Key) -> None:
        self._seen.add(key)

    def forget(self, key: Key) -> None:
        self._seen.discard(key)
        self.background.forget(key)
