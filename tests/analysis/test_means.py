"""The confidence sequence of means equals one computed observation by observation, and keeps its guarantee."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import log, log1p, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.analysis.arms import BEGIN, mean_blocks, moments

from modelwright.analysis.blocks import BLOCK, MeanBlock, Moments
from modelwright.analysis.margin import max_increase
from modelwright.analysis.means import Arm, MeanEvidence

TENTH = max_increase(Decimal("0.1"))

pieces = st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=20), min_size=1, max_size=15)


def by_observation(values: list[list[float]], alpha: float) -> tuple[float, float]:
    """Waudby-Smith and Ramdas's predictable plug-in sequence, with lambda and the guess changed at each piece only."""
    seen: list[float] = []
    weights = weighted = spent = 0.0
    for piece in values:
        guess = (0.5 + sum(seen)) / (len(seen) + 1)
        spread = sum((x - np.mean(seen)) ** 2 for x in seen) if seen else 0.0
        variance = (0.25 + spread) / (len(seen) + 1)
        n = len(seen) + len(piece)
        rate = min(sqrt(2 * log(2 / 0.01) / (variance * n * log1p(n))), 0.5)
        for x in piece:
            weights += rate
            weighted += rate * x
            spent += (-log1p(-rate) - rate) * (x - guess) ** 2
        seen += piece
    radius = (log(2 / alpha) + spent) / weights
    return max(weighted / weights - radius, 0), min(weighted / weights + radius, 1)


@settings(max_examples=60)
@given(pieces)
def test_sums_per_block_say_the_same_as_every_observation(values: list[list[float]]) -> None:
    arm = Arm()
    for piece in values:
        arm = arm.with_block(moments(np.array(piece)))
    interval = arm.interval(0.05, 1.0)
    assert (interval.low, interval.high) == pytest.approx(by_observation(values, 0.05), abs=1e-9)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1, 20), (20, 1), (0.05, 5)])
def test_a_true_mean_is_ever_left_out_at_most_as_often_as_alpha(a: float, b: float) -> None:
    rng, runs, alpha = np.random.default_rng(1), 100, 0.1
    mean = float(stats.beta.mean(a, b))
    left = 0
    for _ in range(runs):
        arm = Arm()
        for _ in range(60):
            arm = arm.with_block(moments(rng.beta(a, b, 10)))
            interval = arm.interval(alpha, 1.0)
            if not interval.low <= mean <= interval.high:
                left += 1
                break
    assert left <= alpha * runs


def test_bounds_come_close_to_what_a_single_look_would_give() -> None:
    rng, arm = np.random.default_rng(2), Arm()
    for _ in range(400):
        arm = arm.with_block(moments(rng.beta(2, 8, 50)))
    interval = arm.interval(0.05, 1.0)
    at_one_look = 2 * stats.norm.ppf(0.975) * sqrt(arm.variance / arm.seen.count)
    assert at_one_look < interval.high - interval.low < 3 * at_one_look


def test_the_unit_and_the_place_of_zero_do_not_matter() -> None:
    rng = np.random.default_rng(3)
    plain = mean_blocks(rng, 20, stable=2, candidate=4)

    def moved(block: Moments) -> Moments:
        """Of 100 x - 300 for each observation x."""
        squares = 1e4 * block.squares - 6e4 * block.sum + 9e4 * block.count
        return Moments(block.count, 100 * block.sum - 300 * block.count, squares)

    other = [MeanBlock(b.at, moved(b.stable), moved(b.candidate)) for b in plain]
    margin, wide = max_increase(Decimal("0.1")), max_increase(Decimal(10))
    here, there = MeanEvidence(0, 10).with_blocks(plain, margin), MeanEvidence(-300, 700).with_blocks(other, wide)
    assert here.harm.log_e == pytest.approx(there.harm.log_e)
    for a, b in zip(here.intervals(0.05), there.intervals(0.05), strict=True):
        assert (100 * a.low - 300, 100 * a.high - 300) == pytest.approx((b.low, b.high))


def test_blocks_of_a_mean_may_come_again_and_survive_a_restart() -> None:
    history = mean_blocks(np.random.default_rng(4), 30, stable=2, candidate=3)
    at_once = MeanEvidence(0, 10).with_blocks(history, TENTH)
    again = MeanEvidence(0, 10).with_blocks(history[:20], TENTH).with_blocks(history[5:], TENTH)
    assert again == at_once
    assert MeanEvidence.decoded(at_once.encoded()) == at_once
    late = [MeanBlock(BEGIN + timedelta(seconds=3), *(history[0].stable,) * 2)]
    assert at_once.with_blocks(late, TENTH) == at_once


@pytest.mark.parametrize("text", ["", "[]", "[9,0,1,null,false,[],[]]", "null"])
def test_what_is_no_evidence_of_a_mean_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not evidence"):
        MeanEvidence.decoded(text)


def test_bounds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="below"):
        MeanEvidence(1, 0)


def test_without_observations_everything_within_the_bounds_is_possible() -> None:
    stable, candidate = MeanEvidence(-5, 5).intervals(0.05)
    assert (stable.low, stable.high, candidate.low, candidate.high) == (-5, 5, -5, 5)


def test_sums_of_squares_that_are_too_small_are_impossible_not_a_variance_of_nothing() -> None:
    # A counter of squares that is another counter by mistake, or bounds far from zero and closer than floats can tell.
    sums = Moments(1_000, 300.0, 0.0)
    blocks = [MeanBlock(BEGIN + number * BLOCK, sums, sums) for number in range(3)]
    assert MeanEvidence(0.0, 1.0).with_blocks(blocks, TENTH).out_of_bounds
