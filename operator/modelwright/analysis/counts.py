"""Counts of one arm, as integers: what every comparison of proportions starts from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counts:
    """`events` among `total` observations, both reset-aware integer deltas of raw counters since a given time."""

    events: int
    total: int

    def __post_init__(self) -> None:
        if not 0 <= self.events <= self.total:
            raise ValueError(f"events must be between 0 and total, found {self.events} of {self.total}")

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.events + other.events, self.total + other.total)


NOTHING = Counts(0, 0)
"""Before anything was counted."""
