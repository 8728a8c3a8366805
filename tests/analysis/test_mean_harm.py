"""Evidence against a mean keeps its error rate, finds late faults, and equals the sum over single observations."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from math import exp, inf, isfinite, log, log1p, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.arms import ALPHA, mean_blocks, moments

from modelwright.analysis.blocks import MeanBlock, Moments
from modelwright.analysis.guardrail import alpha_spent
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.analysis.mean_harm import Line, log_e_of_block
from modelwright.analysis.means import Arm, MeanEvidence
from modelwright.analysis.starts import EXCESSES

FORMS = (max_increase(Decimal(0)), max_increase(Decimal("0.5")), max_ratio(Decimal("1.2")), min_ratio(Decimal("0.9")))
HALF = max_increase(Decimal("0.5"))


def first_fail(evidence: MeanEvidence, coming: list[MeanBlock], margin: Margin = HALF) -> int | None:
    for number, block in enumerate(coming, start=1):
        evidence = evidence.with_blocks([block], margin)
        if alpha_spent(evidence, ALPHA.fail):
            return number
    return None


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.lists(st.floats(0, 1), min_size=1, max_size=20),
    st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    st.tuples(st.floats(0.001, 0.25), st.floats(0.001, 0.25)),
    st.sampled_from([Line(1.0, 0.05, False), Line(1.2, 0.0, False), Line(1.0, 0.05, True), Line(0.9, 0.1, True)]),
    st.sampled_from(EXCESSES),
)
def test_sums_say_the_same_as_every_observation(
    stable: list[float],
    candidate: list[float],
    means: tuple[float, float],
    variances: tuple[float, float],
    line: Line,
    excess: float,
) -> None:
    class Known:
        def __init__(self, mean: float, variance: float) -> None:
            self.mean, self.variance = mean, variance

    pasts = tuple(Known(mean, variance) for mean, variance in zip(means, variances, strict=True))
    found = log_e_of_block(
        (moments(np.array(stable)), moments(np.array(candidate))), (pasts[0], pasts[1]), line, excess
    )
    bad = [[1 - x for x in arm] if line.mirrored else arm for arm in (stable, candidate)]
    guesses = [1 - mean if line.mirrored else mean for mean in means]
    limit = line.slope * guesses[0] + line.intercept
    if limit >= 1:
        assert found == 0
        return
    ratio = line.slope * len(candidate) / len(stable)
    wanted = excess * max(limit - guesses[0], sqrt(variances[0]) / 8)
    rate = min(wanted / (variances[1] + line.slope * ratio * variances[0]), 0.5, 0.5 / ratio)
    expected = 0.0
    for x in bad[1]:
        expected += rate * (x - line.intercept) - (-log(1 - rate) - rate) * (x - guesses[1]) ** 2
    for y in bad[0]:
        expected += -ratio * rate * y - (-log(1 - ratio * rate) - ratio * rate) * (y - guesses[0]) ** 2
    assert found == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40)
@given(
    st.integers(1, 2_000),
    st.integers(1, 2_000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.tuples(st.floats(0.01, 0.99), st.floats(0.01, 0.99)),
    st.floats(0.001, 0.25),
    st.sampled_from([Line(1.0, 0.05, False), Line(1.2, 0.0, False), Line(1.0, 0.0, False), Line(0.9, 0.1, True)]),
    st.sampled_from(EXCESSES),
)
def test_a_block_multiplies_the_evidence_by_at_most_one_on_average(
    stable_count: int,
    candidate_count: int,
    stable: float,
    part: float,
    guesses: tuple[float, float],
    variance: float,
    line: Line,
    excess: float,
) -> None:
    """Exactly, for observations that are 0 or 1, whatever was learnt before and whatever stable's mean is now."""

    class Known:
        def __init__(self, mean: float) -> None:
            self.mean, self.variance = mean, variance

    candidate = min(line.slope * stable + line.intercept, 1.0) * part
    p, q = (1 - stable, 1 - candidate) if line.mirrored else (stable, candidate)

    def log_e(stable_ones: int, candidate_ones: int) -> float:
        arms = Moments(stable_count, stable_ones, stable_ones), Moments(candidate_count, candidate_ones, candidate_ones)
        return log_e_of_block(arms, (Known(guesses[0]), Known(guesses[1])), line, excess)

    nothing = log_e(0, 0)
    of_stable = log1p(p * (exp(log_e(1, 0) - nothing) - 1)) * stable_count
    of_candidate = log1p(q * (exp(log_e(0, 1) - nothing) - 1)) * candidate_count
    assert nothing + of_stable + of_candidate <= 1e-6


@pytest.mark.parametrize("margin", FORMS, ids=lambda margin: margin.bound)
def test_a_candidate_at_its_margin_fails_at_most_as_often_as_promised(margin: Margin) -> None:
    rng, runs = np.random.default_rng(1), 40
    failed = sum(
        first_fail(MeanEvidence(0, 10), mean_blocks(rng, 60, stable=4, candidate=margin.limit(4), count=30), margin)
        is not None
        for _ in range(runs)
    )
    assert failed <= 0.05 * runs


def test_a_mean_that_becomes_worse_after_a_day_of_health_is_found_within_two_minutes() -> None:
    rng = np.random.default_rng(2)
    one_minute = mean_blocks(rng, 6, stable=2, candidate=2)
    healthy = MeanEvidence(0, 10).with_blocks(
        [
            MeanBlock(b.at + day * timedelta(minutes=1), b.stable, b.candidate)
            for day in range(24 * 60)
            for b in one_minute
        ],
        HALF,
    )
    delays = [
        first_fail(healthy, mean_blocks(rng, 30, stable=2, candidate=4, first=24 * 360)) or inf for _ in range(10)
    ]
    assert np.median(delays) <= 12


def test_log_e_is_finite_and_not_above_zero_after_a_hundred_million_healthy_observations() -> None:
    seen, block = MeanEvidence(0, 10), Moments(10**5, 2e5, 4.2e5)
    start = mean_blocks(np.random.default_rng(3), 1, stable=2, candidate=2)[0].at
    seen = seen.with_blocks((MeanBlock(start + n * timedelta(seconds=10), block, block) for n in range(1_000)), HALF)
    assert isfinite(seen.harm.log_e)
    assert seen.harm.log_e <= 0


def test_a_decrease_is_judged_like_an_increase_of_the_rest() -> None:
    rng = np.random.default_rng(4)
    rising = mean_blocks(rng, 40, stable=2, candidate=3)

    def rest(block: Moments) -> Moments:
        return Moments(block.count, 10 * block.count - block.sum, 100 * block.count - 20 * block.sum + block.squares)

    falling = [MeanBlock(b.at, rest(b.stable), rest(b.candidate)) for b in rising]
    rises = MeanEvidence(0, 10).with_blocks(rising, HALF).harm.log_e
    falls = MeanEvidence(0, 10).with_blocks(falling, max_decrease(Decimal("0.5"))).harm.log_e
    assert falls == pytest.approx(rises)
    assert rises > 4


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 39), st.integers(0, 39))
def test_splitting_repeating_and_reordering_looks_changes_nothing(seed: int, cut: int, again: int) -> None:
    """A look is whatever blocks it brings: how they are split over looks, told twice or in which order is all one."""
    rng = np.random.default_rng(seed)
    told = mean_blocks(rng, 40, stable=2, candidate=2.4, count=20)
    shuffled = [told[i] for i in rng.permutation(40)]
    at_once = MeanEvidence(0, 10).with_blocks(told, HALF)
    in_two = MeanEvidence(0, 10).with_blocks(told[:cut], HALF).with_blocks(told[min(again, cut) :], HALF)
    restarted = MeanEvidence.decoded(MeanEvidence(0, 10).with_blocks(told[:cut], HALF).encoded())
    assert in_two == at_once == MeanEvidence(0, 10).with_blocks(shuffled, HALF)
    assert restarted.with_blocks(told, HALF) == at_once


def test_blocks_that_miss_an_arm_say_nothing_against_the_candidate() -> None:
    told = mean_blocks(np.random.default_rng(5), 20, stable=2, candidate=3)
    lonely = [MeanBlock(b.at, Moments(0, 0, 0), b.candidate) for b in told]
    assert MeanEvidence(0, 10).with_blocks(lonely, HALF).harm.log_e == 0
    assert Arm().with_block(Moments(0, 0, 0)) == Arm()
