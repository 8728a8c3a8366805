"""Bounds from what stable showed before the switch: how sure they are, and what they still find."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.simulation.metric_world import drawn

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, NO_MOMENTS, MeanBlock, Moments
from modelwright.analysis.bounded import BoundedEvidence, proportion_within
from modelwright.analysis.bounded_means import BoundedMeanEvidence, mean_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.frozen import frozen_bounds, frozen_mean_bounds
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict

HALF = Allocation(0.025, 0.025)
START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_the_bound_is_the_margin_above_what_stable_may_have_at_most() -> None:
    bounds = frozen_bounds(Counts(200, 10_000), 1.0, max_increase(Decimal("0.02")), 0.05)
    assert bounds
    assert bounds.max
    assert Decimal("0.04") < bounds.max < Decimal("0.05")


def test_of_successes_it_is_the_least_that_is_left() -> None:
    bounds = frozen_bounds(Counts(9_800, 10_000), 1.0, max_decrease(Decimal("0.02")), 0.05)
    assert bounds
    assert bounds.min
    assert Decimal("0.95") < bounds.min < Decimal("0.96")


def test_what_comes_in_bursts_says_less() -> None:
    few, many = (frozen_bounds(Counts(200, 10_000), of, max_ratio(Decimal("1.2")), 0.05) for of in (1.0, 20.0))
    assert few
    assert many
    assert few.max
    assert many.max
    assert few.max < many.max


def test_too_little_of_stable_and_a_margin_beyond_everything_give_none() -> None:
    margin = max_increase(Decimal("0.02"))
    assert frozen_bounds(Counts(0, 49), 1.0, margin, 0.05) is None
    assert frozen_bounds(Counts(60, 60), 1.0, margin, 0.05) is None


@pytest.mark.parametrize(("candidate", "least", "most"), [(0.03, 0, 6), (0.06, 95, 100)])
def test_a_candidate_at_the_margin_fails_seldom_and_one_far_beyond_it_nearly_always(
    candidate: float, least: int, most: int
) -> None:
    failed, source, margin = 0, random.Random(7), max_increase(Decimal("0.01"))
    for _ in range(100):
        bounds = frozen_bounds(Counts(drawn(source, 6_000, 0.02), 6_000), 1.0, margin, HALF.fail)
        assert bounds
        evidence = BoundedEvidence()
        for number in range(60):
            block = (START + number * BLOCK, Counts(drawn(source, 500, candidate), 500))
            evidence = evidence.with_blocks([block], bounds)
        failed += proportion_within(evidence, bounds, HALF).verdict is Verdict.FAIL
    assert least <= failed <= most
    assert timedelta(minutes=10) == 60 * BLOCK


LEVELS = np.linspace(0, 1, 11)
SHAPES = {
    # As benchmarks/simulations/means.py has them: scores around 0.3, and durations with a long tail.
    "scores": np.array([0.028, 0.121, 0.233, 0.267, 0.200, 0.103, 0.037, 0.009, 0.002, 0.0, 0.0]),
    "durations": np.array([0.70, 0.20, 0.06, 0.02, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01]),
}


def measured(rng: np.random.Generator, shape: str, many: int, *, worse: float = 0.0) -> Moments:
    """Observations whose mean is `worse` higher, because some are as high as can be."""
    usual = SHAPES[shape] / SHAPES[shape].sum()
    mixed = worse / (1 - float(usual @ LEVELS))
    seen = rng.multinomial(many, (1 - mixed) * usual + mixed * (LEVELS == 1))
    return Moments(many, float(seen @ LEVELS), float(seen @ LEVELS**2))


def of_stable(rng: np.random.Generator, shape: str, margin: Margin) -> MeanEvidence:
    blocks = [MeanBlock(START + n * BLOCK, measured(rng, shape, 500), NO_MOMENTS) for n in range(12)]
    return MeanEvidence(0.0, 1.0).with_blocks(blocks, margin)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("worse", "least", "most"), [(0.02, 0, 3), (0.1, 47, 50)])
def test_so_do_means_of_any_shape(shape: str, worse: float, least: int, most: int) -> None:
    rng, margin, failed = np.random.default_rng([7, len(shape)]), max_increase(Decimal("0.02")), 0
    for _ in range(50):
        bounds = frozen_mean_bounds(of_stable(rng, shape, margin), margin, HALF.fail)
        assert bounds
        evidence = BoundedMeanEvidence(0.0, 1.0)
        blocks = [(START + n * BLOCK, measured(rng, shape, 500, worse=worse)) for n in range(40)]
        failed += mean_within(evidence.with_blocks(blocks, bounds), bounds, HALF).verdict is Verdict.FAIL
    assert least <= failed <= most


def test_a_lucky_stable_is_what_half_of_the_error_rate_is_for() -> None:
    rng, margin, beyond = np.random.default_rng(8), max_increase(Decimal("0.02")), 0
    truth = float(SHAPES["scores"] @ LEVELS / SHAPES["scores"].sum()) + 0.02
    for _ in range(300):
        bounds = frozen_mean_bounds(of_stable(rng, "scores", margin), margin, HALF.fail)
        assert bounds
        assert bounds.max
        beyond += float(bounds.max) < truth
    assert beyond <= 300 * HALF.fail


@pytest.mark.parametrize(("lowest", "highest"), [("0", "1"), ("2", "12"), ("0", "1000000000"), ("5", "5.000000002")])
def test_the_bound_of_a_mean_is_in_its_own_unit_and_short_enough_for_status(lowest: str, highest: str) -> None:
    low, high = float(lowest), float(highest)
    width, rng = high - low, np.random.default_rng(9)
    scores = [measured(rng, "scores", 1_000) for _ in range(20)]
    blocks = [
        MeanBlock(
            START + n * BLOCK,
            Moments(
                one.count,
                one.count * low + width * one.sum,
                one.count * low * low + 2 * low * width * one.sum + width * width * one.squares,
            ),
            NO_MOMENTS,
        )
        for n, one in enumerate(scores)
    ]
    for margin in (max_ratio(Decimal("1.1")), max_increase(Decimal(highest) / 10), max_decrease(Decimal(highest) / 50)):
        bounds = frozen_mean_bounds(MeanEvidence(low, high).with_blocks(blocks, margin), margin, 0.05)
        if bounds is None:
            continue
        bound = bounds.max if bounds.min is None else bounds.min
        assert bound is not None
        assert len(f"{bound:f}") <= 32
        mean = low + width * 0.3
        assert (float(bound) < mean) is margin.mirrored


def test_too_few_measurements_and_impossible_ones_give_no_bound() -> None:
    margin = max_increase(Decimal("0.02"))
    few = MeanEvidence(0.0, 1.0).with_blocks([MeanBlock(START, Moments(49, 15.0, 5.0), NO_MOMENTS)], margin)
    assert frozen_mean_bounds(few, margin, 0.05) is None
    broken = MeanEvidence(0.0, 1.0).with_blocks([MeanBlock(START, Moments(60, 90.0, 140.0), NO_MOMENTS)], margin)
    assert frozen_mean_bounds(broken, margin, 0.05) is None
