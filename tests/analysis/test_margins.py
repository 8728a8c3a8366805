"""Every form of a margin is the same line, and identical models are always within it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.analysis.counts import Counts
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.analysis.sequence import Interval

FORMS = (
    max_increase(Decimal("0.005")),
    max_decrease(Decimal("0.03")),
    max_ratio(Decimal("1.2")),
    min_ratio(Decimal("0.9")),
)
forms = st.sampled_from(FORMS)
shares = st.floats(0.001, 0.999)


@pytest.mark.parametrize(
    ("margin", "stable", "limit", "bound"),
    [
        (max_increase(Decimal("0.005")), 0.01, 0.015, "≤ stable + 0.005"),
        (max_decrease(Decimal("0.03")), 0.9, 0.87, "≥ stable − 0.03"),
        (max_ratio(Decimal("1.2")), 0.01, 0.012, "≤ stable × 1.2"),
        (min_ratio(Decimal("0.9")), 0.9, 0.81, "≥ stable × 0.9"),
    ],
)
def test_a_margin_says_how_far_the_candidate_may_go(margin: Margin, stable: float, limit: float, bound: str) -> None:
    assert margin.limit(stable) == pytest.approx(limit)
    assert margin.bound == bound


@given(forms, shares)
def test_identical_models_are_within_every_margin(margin: Margin, share: float) -> None:
    same = Interval(share, share)
    assert margin.surely_within(same, same)
    assert not margin.surely_beyond(same, same)


@given(forms, shares, shares)
def test_what_is_bad_is_on_the_same_side_of_the_line(margin: Margin, stable: float, candidate: float) -> None:
    one, other = Interval(stable, stable), Interval(candidate, candidate)
    if abs(candidate - margin.limit(stable)) > 1e-9:
        bad_stable, bad_candidate = (1 - stable, 1 - candidate) if margin.mirrored else (stable, candidate)
        assert margin.surely_within(one, other) == (bad_candidate <= margin.bad_limit(bad_stable))


@given(forms, st.tuples(shares, shares), st.tuples(shares, shares))
def test_an_interval_is_never_both_within_and_beyond(
    margin: Margin, stable: tuple[float, float], candidate: tuple[float, float]
) -> None:
    one, other = (Interval(min(pair), max(pair)) for pair in (stable, candidate))
    assert not (margin.surely_within(one, other) and margin.surely_beyond(one, other))


def test_fewer_successes_are_more_failures() -> None:
    assert max_decrease(Decimal("0.03")).bad(Counts(90, 100)) == Counts(10, 100)
    assert max_increase(Decimal("0.03")).bad(Counts(90, 100)) == Counts(90, 100)


@pytest.mark.parametrize(
    ("form", "number"), [(max_increase, "-0.1"), (max_decrease, "-0.1"), (max_ratio, "0.9"), (min_ratio, "1.1")]
)
def test_a_margin_that_identical_models_would_break_is_refused(form: type, number: str) -> None:
    with pytest.raises(ValueError, match="found"):
        form(Decimal(number))
