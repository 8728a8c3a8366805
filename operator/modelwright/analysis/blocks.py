"""Spans of time in which both arms were counted: the unit in which evidence is folded, capped and checked for bursts.

Ten seconds are the best middle that was simulated: errors of one burst mostly share a block, whose evidence is capped,
and a late fault still fills enough blocks to be found within two minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from modelwright.analysis.counts import Counts

BLOCK = timedelta(seconds=10)
"""How long a block lasts."""


@dataclass(frozen=True)
class Block:
    """What both arms counted from `at` until `at` + BLOCK, all of it: a block that is not over yet is none."""

    at: datetime
    stable: Counts
    candidate: Counts


@dataclass(frozen=True)
class Moments:
    """`count` observations with their `sum` and the sum of their `squares`."""

    count: int
    sum: float
    squares: float

    def __post_init__(self) -> None:
        if self.count < 0 or self.squares < 0:
            raise ValueError(f"count and squares are not negative, found {self.count} and {self.squares}")

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.count + other.count, self.sum + other.sum, self.squares + other.squares)


NO_MOMENTS = Moments(0, 0.0, 0.0)
"""Before anything was observed."""


@dataclass(frozen=True)
class MeanBlock:
    """As Block, for a mean."""

    at: datetime
    stable: Moments
    candidate: Moments
