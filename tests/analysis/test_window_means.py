"""Bounds of a mean at one look hold as often as they say, and impossible sums are told."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from modelwright.analysis.blocks import Moments
from modelwright.analysis.trigger import mean_outside
from modelwright.analysis.verdict import Verdict
from modelwright.analysis.window_means import mean_bounds
from modelwright.api.metrics import Bounds, Mean

EUROS = Mean("n", "s", "q", Decimal(0), Decimal(500))


def moments(values: list[float]) -> Moments:
    return Moments(len(values), sum(values), sum(value * value for value in values))


def verdict(seen: Moments, bounds: Bounds, min_samples: int = 100) -> tuple[Verdict, str]:
    found = mean_outside(seen, EUROS, bounds, confidence=Decimal("0.99"), min_samples=min_samples)
    return found.verdict, found.reason


def test_each_end_is_wrong_no_more_often_than_it_may() -> None:
    chance = random.Random(7)
    missed = 0
    for _ in range(400):
        seen = moments([500.0 if chance.random() < 0.02 else chance.uniform(0, 20) for _ in range(300)])
        truth = 0.02 * 500 + 0.98 * 10
        missed += mean_bounds(seen, EUROS, 0.95).high < truth
    assert missed / 400 <= 0.05


def test_more_samples_are_surer() -> None:
    few, many = (mean_bounds(moments([10.0, 20.0] * n), EUROS, 0.99) for n in (50, 5000))
    assert few.value == many.value == 15
    assert few.low <= many.low < 15 < many.high <= few.high


def test_a_mean_is_outside_only_with_confidence() -> None:
    low = moments([10.0, 20.0] * 5000)
    assert verdict(low, Bounds(min=Decimal(20))) == (Verdict.FAIL, "OutsideBounds")
    assert verdict(low, Bounds(max=Decimal(10))) == (Verdict.FAIL, "OutsideBounds")
    assert verdict(low, Bounds(min=Decimal("15.01"))) == (Verdict.PASS, "NotYetClear")
    assert verdict(low, Bounds(min=Decimal(10), max=Decimal(20))) == (Verdict.PASS, "WithinBounds")
    assert verdict(moments([10.0] * 99), Bounds(min=Decimal(20))) == (Verdict.NO_DATA, "TooFewSamples")


@pytest.mark.parametrize("seen", [Moments(200, 200 * 501.0, 200 * 501.0**2), Moments(200, 100.0, 200 * 500.0**2)])
def test_sums_that_no_observations_have_decide_nothing(seen: Moments) -> None:
    assert verdict(seen, Bounds(min=Decimal(1000))) == (Verdict.ERROR, "OutOfBounds")
