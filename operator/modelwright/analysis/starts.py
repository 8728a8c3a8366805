"""Evidence that begins anew with every block: one mixture of e-processes, so that a late fault need not outweigh a day.

Evidence since a step began goes blind: 24 healthy hours outweigh minutes of errors. Here every block starts an
e-process of its own, with weights that add up to 1. Their weighted sum is a supermartingale that starts at 1, so by
Ville's inequality it ever reaches 1/alpha with probability at most alpha, while a fault that begins at block j has only
ln(1/weight of j) to catch up with. What an e-value of a block is, harm.py says for proportions and mean_harm.py for
means: one for each size of fault that is imagined, which are mixed with equal weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log
from typing import Generic, TypeVar

from modelwright.analysis.blocks import NO_MOMENTS, Moments
from modelwright.analysis.counts import NOTHING, Counts

T = TypeVar("T", Counts, Moments)

EXCESSES = (1.0, 4.0, 16.0)
"""How far beyond the margin the candidate is imagined, in units of the margin or, if larger, an eighth of the usual."""
CAP_AT_FIRST, CAP, CAP_SETTLED = 2.0, 6.0, 20.0
"""How many times one block may multiply the evidence: until stable's dispersion is known, from then on, and once it is
known at all lengths.

The first leaves no Fail to fewer than nine blocks at an error rate of 5 %, so to no burst under a minute and a half.
"""
KNOWN_EVENTS = 20
"""Dispersion is known from so many events of stable on, times the dispersion itself: from so many bursts on."""
DOUBT = 3.0
"""ln of newest evidence against the candidate from which on it does not pass: it may have become worse just now."""
LEAST_BLOCKS = 3
"""Of newest evidence without which nothing fails, whatever a single block may show."""
EVENLY = (180, 1_080, 17_280)
"""Blocks (half an hour, three hours, two days) over each of which a part of the weight of all starts is spread evenly.

One more part halves with their number: most rollouts are bad from the first block on. A fault after ten minutes has 6.5
nats to catch up with, after an hour 8.1, after a day 11.
"""


@dataclass(frozen=True)
class Recent(Generic[T]):
    """Evidence since it was last in the candidate's favour, never below 0: when a fault began, and what it shows."""

    stable: T
    candidate: T
    log: float = 0.0
    blocks: int = 0

    def with_block(self, block: float, stable: T, candidate: T, nothing: T) -> Recent[T]:
        """Add the logarithm of a block's e-value, and what both arms counted in it. `nothing` is none of it."""
        if self.log + block <= 0:
            return Recent(nothing, nothing)
        known = self if self.log > 0 else Recent(nothing, nothing)
        return Recent(known.stable + stable, known.candidate + candidate, known.log + block, known.blocks + 1)


@dataclass(frozen=True)
class Starts:
    """After `blocks` blocks: `logs` are the logarithms of the started e-processes' weighted sums, one per excess."""

    blocks: int = 0
    logs: tuple[float, ...] = (-inf,) * len(EXCESSES)

    @property
    def log_e(self) -> float:
        """ln of the evidence: 0 at first, at least ln(1/alpha) with probability at most alpha if nothing is wrong."""
        return log_sum((log(waiting(self.blocks)), *(one - log(len(self.logs)) for one in self.logs)))

    def with_block(self, logs_of_block: Sequence[float]) -> Starts:
        """Start one more, and multiply all of them by the block's e-values."""
        starting = log(weight_of_start(self.blocks + 1))
        logs = (block + log_sum((so_far, starting)) for so_far, block in zip(self.logs, logs_of_block, strict=True))
        return Starts(self.blocks + 1, tuple(logs))


def no_counts() -> tuple[Recent[Counts], ...]:
    """Before any block of counts."""
    return (Recent(NOTHING, NOTHING),) * len(EXCESSES)


def no_moments() -> tuple[Recent[Moments], ...]:
    """Before any block of a mean."""
    return (Recent(NO_MOMENTS, NO_MOMENTS),) * len(EXCESSES)


def guarded(log_e: float, dispersion: float, known_events: float, *, settled: bool) -> float:
    """A block's ln e, divided by stable's `dispersion` and capped; `known_events` are stable's before this block.

    `settled`: the dispersion is known at all lengths. Two guards against what comes in bursts: a power of an e-value
    between 0 and 1 is an e-value, and so is less of it.
    """
    cap = CAP_AT_FIRST
    if known_events >= KNOWN_EVENTS * dispersion:
        cap = CAP_SETTLED if settled else CAP
    return min(log_e / dispersion, log(cap))


def weight_of_start(number: int) -> float:
    """Of the e-process that begins with the block of this number, from 1 on."""
    even = sum(1 / length for length in EVENLY if number <= length)
    return (even + 1 / (number * (number + 1))) / (len(EVENLY) + 1)


def waiting(blocks: int) -> float:
    """The weight of all starts after so many blocks."""
    even = sum(max(0.0, 1 - blocks / length) for length in EVENLY)
    return (even + 1 / (blocks + 1)) / (len(EVENLY) + 1)


def log_sum(logs: tuple[float, ...]) -> float:
    """ln of the sum of what these are the logarithms of."""
    largest = max(logs)
    return largest if largest == -inf else largest + log(sum(exp(one - largest) for one in logs))
