"""Blocks of two simulated arms, for the tests of evidence."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, Block, MeanBlock, Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import Margin, max_increase

BEGIN = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ALPHA = Allocation(0.05, 0.05)
HALF_A_POINT = max_increase(Decimal("0.005"))


def blocks(arms: Iterable[tuple[Counts, Counts]], first: int = 0) -> list[Block]:
    """One block after the other, each with (stable, candidate)."""
    return [Block(BEGIN + number * BLOCK, *pair) for number, pair in enumerate(arms, first)]


def arriving(
    rng: np.random.Generator,
    number: int,
    *,
    stable: float,
    candidate: float,
    weight: float = 0.5,
    rate: float = 50,
    first: int = 0,
) -> list[Block]:
    """`rate` requests a second, each in error by itself."""
    arms = []
    for share, p in ((1 - weight, stable), (weight, candidate)):
        totals = rng.poisson(rate * BLOCK.total_seconds() * share, number)
        events = rng.binomial(totals, p)
        arms.append([Counts(int(x), int(n)) for x, n in zip(events, totals, strict=True)])
    return blocks(zip(*arms, strict=True), first)


def evidence(stable: Counts, candidate: Counts, margin: Margin = HALF_A_POINT) -> Evidence:
    """All in a single block: what the confidence sequences make of these counts."""
    return Evidence().with_blocks(blocks([(stable, candidate)]), margin)


def moments(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Moments:
    return Moments(len(values), float(values.sum()), float((values**2).sum()))


def mean_blocks(
    rng: np.random.Generator, number: int, *, stable: float, candidate: float, count: int = 50, first: int = 0
) -> list[MeanBlock]:
    """Observations in [0, 10] with these means, `count` of each arm per block."""
    result = []
    for at in range(first, first + number):
        arms = [moments(10 * rng.beta(mean, 10 - mean, count)) for mean in (stable, candidate)]
        result.append(MeanBlock(BEGIN + at * BLOCK, *arms))
    return result
