"""Each judgement says the right verdict, reason and numbers, also at its edges."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import numpy as np
import pytest

from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import shown, signed
from modelwright.analysis.share import observed_share
from modelwright.analysis.threshold import fast_limit, within
from modelwright.analysis.trigger import outside_with_confidence, value_outside
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Bounds, FastLimit

CONFIDENT = Decimal("0.99")


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
