"""Exact (Clopper-Pearson) one-sided bounds of a proportion at one look, in plain Python: decides nothing.

They hold for a window that is looked at once; for evidence that is looked at again and again use sequence.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import exp, lgamma, log, log1p, sqrt

from modelwright.analysis.counts import Counts

_TINY = 1e-300
_STEPS = 200


@lru_cache(maxsize=1024)
def upper_bound(counts: Counts, confidence: float) -> float:
    """The largest proportion that so few events leave possible (they have probability 1 - `confidence` under it)."""
    if counts.events == counts.total:
        return 1.0
    x, n = counts.events, counts.total
    error = _error(confidence)
    return _root(lambda p: at_most(counts, p) - error, below=x / n, above=1.0)


@lru_cache(maxsize=1024)
def lower_bound(counts: Counts, confidence: float) -> float:
    """The smallest proportion that so many events leave possible (they have probability 1 - `confidence` under it)."""
    if counts.events == 0:
        return 0.0
    x, n = counts.events, counts.total
    error = _error(confidence)
    return _root(lambda p: error - at_least(counts, p), below=0.0, above=x / n)


def at_most(counts: Counts, p: float) -> float:
    """P(X <= events) for X binomial with `total` trials of probability p."""
    if counts.events == counts.total:
        return 1.0
    return _regularised_beta(counts.total - counts.events, counts.events + 1, 1 - p, p)


def at_least(counts: Counts, p: float) -> float:
    """P(X >= events) for X binomial with `total` trials of probability p."""
    if counts.events == 0:
        return 1.0
    return _regularised_beta(counts.events, counts.total - counts.events + 1, p, 1 - p)


def _error(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, found {confidence}")
    return 1 - confidence


def _root(falling: Callable[[float], float], *, below: float, above: float) -> float:
    """Where a falling function crosses zero: regula falsi (Illinois), with a bounded number of steps."""
    low, high = below, above
    at_low, at_high = falling(low), falling(high)
    side = 0
    for _ in range(_STEPS):
        if high - low <= 1e-12 * high or at_low == at_high:
            break
        guess = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < guess < high:
            guess = (low + high) / 2
        value = falling(guess)
        if value == 0:
            return guess
        if value > 0:
            low, at_low = guess, value
            at_high = at_high / 2 if side > 0 else at_high
            side = 1
        else:
            high, at_high = guess, value
            at_low = at_low / 2 if side < 0 else at_low
            side = -1
    return (low + high) / 2


def _regularised_beta(a: float, b: float, x: float, rest: float) -> float:
    """I_x(a, b), where `rest` is 1 - x; by the continued fraction (DLMF 8.17.22), evaluated forwards after Lentz."""
    if x <= 0:
        return 0.0
    if rest <= 0:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _regularised_beta(b, a, rest, x)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * _log(x, rest) + b * _log(rest, x))
    return front * _fraction(a, b, x) / a


def _log(value: float, rest: float) -> float:
    """ln(value), by way of its complement where that is the smaller and so the more exact of the two."""
    return log1p(-rest) if rest < value else log(value)


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    result = d
    # The number of terms grows with the root of the larger parameter; 100 more are room for small ones.
    for m in range(1, 100 + int(10 * sqrt(max(a, b)))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _nonzero(1 + even * d)
        c = _nonzero(1 + even / c)
        result *= c * d
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _nonzero(1 + odd * d)
        c = _nonzero(1 + odd / c)
        result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return result


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
