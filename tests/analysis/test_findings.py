"""Each judgement says the right verdict, reason and numbers, also at its edges."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelwright.analysis.alpha import per_decision
from modelwright.analysis.comparison import compare_with_stable
from modelwright.analysis.counts import Counts
from modelwright.analysis.forecast import Traffic, samples_until_pass
from modelwright.analysis.numbers import shown, signed
from modelwright.analysis.share import observed_share
from modelwright.analysis.threshold import fast_limit, within
from modelwright.analysis.trigger import outside_with_confidence, value_outside
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable, Bounds, FastLimit

HALF_A_POINT = AgainstStable(max_increase=Decimal("0.005"))
CONFIDENT = Decimal("0.99")


def test_a_comparison_explains_its_arithmetic() -> None:
    finding = compare_with_stable(Counts(63, 30_000), Counts(11, 6_000), against=HALF_A_POINT, alpha=0.05)
    assert (finding.verdict, finding.reason) == (Verdict.PASS, "WithinMargin")
    assert finding.message == "difference −0.0003 [−0.0028, +0.0035], within 0.005"
    assert (finding.stable, finding.candidate, finding.bound) == ("0.0021", "0.001833", "≤ stable + 0.005")
    assert finding.samples == 6_000


@pytest.mark.parametrize(("stable", "candidate"), [((0, 0), (0, 10)), ((0, 10), (0, 0)), ((0, 0), (0, 0))])
def test_an_arm_without_observations_is_no_data(stable: tuple[int, int], candidate: tuple[int, int]) -> None:
    finding = compare_with_stable(Counts(*stable), Counts(*candidate), against=HALF_A_POINT, alpha=0.05)
    assert (finding.verdict, finding.reason) == (Verdict.NO_DATA, "NoSamples")


def test_few_observations_decide_nothing() -> None:
    finding = compare_with_stable(Counts(0, 20), Counts(1, 5), against=HALF_A_POINT, alpha=0.05)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "NotYetDecided")


def test_a_comparison_without_a_margin_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="neither"):
        compare_with_stable(Counts(0, 20), Counts(1, 5), against=AgainstStable(), alpha=0.05)


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(1, 3_000), st.integers(1, 3_000))
def test_a_decrease_of_successes_is_an_increase_of_failures(
    stable: int, candidate: int, more_stable: int, more_candidate: int
) -> None:
    s, c = Counts(stable, stable + more_stable), Counts(candidate, candidate + more_candidate)
    failures = compare_with_stable(s, c, against=AgainstStable(max_increase=Decimal("0.02")), alpha=0.05)
    successes = compare_with_stable(
        Counts(more_stable, s.total),
        Counts(more_candidate, c.total),
        against=AgainstStable(max_decrease=Decimal("0.02")),
        alpha=0.05,
    )
    assert failures.verdict is successes.verdict


@pytest.mark.parametrize(
    ("value", "samples", "minimum", "verdict", "reason"),
    [
        (0.01, 100, 0, Verdict.PASS, "WithinBounds"),
        (0.30, 100, 0, Verdict.PASS, "WithinBounds"),
        (0.0099, 100, 0, Verdict.FAIL, "OutsideBounds"),
        (0.3001, None, 0, Verdict.FAIL, "OutsideBounds"),
        (0.5, 0, 0, Verdict.NO_DATA, "TooFewSamples"),
        (0.5, 99, 100, Verdict.NO_DATA, "TooFewSamples"),
        (0.5, None, 100, Verdict.NO_DATA, "SamplesUnknown"),
        (nan, 100, 0, Verdict.NO_DATA, "NotANumber"),
        (inf, 100, 0, Verdict.NO_DATA, "NotANumber"),
    ],
)
def test_a_threshold_includes_its_ends_and_never_judges_what_is_unknown(
    value: float, samples: int | None, minimum: int, verdict: Verdict, reason: str
) -> None:
    finding = within(value, samples, Bounds(Decimal("0.01"), Decimal("0.30")), minimum)
    assert (finding.verdict, finding.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("counts", "verdict", "reason"),
    [
        (Counts(0, 0), Verdict.NO_DATA, "NoSamples"),
        (Counts(5, 100), Verdict.PASS, "WithinFastLimit"),
        (Counts(19, 100), Verdict.INCONCLUSIVE, "TooFewEvents"),
        (Counts(20, 100), Verdict.FAIL, "FastLimitExceeded"),
    ],
)
def test_the_fast_limit_decides_from_its_number_of_events_on(counts: Counts, verdict: Verdict, reason: str) -> None:
    finding = fast_limit(counts, FastLimit(Decimal("0.05"), 20))
    assert (finding.verdict, finding.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("counts", "bounds", "verdict", "reason"),
    [
        (Counts(860, 1000), Bounds(min=Decimal("0.9")), Verdict.FAIL, "OutsideBounds"),
        (Counts(895, 1000), Bounds(min=Decimal("0.9")), Verdict.PASS, "NotYetClear"),
        (Counts(920, 1000), Bounds(min=Decimal("0.9")), Verdict.PASS, "WithinBounds"),
        (Counts(150, 1000), Bounds(max=Decimal("0.1")), Verdict.FAIL, "OutsideBounds"),
        (Counts(105, 1000), Bounds(max=Decimal("0.1")), Verdict.PASS, "NotYetClear"),
        (Counts(0, 499), Bounds(min=Decimal("0.9")), Verdict.NO_DATA, "TooFewSamples"),
        (Counts(0, 0), Bounds(min=Decimal("0.9")), Verdict.NO_DATA, "TooFewSamples"),
    ],
)
def test_a_trigger_fires_only_with_confidence(counts: Counts, bounds: Bounds, verdict: Verdict, reason: str) -> None:
    finding = outside_with_confidence(counts, bounds, confidence=CONFIDENT, min_samples=500)
    assert (finding.verdict, finding.reason) == (verdict, reason)


def test_a_healthy_model_fires_a_trigger_in_at_most_one_of_a_hundred_windows() -> None:
    rng = np.random.default_rng(7)
    fired = sum(
        outside_with_confidence(
            Counts(int(rng.binomial(360, 0.9)), 360), Bounds(min=Decimal("0.9")), confidence=CONFIDENT, min_samples=100
        ).verdict
        is Verdict.FAIL
        for _ in range(2_000)
    )
    assert fired <= 20


def test_a_value_trigger_is_held_to_its_samples_only_where_it_has_them() -> None:
    bounds = Bounds(min=Decimal("0.9"))
    assert value_outside(0.8, None, bounds, min_samples=100).verdict is Verdict.FAIL
    assert value_outside(0.8, 50, bounds, min_samples=100).verdict is Verdict.NO_DATA
    assert value_outside(0.95, 150, bounds, min_samples=100).verdict is Verdict.PASS
    assert value_outside(nan, 150, bounds, min_samples=100).verdict is Verdict.NO_DATA


@pytest.mark.parametrize(
    ("stable", "candidate", "weight", "verdict"),
    [
        (0, 0, 10, Verdict.NO_DATA),
        (9, 1, 10, Verdict.INCONCLUSIVE),
        (9_000, 1_000, 10, Verdict.PASS),
        (5_000, 5_000, 10, Verdict.FAIL),
        (10_000, 0, 10, Verdict.FAIL),
        (1_000, 0, 0, Verdict.PASS),
        (900, 100, 0, Verdict.FAIL),
        (0, 100, 100, Verdict.PASS),
        (500, 500, 100, Verdict.FAIL),
    ],
)
def test_a_share_is_confirmed_or_contradicted_with_confidence(
    stable: int, candidate: int, weight: int, verdict: Verdict
) -> None:
    assert observed_share(stable, candidate, weight=weight).verdict is verdict


@pytest.mark.parametrize("weight", [1, 10, 50])
def test_a_true_share_is_never_called_a_mismatch_and_is_confirmed_in_the_end(weight: int) -> None:
    rng = np.random.default_rng(weight)
    for _ in range(100):
        arrivals = np.full(60, 250)
        candidate = np.cumsum(rng.binomial(arrivals, weight / 100))
        total = np.cumsum(arrivals)
        seen = [
            observed_share(int(t - c), int(c), weight=weight).verdict for t, c in zip(total, candidate, strict=True)
        ]
        assert Verdict.FAIL not in seen
        assert Verdict.PASS in seen


@pytest.mark.parametrize(("weight", "share"), [(10, 0.121), (10, 0.079), (50, 0.61)])
def test_a_share_just_beyond_the_tolerance_is_confirmed_in_at_most_five_percent(weight: int, share: float) -> None:
    rng = np.random.default_rng(weight)

    def is_ever_confirmed() -> bool:
        candidate = np.cumsum(rng.binomial(100, share, 50))
        return any(
            observed_share(100 * look - int(c), int(c), weight=weight).verdict is Verdict.PASS
            for look, c in enumerate(candidate, start=1)
        )

    assert sum(is_ever_confirmed() for _ in range(100)) <= 5


def test_a_route_that_ignores_its_weight_is_noticed_within_a_hundred_requests() -> None:
    assert observed_share(50, 50, weight=10).verdict is Verdict.FAIL
    assert observed_share(100, 0, weight=50).verdict is Verdict.FAIL


@pytest.mark.parametrize("weight", [-1, 101])
def test_a_weight_that_is_no_percentage_is_refused(weight: int) -> None:
    with pytest.raises(ValueError, match="weight"):
        observed_share(1, 1, weight=weight)


def test_the_error_rate_is_split_over_guardrails_and_steps() -> None:
    assert per_decision(Decimal("0.06"), 2, 3) == pytest.approx(0.01)
    assert per_decision(Decimal("0.06"), 0, 0) == pytest.approx(0.06)
    with pytest.raises(ValueError, match="error rate"):
        per_decision(Decimal("1"), 1, 1)


def test_a_forecast_is_about_what_a_pass_then_takes() -> None:
    healthy = Traffic(stable=0.002, candidate=0.002, stable_per_candidate=9)
    needed = samples_until_pass(Counts(0, 0), Counts(0, 0), against=HALF_A_POINT, alpha=0.05, traffic=healthy)
    assert needed is not None
    assert 2_500 <= needed <= 3_900

    def after(requests: int) -> Verdict:
        c, s = Counts(round(0.002 * requests), requests), Counts(round(0.018 * requests), 9 * requests)
        return compare_with_stable(s, c, against=HALF_A_POINT, alpha=0.05).verdict

    assert after(needed) is Verdict.PASS
    assert after(needed * 9 // 10) is Verdict.INCONCLUSIVE


def test_a_forecast_goes_on_from_what_was_seen() -> None:
    passed = samples_until_pass(Counts(60, 30_000), Counts(12, 6_000), against=HALF_A_POINT, alpha=0.05)
    under_way = samples_until_pass(Counts(18, 9_000), Counts(2, 1_000), against=HALF_A_POINT, alpha=0.05)
    never = samples_until_pass(Counts(20, 10_000), Counts(100, 10_000), against=HALF_A_POINT, alpha=0.05)
    assert passed == 0
    assert under_way is not None
    assert 1_500 <= under_way <= 3_500
    assert never is None
    assert samples_until_pass(Counts(0, 0), Counts(0, 0), against=HALF_A_POINT, alpha=0.05) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0021, "0.0021"), (0.12345678, "0.1235"), (0, "0"), (1234567, "1235000"), (-0.5, "−0.5"), (3e-9, "3e-09")],
)
def test_numbers_are_short_and_plain(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0007, "+0.0007"), (-0.0002, "−0.0002"), (0, "+0.0000"), (0.00001234, "+1.2e-05")]
)
def test_differences_carry_their_sign(value: float, text: str) -> None:
    assert signed(value) == text
