"""Is the candidate worse than its margin allows, from the start or since lately? Evidence at a known error rate.

Evidence since a step began goes blind: 24 healthy hours outweigh minutes of errors. Here it comes in blocks, and every
block starts an e-process of its own, with weights that add up to 1. Their weighted sum is a supermartingale that starts
at 1, so by Ville's inequality it ever reaches 1/alpha with probability at most alpha, while a fault that begins at
block j has only ln(1/weight of j) to catch up with.

The e-value of a block is a likelihood ratio between a worse candidate and the point of the null hypothesis, candidate
within the margin, that is nearest to it (Turner, Ly, Grünwald 2021, "Generic E-variables for exact sequential k-sample
tests"). What "worse" is follows from the blocks before, so it never depends on what it is judged by. Stable's
proportion may move: the null hypothesis asks nothing but that the candidate moves with it.

Two guards against errors that come in bursts. Evidence is divided by stable's dispersion (dispersion.py): a power of an
e-value between 0 and 1 is one. And a block multiplies the evidence by a capped factor, so that no Fail comes from fewer
than three blocks: the cap is lower until stable has shown enough for its dispersion to be known.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, log1p

from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.margin import Margin

EXCESSES = (1.0, 4.0, 16.0)
"""How far beyond the margin the candidate is imagined, in units of the margin or, if larger, an eighth of the usual."""
LEAST = 0.001
"""Stable's proportion is not imagined smaller than this, or the first event would be overwhelming."""
CAP_AT_FIRST, CAP = 2.0, 6.0
"""How many times one block may multiply the evidence: until stable's dispersion is known, and from then on.

The first leaves no Fail to fewer than nine blocks at an error rate of 5 %, so to no burst under a minute and a half.
"""
KNOWN_EVENTS = 20
"""Dispersion is known from so many events of stable on, times the dispersion itself: from so many bursts on."""
HORIZON = 17_280
"""Blocks (two days) over which half of the late starts' weight is spread evenly; the rest halves with their number."""
_HALVINGS = 35


@dataclass(frozen=True)
class Recent:
    """Evidence since it was last in the candidate's favour, never below 0: when a fault began, and what it shows."""

    log: float = 0.0
    blocks: int = 0
    stable: Counts = NOTHING
    candidate: Counts = NOTHING


@dataclass(frozen=True)
class Harm:
    """What the blocks of one step have added up to. `usual` is what stable showed, in terms of what is bad.

    `logs` are the logarithms of the started e-processes' weighted sums and `recent` the newest evidence, one for each
    imagined excess.
    """

    blocks: int = 0
    usual: Counts = NOTHING
    logs: tuple[float, ...] = (-inf,) * len(EXCESSES)
    recent: tuple[Recent, ...] = (Recent(),) * len(EXCESSES)

    @property
    def log_e(self) -> float:
        """ln of the evidence: 0 at first, at least ln(1/alpha) with probability at most alpha if nothing is wrong."""
        return log_sum((log(waiting(self.blocks)), *(one - log(len(self.logs)) for one in self.logs)))

    @property
    def clearest(self) -> Recent:
        """The newest evidence for the excess that fits it best."""
        return max(self.recent, key=lambda recent: recent.log)

    def with_block(self, stable: Counts, candidate: Counts, margin: Margin, dispersion: float = 1.0) -> Harm:
        """Add what both arms counted of what is bad over the same span; `dispersion` from the blocks before.

        A block that misses an arm changes nothing.
        """
        if stable.total == 0 or candidate.total == 0:
            return self
        largest = log(CAP if self.usual.events >= KNOWN_EVENTS * dispersion else CAP_AT_FIRST)
        number = self.blocks + 1
        starting = log(weight_of_start(number))
        logs, recent = [], []
        for excess, so_far, lately in zip(EXCESSES, self.logs, self.recent, strict=True):
            # The first block teaches what stable's proportion is; it cannot be judged by it as well.
            block = 0.0
            if self.blocks:
                block = min(log_e_of_block(stable, candidate, self.usual, margin, excess) / dispersion, largest)
            logs.append(block + log_sum((so_far, starting)))
            recent.append(_lately(lately, block, stable, candidate))
        return Harm(number, self.usual + stable, tuple(logs), tuple(recent))


def log_e_of_block(stable: Counts, candidate: Counts, seen: Counts, margin: Margin, excess: float) -> float:
    """ln of the e-value of one block against a candidate that is worse by `excess`; `seen` is stable's past."""
    usual = max((seen.events + 0.5) / (seen.total + 1), LEAST)
    worse = _worse(usual, margin, excess)
    if worse is None:
        return 0.0
    nearest = _nearest(stable.total, usual, candidate.total, worse, margin)
    return _log_ratio(stable, usual, nearest) + _log_ratio(candidate, worse, margin.bad_limit(nearest))


def _worse(usual: float, margin: Margin, excess: float) -> float | None:
    """The proportion of what is bad that the candidate is imagined to have; None if none is left above the margin."""
    limit = margin.bad_limit(usual)
    if not 0 < usual < 1 or limit >= 1:
        return None
    worse = limit + excess * max(limit - usual, usual / 8)
    return worse if worse < 1 else (limit + 1) / 2


def _nearest(stable_total: int, stable: float, candidate_total: int, candidate: float, margin: Margin) -> float:
    """Stable's proportion at the nearest point where the candidate is exactly at the margin.

    Nearest by the divergence of a block, whose derivative along that line rises: bisection.
    """
    slope, intercept = margin.slope, margin.bad_limit(0.0)
    low, high = stable, (candidate - intercept) / slope
    for _ in range(_HALVINGS):
        q = (low + high) / 2
        limit = slope * q + intercept
        rising = stable_total * (q - stable) / (q * (1 - q))
        rising += slope * candidate_total * (limit - candidate) / (limit * (1 - limit))
        if rising < 0:
            low = q
        else:
            high = q
    return (low + high) / 2


def _log_ratio(counts: Counts, imagined: float, null: float) -> float:
    rest = counts.total - counts.events
    return counts.events * log(imagined / null) + rest * (log1p(-imagined) - log1p(-null))


def weight_of_start(number: int) -> float:
    """Of the e-process that begins with the block of this number, from 1 on."""
    even = 0.5 / HORIZON if number <= HORIZON else 0.0
    return even + 0.5 / (number * (number + 1))


def waiting(blocks: int) -> float:
    """The weight of all starts after so many blocks."""
    return 0.5 * max(0.0, 1 - blocks / HORIZON) + 0.5 / (blocks + 1)


def _lately(lately: Recent, block: float, stable: Counts, candidate: Counts) -> Recent:
    if lately.log + block <= 0:
        return Recent()
    before = lately if lately.log > 0 else Recent()
    return Recent(before.log + block, before.blocks + 1, before.stable + stable, before.candidate + candidate)


def log_sum(logs: tuple[float, ...]) -> float:
    """ln of the sum of what these are the logarithms of."""
    largest = max(logs)
    return largest if largest == -inf else largest + log(sum(exp(one - largest) for one in logs))
