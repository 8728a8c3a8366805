"""The confidence sequence and the exact bounds equal an independent implementation and keep their guarantees."""

from __future__ import annotations

from math import isfinite, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from modelwright.analysis.counts import Counts
from modelwright.analysis.exact import lower_bound, upper_bound
from modelwright.analysis.sequence import ANYWHERE, confidence_sequence, log_e_value

counts = st.integers(0, 200_000).flatmap(lambda n: st.integers(0, n).map(lambda x: Counts(x, n)))
alphas = st.sampled_from([0.001, 0.01, 0.025, 0.05, 0.2])


def scipy_log_e(x: int, n: int, p: float) -> float:
    """The same mixture as a ratio of two probabilities that scipy knows by name."""
    each = [stats.betabinom.logpmf(x, n, prior.a, prior.b) for prior in ANYWHERE]
    return float(np.logaddexp.reduce(each) - log(len(each)) - stats.binom.logpmf(x, n, p))


@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (3, 40), (40, 40), (2, 1000), (997, 1000), (6_000, 60_000)])
@pytest.mark.parametrize("p", [0.0005, 0.05, 0.5, 0.97])
def test_the_evidence_equals_scipys(x: int, n: int, p: float) -> None:
    assert log_e_value(Counts(x, n), p) == pytest.approx(scipy_log_e(x, n, p), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize(("x", "n"), [(0, 50), (1, 50), (3, 40), (40, 40), (2, 1000), (997, 1000), (6_000, 60_000)])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_bounds_are_where_scipys_evidence_crosses(x: int, n: int, alpha: float) -> None:
    interval = confidence_sequence(Counts(x, n), alpha)
    mean = x / n

    def excess(p: float) -> float:
        return scipy_log_e(x, n, p) + log(alpha)

    if x > 0:
        assert interval.low == pytest.approx(optimize.brentq(excess, 1e-12, mean - 1e-12, xtol=1e-14), abs=1e-8)
    if x < n:
        assert interval.high == pytest.approx(optimize.brentq(excess, mean + 1e-12, 1 - 1e-12, xtol=1e-14), abs=1e-8)


@given(counts, alphas)
def test_bounds_enclose_the_mean_and_mirror_with_the_events(seen: Counts, alpha: float) -> None:
    interval = confidence_sequence(seen, alpha)
    assert 0 <= interval.low <= interval.high <= 1
    if seen.total:
        assert interval.low <= seen.events / seen.total <= interval.high
    mirrored = confidence_sequence(Counts(seen.total - seen.events, seen.total), alpha)
    assert mirrored.low == pytest.approx(1 - interval.high, abs=1e-9)
    assert mirrored.high == pytest.approx(1 - interval.low, abs=1e-9)


@given(counts)
def test_a_smaller_alpha_never_tightens_the_bounds(seen: Counts) -> None:
    wide, tight = confidence_sequence(seen, 0.001), confidence_sequence(seen, 0.1)
    assert wide.low <= tight.low
    assert wide.high >= tight.high


def test_without_observations_everything_is_possible() -> None:
    interval = confidence_sequence(Counts(0, 0), 0.05)
    assert (interval.low, interval.high) == (0, 1)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_an_alpha_that_is_no_probability_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        confidence_sequence(Counts(1, 2), alpha)


@pytest.mark.parametrize("healthy", [10**8, 10**12])
def test_evidence_stays_finite_and_negative_after_a_hundred_million_healthy_requests(healthy: int) -> None:
    seen = Counts(healthy // 500, healthy)
    assert isfinite(log_e_value(seen, 0.002))
    assert log_e_value(seen, 0.002) < 0
    interval = confidence_sequence(seen, 0.05)
    assert 0.00197 < interval.low < 0.002 < interval.high < 0.00203


@given(counts.filter(lambda seen: seen.total > 0), st.sampled_from([0.8, 0.95, 0.99, 0.999]))
def test_exact_bounds_equal_scipys_clopper_pearson(seen: Counts, confidence: float) -> None:
    x, n = seen.events, seen.total
    high = 1.0 if x == n else stats.beta.ppf(confidence, x + 1, n - x)
    low = 0.0 if x == 0 else stats.beta.ppf(1 - confidence, x, n - x + 1)
    assert upper_bound(seen, confidence) == pytest.approx(high, rel=1e-6, abs=1e-12)
    assert lower_bound(seen, confidence) == pytest.approx(low, rel=1e-6, abs=1e-12)


def test_exact_bounds_of_a_hundred_million_observations_equal_scipys() -> None:
    seen = Counts(88_000_000, 100_000_000)
    assert upper_bound(seen, 0.99) == pytest.approx(stats.beta.ppf(0.99, 88_000_001, 12_000_000), rel=1e-7)
    assert lower_bound(seen, 0.99) == pytest.approx(stats.beta.ppf(0.01, 88_000_000, 12_000_001), rel=1e-7)
