"""What the training rows looked like, feature by feature, so that a server can say how far its requests are from them.

`reference.json` in a model's folder. A number is known by the share of rows in each tenth of the training rows, a text
by the share of each value. Standard library only: servers read it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

TENTHS = 10
VALUES = 20
"""Texts that are told apart, the most frequent ones; all others are one."""


@dataclass(frozen=True)
class Feature:
    """The bins of one feature and how many training rows are in each. `edges` lie between the bins of a number;
    `values` are the bins of a text, and one more is for whatever else comes."""

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    values: tuple[str, ...] | None = None

    @staticmethod
    def of_numbers(found: Sequence[float]) -> Feature:
        ordered, values = sorted(found), sorted(set(found))
        tenths = (ordered[number * len(ordered) // TENTHS] for number in range(1, TENTHS))
        # Few values are bins of their own: in the tenths of a flag that is rarely set it would be lost.
        edges = values[1:] if len(values) <= TENTHS else dict.fromkeys(edge for edge in tenths if edge > ordered[0])
        return Feature((), edges=tuple(edges))._counted(found)

    @staticmethod
    def of_texts(found: Sequence[str]) -> Feature:
        often = sorted(Counter(found).items(), key=lambda item: (-item[1], item[0]))[:VALUES]
        return Feature((), values=tuple(value for value, _ in often))._counted(found)

    @property
    def bins(self) -> int:
        return 1 + len(self.edges if self.values is None else self.values)

    def bin(self, value: Any) -> int:
        """Where a value of a request belongs."""
        if self.values is None:
            return bisect_right(self.edges, float(value))
        return self.values.index(value) if value in self.values else len(self.values)

    def effect(self, counts: Sequence[int]) -> float:
        """The population stability index of `counts` against the training rows: 0 is the same, 0.2 a large shift.

        Half a row is added to each bin, so that an empty one is not infinitely far away.
        """
        ours, theirs = _shares(counts), _shares(self.counts)
        return sum((a - b) * log(a / b) for a, b in zip(ours, theirs, strict=True))

    def to_json(self) -> dict[str, Any]:
        bins: dict[str, Any] = {"edges": list(self.edges)} if self.values is None else {"values": list(self.values)}
        return {**bins, "counts": list(self.counts)}

    @staticmethod
    def from_json(stated: Mapping[str, Any]) -> Feature:
        """KeyError, TypeError or ValueError for what `to_json` does not write."""
        values = tuple(map(str, stated["values"])) if "values" in stated else None
        edges = () if values is not None else tuple(map(float, stated["edges"]))
        feature = Feature(tuple(map(int, stated["counts"])), edges, values)
        if len(feature.counts) != feature.bins:
            raise ValueError(f"found {len(feature.counts)} counts, need {feature.bins}")
        return feature

    def _counted(self, found: Iterable[Any]) -> Feature:
        counts = Counter(self.bin(value) for value in found)
        return Feature(tuple(counts[number] for number in range(self.bins)), self.edges, self.values)


Reference = Mapping[str, Feature]


def reference(rows: Sequence[Mapping[str, Any]], numbers: Iterable[str], texts: Iterable[str]) -> Reference:
    """What these rows look like."""
    found = {name: Feature.of_numbers([float(row[name]) for row in rows]) for name in numbers}
    return found | {name: Feature.of_texts([str(row[name]) for row in rows]) for name in texts}


def to_json(known: Reference) -> dict[str, Any]:
    return {name: feature.to_json() for name, feature in sorted(known.items())}


def load(file: Path) -> Reference | None:
    """None where there is no such file. KeyError, TypeError or ValueError where it is something else."""
    if not file.is_file():
        return None
    return {name: Feature.from_json(each) for name, each in json.loads(file.read_text(encoding="utf-8")).items()}


def _shares(counts: Sequence[int]) -> list[float]:
    whole = sum(counts) + len(counts) / 2
    return [(count + 0.5) / whole for count in counts]
