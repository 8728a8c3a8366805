"""One-sided bounds of a mean at one look, from count, sum and sum of squares: decides nothing.

The empirical Bernstein bound of Maurer and Pontil 2009 ("Empirical Bernstein bounds and sample variance penalization",
theorem 4): for n observations in [0, 1] with mean x and sample variance V, the true mean is below
x + sqrt(2 V ln(2/e) / n) + 7 ln(2/e) / (3 (n - 1)) with probability 1 - e at least. As exact.py, it holds for a window
that is looked at once; for evidence that is looked at again and again use means.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

from modelwright.analysis.blocks import Moments
from modelwright.api.metrics import Mean

# Rounding of sums that a counter holds as a float.
_SLACK = 1e-9


@dataclass(frozen=True)
class MeanBounds:
    """In the metric's own unit; each end holds by itself."""

    value: float
    low: float
    high: float


def is_possible(moments: Moments, mean: Mean) -> bool:
    """Whether observations within the metric's bounds can have these sums."""
    low, high = float(mean.min), float(mean.max)
    room = _SLACK * (moments.count + 1) * max(high, 1.0) ** 2
    within = low * moments.count - room <= moments.sum <= high * moments.count + room
    # Each (x - low)(high - x) is at least 0.
    return within and moments.squares <= (low + high) * moments.sum - low * high * moments.count + room


def mean_bounds(moments: Moments, mean: Mean, confidence: float) -> MeanBounds:
    """Raises ValueError for a confidence outside (0, 1), or without observations."""
    if not 0 < confidence < 1 or moments.count < 1:
        raise ValueError(f"needs a confidence between 0 and 1 and observations, found {confidence}, {moments.count}")
    low, width, n = float(mean.min), float(mean.max) - float(mean.min), moments.count
    value = moments.sum / n
    if n < 2:
        return MeanBounds(value, low, low + width)
    variance = max(moments.squares - moments.sum * moments.sum / n, 0.0) / (n - 1) / width**2
    cost = log(2 / (1 - confidence))
    radius = width * (sqrt(2 * variance * cost / n) + 7 * cost / (3 * (n - 1)))
    return MeanBounds(value, max(value - radius, low), min(value + radius, low + width))
