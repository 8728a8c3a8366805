"""What stable showed in the hour before evidence begins, so that bursts of its own are known from the first block on.

It decides nothing and never counts as evidence: a block's e-value holds whatever is known before the block. It tells
how far evidence reaches (dispersion.py), how soon a block may count more (starts.py), and what is usual.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Any, Generic

from modelwright.analysis.blocks import NO_MOMENTS, Moments
from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.dispersion import Dispersion
from modelwright.analysis.starts import T

HOUR = timedelta(hours=1)
"""How far back stable is looked at: ten times the longest length at which bursts are looked for."""
LATELY = 36
"""Blocks whose counts say what is usual when evidence begins: six minutes. What is usual moves with the hour."""


@dataclass(frozen=True)
class Before(Generic[T]):
    """All that stable counted in that hour, what it counted lately, and how much its counts vary."""

    seen: T
    lately: T
    dispersion: Dispersion

    def numbers(self) -> list[Any]:
        """For serialising; `counts_before` and `moments_before` read it back."""
        return [astuple(self.seen), astuple(self.lately), self.dispersion.numbers()]


NO_COUNTS_BEFORE: Before[Counts] = Before(NOTHING, NOTHING, Dispersion())
"""Nothing is known from before."""
NO_MOMENTS_BEFORE: Before[Moments] = Before(NO_MOMENTS, NO_MOMENTS, Dispersion())
"""As NO_COUNTS_BEFORE, for a mean."""


def before_counts(blocks: Iterable[Counts]) -> Before[Counts]:
    """From stable's blocks in the order of time; those in which nothing was counted are left out."""
    known = [block for block in blocks if block.total]
    dispersion = Dispersion()
    for block in known:
        dispersion = dispersion.added(block.events, block.total)
    return Before(sum(known, NOTHING), sum(known[-LATELY:], NOTHING), dispersion)


def before_moments(scaled: Iterable[Moments]) -> Before[Moments]:
    """As `before_counts`, of blocks of a mean that are scaled to [0, 1]."""
    known = [block for block in scaled if block.count]
    dispersion = Dispersion()
    for block in known:
        dispersion = dispersion.added(block.sum, block.count)
    return Before(sum(known, NO_MOMENTS), sum(known[-LATELY:], NO_MOMENTS), dispersion)


def counts_before(numbers: Any) -> Before[Counts]:
    """What `numbers` wrote. Raises TypeError or ValueError where it cannot have."""
    seen, lately, dispersion = numbers
    return Before(Counts(*seen), Counts(*lately), Dispersion.of(dispersion))


def moments_before(numbers: Any) -> Before[Moments]:
    """As `counts_before`, for a mean."""
    seen, lately, dispersion = numbers
    return Before(Moments(*seen), Moments(*lately), Dispersion.of(dispersion))
