"""Remembers what was folded last, so that a pass folds only blocks that are new. What is forgotten is folded again:
no result depends on it, and planning stays pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

E = TypeVar("E")
B = TypeVar("B")

MOST = 4096
"""Metrics of rollouts under way at the same time; each takes some kilobytes."""


class Remembered(Generic[E, B]):
    """`fold` adds blocks in the order of time, and adding them in two parts must be the same as adding them at once."""

    def __init__(self, fold: Callable[[E, Sequence[B], Any], E], most: int = MOST) -> None:
        self._fold = fold
        self._most = most
        self._known: OrderedDict[Hashable, tuple[Sequence[B], E]] = OrderedDict()

    def folded(self, start: E, blocks: Sequence[B], within: Any) -> E:
        """`start` with all of `blocks`, judged by `within`."""
        key = (start, within, *blocks[:1])
        before, evidence = self._known.pop(key, ((), start))
        if len(before) > len(blocks) or any(one != other for one, other in zip(before, blocks, strict=False)):
            before, evidence = (), start
        if len(blocks) > len(before):
            evidence = self._fold(evidence, blocks[len(before) :], within)
        self._known[key] = (blocks, evidence)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return evidence
