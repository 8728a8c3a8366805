"""Is a candidate's bounded mean worse than its margin allows, from the start or since lately? As harm.py, for means.

With s and c the means of both arms, scaled to [0, 1] and read as what is bad, the null hypothesis is c ≤ a s + b. For
any rates lambda and mu in [0, 1) and guesses g, h of the means that were fixed before the observations x of the
candidate and y of stable, the factors exp(lambda (x - c) - psi(lambda) (x - g)^2) and exp(mu (s - y) - psi(mu)
(y - h)^2) with psi(r) = -ln(1 - r) - r are at most 1 on average (Fan, Grama, Liu 2015, see means.py). With
n mu = a m lambda, for n observations of stable and m of the candidate, the unknown means cancel under the null
hypothesis, whatever they are and however they move from block to block:

    ln e = lambda (X - m b) - mu Y - psi(lambda) sum (x - g)^2 - psi(mu) sum (y - h)^2

Lambda is the best one for the fault that is imagined, at the variances of the blocks before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log1p, sqrt
from typing import Protocol

from modelwright.analysis.blocks import NO_MOMENTS, Moments
from modelwright.analysis.starts import EXCESSES, Recent, Starts, guarded, no_moments

LARGEST_RATE = 0.5


class Past(Protocol):
    """What the blocks before say of an arm: where its mean is guessed, and the variance of one observation."""

    @property
    def mean(self) -> float: ...
    @property
    def variance(self) -> float: ...


@dataclass(frozen=True)
class Line:
    """The accepted margin, scaled: bad of the candidate ≤ slope * bad of stable + intercept."""

    slope: float
    intercept: float
    mirrored: bool

    def bad(self, scaled: Moments) -> Moments:
        """Moments of 1 - x where less of x is worse."""
        if not self.mirrored:
            return scaled
        return Moments(
            scaled.count, scaled.count - scaled.sum, max(scaled.count - 2 * scaled.sum + scaled.squares, 0.0)
        )

    def bad_mean(self, scaled: float) -> float:
        """As `bad`, for a mean."""
        return 1 - scaled if self.mirrored else scaled


@dataclass(frozen=True)
class MeanHarm:
    """What the blocks of one step have added up to; `recent` scaled as everything here, one for each excess."""

    starts: Starts = field(default_factory=Starts)
    recent: tuple[Recent[Moments], ...] = field(default_factory=no_moments)

    @property
    def log_e(self) -> float:
        """As of Starts."""
        return self.starts.log_e

    @property
    def clearest(self) -> Recent[Moments]:
        """The newest evidence for the excess that fits it best."""
        return max(self.recent, key=lambda recent: recent.log)

    def with_block(
        self,
        blocks: tuple[Moments, Moments],
        pasts: tuple[Past, Past],
        line: Line,
        *,
        dispersion: float,
        known_events: float,
        settled: bool = False,
        taught: bool = False,
    ) -> MeanHarm:
        """Add what stable and candidate counted, scaled; everything else is known from the blocks before.

        `taught`: stable's past is known from before the first block, which then can be judged like any other.
        """
        stable, candidate = blocks
        if stable.count == 0 or candidate.count == 0:
            return self
        logs = [
            guarded(log_e_of_block(blocks, pasts, line, excess), dispersion, known_events, settled=settled)
            if self.starts.blocks or taught
            else 0.0
            for excess in EXCESSES
        ]
        recent = (
            lately.with_block(block, stable, candidate, NO_MOMENTS)
            for lately, block in zip(self.recent, logs, strict=True)
        )
        return MeanHarm(self.starts.with_block(logs), tuple(recent))


def log_e_of_block(blocks: tuple[Moments, Moments], pasts: tuple[Past, Past], line: Line, excess: float) -> float:
    """ln of the e-value of one block of stable and candidate against a candidate that is worse by `excess`."""
    stable, candidate = (line.bad(block) for block in blocks)
    usual, guess = (line.bad_mean(past.mean) for past in pasts)
    of_stable, of_candidate = (past.variance for past in pasts)
    limit = line.slope * usual + line.intercept
    if limit >= 1:
        return 0.0
    ratio = line.slope * candidate.count / stable.count
    imagined = excess * max(limit - usual, sqrt(of_stable) / 8)
    best = imagined / (of_candidate + line.slope * ratio * of_stable)
    rate = min(best, LARGEST_RATE, LARGEST_RATE / ratio)
    gained = rate * (candidate.sum - candidate.count * line.intercept) - ratio * rate * stable.sum
    return gained - cost(rate, candidate, guess) - cost(ratio * rate, stable, usual)


def cost(rate: float, block: Moments, guess: float) -> float:
    """What the variance of a block takes off the logarithm: psi(rate) sum (x - guess)^2."""
    around = max(block.squares - 2 * guess * block.sum + block.count * guess * guess, 0.0)
    return (-log1p(-rate) - rate) * around
