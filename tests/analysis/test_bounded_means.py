"""Means judged by bounds of their own: how often they err, how soon they decide, and what a restart keeps."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, Moments
from modelwright.analysis.bounded_means import BoundedMeanEvidence, mean_within
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Bounds

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ALPHA = Allocation(0.05, 0.05)
AT_MOST = Bounds(max=Decimal("0.3"))


def arriving(rng: np.random.Generator, blocks: int, mean: float, many: int = 200) -> list[tuple[datetime, Moments]]:
    """Beta distributed with a deviation of about 0.2."""
    a = mean * (mean * (1 - mean) / 0.04 - 1)
    found = []
    for number in range(blocks):
        seen = rng.beta(a, a * (1 - mean) / mean, many)
        found.append((START + number * BLOCK, Moments(many, float(seen.sum()), float((seen**2).sum()))))
    return found


def first(verdict: Verdict, blocks: list[tuple[datetime, Moments]], bounds: Bounds = AT_MOST) -> int | None:
    evidence = BoundedMeanEvidence(0.0, 1.0)
    for number, block in enumerate(blocks, 1):
        evidence = evidence.with_blocks([block], bounds)
        if mean_within(evidence, bounds, ALPHA).verdict is verdict:
            return number
    return None


def test_a_mean_on_its_bound_seldom_fails_or_passes() -> None:
    rng = np.random.default_rng(3)
    ends = [
        (first(Verdict.FAIL, blocks), first(Verdict.PASS, blocks))
        for blocks in (arriving(rng, 60, 0.3) for _ in range(50))
    ]
    assert sum(failed is not None for failed, _ in ends) <= 4
    assert sum(passed is not None for _, passed in ends) <= 4


@pytest.mark.parametrize(("mean", "verdict"), [(0.34, Verdict.FAIL), (0.26, Verdict.PASS)])
def test_one_a_fifth_of_a_deviation_away_is_decided_within_minutes(mean: float, verdict: Verdict) -> None:
    rng = np.random.default_rng(4)
    found = [first(verdict, arriving(rng, 60, mean)) for _ in range(20)]
    assert all(number is not None for number in found)


def test_bounds_below_work_as_those_above_do() -> None:
    rng, at_least = np.random.default_rng(5), Bounds(min=Decimal("0.7"))
    mirrored = [
        (at, Moments(seen.count, seen.count - seen.sum, seen.count - 2 * seen.sum + seen.squares))
        for at, seen in arriving(rng, 60, 0.34)
    ]
    assert first(Verdict.FAIL, mirrored, at_least) == first(Verdict.FAIL, arriving(np.random.default_rng(5), 60, 0.34))


def test_a_single_burst_of_the_worst_values_does_not_fail() -> None:
    rng = np.random.default_rng(6)
    burst = [(START + 30 * BLOCK, Moments(100, 100.0, 100.0))]
    after = [(at + 31 * BLOCK, seen) for at, seen in arriving(rng, 30, 0.2)]
    assert first(Verdict.FAIL, [*arriving(rng, 30, 0.2), *burst, *after]) is None


def test_blocks_may_come_in_any_order_and_again_and_be_saved_in_between() -> None:
    rng = np.random.default_rng(7)
    blocks = arriving(rng, 30, 0.31)
    at_once = BoundedMeanEvidence(0.0, 1.0).with_blocks(blocks, AT_MOST)
    half = BoundedMeanEvidence(0.0, 1.0).with_blocks(blocks[:17], AT_MOST)
    assert BoundedMeanEvidence.decoded(half.encoded()) == half
    assert BoundedMeanEvidence.decoded(half.encoded()).with_blocks(reversed(blocks), AT_MOST) == at_once
    with pytest.raises(ValueError, match="not evidence"):
        BoundedMeanEvidence.decoded('[1,"bounded",""]')


def test_squares_too_small_for_their_sum_are_an_error() -> None:
    broken = BoundedMeanEvidence(0.0, 1.0).with_blocks([(START, Moments(1_000, 300.0, 0.0))], AT_MOST)
    assert mean_within(broken, AT_MOST, ALPHA).verdict is Verdict.ERROR


def test_what_cannot_be_within_the_declared_bounds_is_an_error() -> None:
    broken = BoundedMeanEvidence(0.0, 1.0).with_blocks([(START, Moments(10, 20.0, 40.0))], AT_MOST)
    assert mean_within(broken, AT_MOST, ALPHA).verdict is Verdict.ERROR
    assert mean_within(BoundedMeanEvidence(0.0, 1.0), AT_MOST, ALPHA).verdict is Verdict.NO_DATA
