"""How far the newest requests are from the training rows, by the bins that the model's folder states.

Memory: the bins of WINDOW rows, some 100 bytes each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from modelwright_playground.modelserver.model import Row

if TYPE_CHECKING:
    from modelwright_pipelines.reference import Reference

WINDOW = 5000


class Drift:
    """The newest rows that were asked for, counted by bin."""

    def __init__(self, reference: Reference, window: int = WINDOW) -> None:
        self._reference = reference
        self._window = window
        self._newest: deque[tuple[int, ...]] = deque()
        self._counts = {name: [0] * feature.bins for name, feature in reference.items()}

    @property
    def rows(self) -> int:
        """How many rows the effects are about."""
        return len(self._newest)

    def seen(self, rows: Iterable[Row]) -> None:
        """Rows came in, and have all features of the training rows."""
        for row in rows:
            self._add(tuple(feature.bin(row[name]) for name, feature in self._reference.items()), 1)
            if len(self._newest) > self._window:
                self._add(self._newest.popleft(), -1)

    def effects(self) -> Mapping[str, float]:
        """The population stability index of each feature; none before the first row."""
        if not self._newest:
            return {}
        return {name: feature.effect(self._counts[name]) for name, feature in self._reference.items()}

    def _add(self, bins: tuple[int, ...], by: int) -> None:
        if by > 0:
            self._newest.append(bins)
        for counts, number in zip(self._counts.values(), bins, strict=True):
            counts[number] += by
