"""What a comparison with stable still accepts, as one line: decides nothing, gives every comparison the same geometry.

Every form a user can write says that the candidate is within `slope * stable + intercept`, once both proportions are
read as "how much of what is bad": a bound on a decrease of successes is one on an increase of failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from modelwright.analysis.counts import Counts
from modelwright.analysis.sequence import Interval


@dataclass(frozen=True)
class Margin:
    """Within means candidate <= slope * stable + intercept, in the metric's unit (`mirrored`: >= instead of <=).

    `text` is the margin as users wrote it ("0.005"), `bound` the sentence about it ("≤ stable + 0.005").
    """

    slope: float
    intercept: float
    mirrored: bool
    text: str
    bound: str

    def limit(self, stable: float) -> float:
        """The last value of the candidate, in the metric's unit, that is within the margin for this one of stable."""
        return self.slope * stable + self.intercept

    def surely_within(self, stable: Interval, candidate: Interval) -> bool:
        """Whether every pair of values in these intervals is within the margin."""
        if self.mirrored:
            return candidate.low >= self.limit(stable.high)
        return candidate.high <= self.limit(stable.low)

    def surely_beyond(self, stable: Interval, candidate: Interval) -> bool:
        """Whether no pair of values in these intervals is within the margin."""
        if self.mirrored:
            return candidate.high < self.limit(stable.low)
        return candidate.low > self.limit(stable.high)

    def bad(self, counts: Counts) -> Counts:
        """Counts of what is bad: the events, or where more events are better, all the others."""
        return Counts(counts.total - counts.events, counts.total) if self.mirrored else counts

    def bad_limit(self, stable: float) -> float:
        """As `limit`, for proportions of what is bad."""
        if self.mirrored:
            return 1 - self.limit(1 - stable)
        return self.limit(stable)


def max_increase(most: Decimal) -> Margin:
    """Candidate at most `most` above stable. Raises ValueError for a negative number."""
    return Margin(1.0, float(_not_negative(most)), False, f"{most:f}", f"≤ stable + {most:f}")


def max_decrease(most: Decimal) -> Margin:
    """Candidate at most `most` below stable. Raises ValueError for a negative number."""
    return Margin(1.0, -float(_not_negative(most)), True, f"−{most:f}", f"≥ stable − {most:f}")


def max_ratio(most: Decimal) -> Margin:
    """Candidate at most `most` times stable. Raises ValueError below 1: identical models must be within."""
    if most < 1:
        raise ValueError(f"a largest ratio is at least 1, found {most}")
    return Margin(float(most), 0.0, False, f"a ratio of {most:f}", f"≤ stable × {most:f}")


def min_ratio(least: Decimal) -> Margin:
    """Candidate at least `least` times stable. Raises ValueError unless 0 < least <= 1."""
    if not 0 < least <= 1:
        raise ValueError(f"a smallest ratio is above 0 and at most 1, found {least}")
    return Margin(float(least), 0.0, True, f"a ratio of {least:f}", f"≥ stable × {least:f}")


def _not_negative(margin: Decimal) -> Decimal:
    if margin < 0:
        raise ValueError(f"a margin is not negative, found {margin}")
    return margin
