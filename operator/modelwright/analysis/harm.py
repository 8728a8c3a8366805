"""Is the candidate worse than its margin allows, from the start or since lately? Evidence at a known error rate.

It comes in blocks, and each block starts evidence of its own (starts.py).

The e-value of a block is a likelihood ratio between a worse candidate and the point of the null hypothesis, candidate
within the margin, that is nearest to it (Turner, Ly, Grünwald 2021, "Generic E-variables for exact sequential k-sample
tests"). What "worse" is follows from the blocks before, so it never depends on what it is judged by. Stable's
proportion may move: the null hypothesis asks nothing but that the candidate moves with it.

Two guards against errors that come in bursts. Evidence is divided by stable's dispersion (dispersion.py): a power of an
e-value between 0 and 1 is one. And a block multiplies the evidence by a capped factor: the cap is lower until stable
has shown enough for its dispersion to be known. No Fail comes from fewer than three blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, log1p

from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.margin import Margin
from modelwright.analysis.starts import EXCESSES, Recent, Starts, guarded, no_counts

LEAST = 0.001
"""Stable's proportion is not imagined smaller than this, or the first event would be overwhelming."""
_HALVINGS = 35


@dataclass(frozen=True)
class Harm:
    """What the blocks of one step have added up to. `usual` is what stable showed, in terms of what is bad.

    `recent` is the newest evidence, one for each imagined excess.
    """

    usual: Counts = NOTHING
    starts: Starts = field(default_factory=Starts)
    recent: tuple[Recent[Counts], ...] = field(default_factory=no_counts)

    @property
    def log_e(self) -> float:
        """As of Starts."""
        return self.starts.log_e

    @property
    def blocks(self) -> int:
        """How many had both arms."""
        return self.starts.blocks

    @property
    def clearest(self) -> Recent[Counts]:
        """The newest evidence for the excess that fits it best."""
        return max(self.recent, key=lambda recent: recent.log)

    def with_block(
        self,
        stable: Counts,
        candidate: Counts,
        margin: Margin,
        dispersion: float = 1.0,
        *,
        known_events: int | None = None,
        settled: bool = False,
    ) -> Harm:
        """Add what both arms counted of what is bad over the same span.

        Everything else is from before the block: `dispersion` of stable, how many bad ones it is known from (default:
        those in `usual`), and whether it is `settled`. A block that misses an arm changes nothing.
        """
        if stable.total == 0 or candidate.total == 0:
            return self
        events = self.usual.events if known_events is None else known_events
        # Without a past the first block teaches what stable's proportion is; it cannot be judged by it as well.
        logs = [
            guarded(log_e_of_block(stable, candidate, self.usual, margin, excess), dispersion, events, settled=settled)
            if self.usual.total
            else 0.0
            for excess in EXCESSES
        ]
        recent = (
            lately.with_block(block, stable, candidate, NOTHING)
            for lately, block in zip(self.recent, logs, strict=True)
        )
        return Harm(self.usual + stable, self.starts.with_block(logs), tuple(recent))


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
    worse = limit + excess * max(limit - usual, min(usual, 1 - usual) / 8)
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
