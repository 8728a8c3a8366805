"""Anytime-valid confidence sequence for one proportion: decides nothing, says between which bounds the truth lies.

For independent observations with probability p, x of n being events, the Beta(a, b) mixture of likelihood ratios

    M(p) = B(a + x, b + n - x) / (B(a, b) * p^x * (1 - p)^(n - x))

is a non-negative martingale that starts at 1. By Ville's inequality the set {p : M(p) < 1/alpha} contains the true p at
all looks at once with probability 1 - alpha, however often and whenever one looks (Robbins 1970, "Statistical methods
related to the law of the iterated logarithm"; for this mixture Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform,
nonparametric, nonasymptotic confidence sequences"). Because ln M(p) = ln M(x/n) + n * KL(x/n, p), the set is an
interval around x/n, and its ends are where n * KL reaches ln(1/alpha) - ln M(x/n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from modelwright.analysis.counts import Counts

# Bisection halves an interval inside [0, 1]; a double has no room for more halvings than this.
_HALVINGS = 60


@dataclass(frozen=True)
class Interval:
    """`low` and `high` within [0, 1], `low` <= `high`."""

    low: float
    high: float


@dataclass(frozen=True)
class Prior:
    """Beta(a, b), both positive. It moves where the sequence is tight, never whether it is valid."""

    a: float
    b: float


# An equal mixture of priors is as valid as one and costs ln 3. Jeffreys' alone needs a fifth more requests where events
# are rare (0.2 % errors) or the rule (99.8 % successes), which is what guardrails mostly watch.
ANYWHERE = (Prior(0.5, 0.5), Prior(0.5, 50), Prior(50, 0.5))


def confidence_sequence(
    counts: Counts, alpha: float, priors: Sequence[Prior] = ANYWHERE, *, dispersion: float = 1.0
) -> Interval:
    """Bounds that hold at all looks at once with probability 1 - `alpha`; without observations [0, 1].

    `dispersion` (at least 1) is how many observations say as much as one: events in bursts of five, about five.
    Raises ValueError for an alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, found {alpha}")
    if counts.total == 0:
        return Interval(0.0, 1.0)
    # As if a smaller sample had shown the same proportion. Not exact: how bursts vary is estimated, not known.
    limit = (-log(alpha) - _log_mixture_at_mean(counts, priors, dispersion)) * dispersion
    mean = counts.events / counts.total
    low = 0.0 if counts.events == 0 else _crossing(counts, limit, inside=mean, outside=0.0)
    high = 1.0 if counts.events == counts.total else _crossing(counts, limit, inside=mean, outside=1.0)
    return Interval(low, high)


def log_e_value(counts: Counts, p: float, priors: Sequence[Prior] = ANYWHERE) -> float:
    """ln M(p), the evidence against the proportion `p` (0 < p < 1); 0 without observations. Finite at any count."""
    if counts.total == 0:
        return 0.0
    return _log_mixture_at_mean(counts, priors, 1.0) + _divergence(counts, p)


def _log_mixture_at_mean(counts: Counts, priors: Sequence[Prior], dispersion: float) -> float:
    x, rest = counts.events / dispersion, (counts.total - counts.events) / dispersion
    own = _xlogx(x) + _xlogx(rest) - _xlogx(x + rest)
    each = [_log_beta(prior.a + x, prior.b + rest) - _log_beta(prior.a, prior.b) - own for prior in priors]
    largest = max(each)
    return largest + log(sum(exp(one - largest) for one in each) / len(each))


def _divergence(counts: Counts, p: float) -> float:
    """n * KL(x/n, p): how much less likely p makes the observations than their own mean does."""
    x, n = counts.events, counts.total
    rest = n - x
    from_events = x * log(x / (n * p)) if x else 0.0
    from_rest = rest * (log(rest / n) - log1p(-p)) if rest else 0.0
    return from_events + from_rest


def _crossing(counts: Counts, limit: float, *, inside: float, outside: float) -> float:
    """Where the divergence reaches `limit` between the mean and an end. Errs outwards: a bound is never too tight."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if middle in (inside, outside):
            break
        if middle <= 0 or middle >= 1 or _divergence(counts, middle) >= limit:
            outside = middle
        else:
            inside = middle
    return outside


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _xlogx(x: float) -> float:
    return x * log(x) if x else 0.0
