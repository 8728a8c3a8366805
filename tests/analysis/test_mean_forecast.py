"""A forecast of means is about what a decision then takes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, mean_blocks

from modelwright.analysis.goal import judge_goal
from modelwright.analysis.guardrail import alpha_spent, compare_means
from modelwright.analysis.margin import max_decrease, max_increase
from modelwright.analysis.mean_forecast import (
    MeanTraffic,
    Measured,
    samples_until_mean_passes,
    seconds_until_mean_passes,
    smallest_difference_of_means,
    smallest_increase_of_means,
)
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict

MARGIN = max_increase(Decimal("0.5"))
NOTHING = MeanEvidence(0, 10)
# Of the values that `mean_blocks` draws around 3: a Beta(3, 7), ten times as wide.
USUAL = Measured(3.0, 100 * 3 * 7 / (10**2 * 11))
TRAFFIC = MeanTraffic(USUAL, USUAL, 1.0)


def test_a_healthy_mean_needs_about_as_many_observations_as_foreseen() -> None:
    needed = samples_until_mean_passes(NOTHING, MARGIN, ALPHA, traffic=TRAFFIC)
    assert needed is not None
    taken = []
    for seed in range(10):
        rng, seen = np.random.default_rng(seed), NOTHING
        for number in range(400):
            seen = seen.with_blocks(mean_blocks(rng, 1, stable=3, candidate=3, count=20, first=number), MARGIN)
            if compare_means(seen, MARGIN, ALPHA).verdict is Verdict.PASS:
                break
        taken.append(seen.candidate.seen.count)
    assert needed == pytest.approx(float(np.median(taken)), rel=0.4)


def test_a_forecast_of_a_mean_goes_on_from_what_was_seen() -> None:
    rng = np.random.default_rng(1)
    begun = NOTHING.with_blocks(mean_blocks(rng, 10, stable=3, candidate=3, count=20), MARGIN)
    left, seconds = samples_until_mean_passes(begun, MARGIN, ALPHA), seconds_until_mean_passes(begun, MARGIN, ALPHA)
    assert left is not None
    assert seconds == pytest.approx(left / 2)
    further = begun.with_blocks(mean_blocks(rng, 10, stable=3, candidate=3, count=20, first=10), MARGIN)
    then = samples_until_mean_passes(further, MARGIN, ALPHA)
    assert then is not None
    assert 0 < then < left
    done = begun.with_blocks(mean_blocks(rng, 300, stable=3, candidate=3, count=50, first=10), MARGIN)
    assert samples_until_mean_passes(done, MARGIN, ALPHA) == 0


def test_a_mean_beyond_its_margin_never_passes_and_nothing_seen_says_nothing() -> None:
    worse = MeanTraffic(USUAL, Measured(4.0, USUAL.variance), 1.0)
    assert samples_until_mean_passes(NOTHING, MARGIN, ALPHA, traffic=worse) is None
    assert samples_until_mean_passes(NOTHING, MARGIN, ALPHA) is None
    assert seconds_until_mean_passes(NOTHING, MARGIN, ALPHA) is None


def test_the_smallest_difference_of_means_is_found_in_about_half_of_the_runs() -> None:
    blocks, count = 60, 30
    smallest = smallest_difference_of_means(
        NOTHING, TRAFFIC, MARGIN, ALPHA, candidate_samples=blocks * count, blocks=blocks
    )
    assert smallest is not None
    rng = np.random.default_rng(2)

    def found(difference: float) -> int:
        number = 0
        for _ in range(10):
            seen = NOTHING.with_blocks(
                mean_blocks(rng, blocks, stable=3, candidate=3 + difference, count=count), MARGIN
            )
            number += alpha_spent(seen, ALPHA.fail)
        return number

    assert found(1.6 * smallest) >= 8
    assert found(0.6 * smallest) <= 2


def test_more_observations_find_smaller_differences_of_means_and_few_find_none() -> None:
    found = [
        smallest_difference_of_means(NOTHING, TRAFFIC, MARGIN, ALPHA, candidate_samples=samples) or 10.0
        for samples in (100, 1_000, 10_000)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] > 0.5
    assert smallest_difference_of_means(NOTHING, TRAFFIC, MARGIN, ALPHA, candidate_samples=2) is None
    assert smallest_difference_of_means(NOTHING, TRAFFIC, MARGIN, ALPHA, candidate_samples=10_000, blocks=3) is None


def test_a_difference_of_a_bounded_decrease_of_a_mean_is_negative() -> None:
    smallest = smallest_difference_of_means(
        NOTHING, TRAFFIC, max_decrease(Decimal("0.5")), ALPHA, candidate_samples=5_000
    )
    assert smallest is not None
    assert -3 < smallest < -0.5


def test_the_smallest_increase_of_a_mean_is_where_a_goal_begins_to_pass() -> None:
    total, harm = 6_000, max_decrease(Decimal("0.5"))
    found = smallest_increase_of_means(NOTHING, USUAL, Decimal(0), ALPHA, stable=total, candidate=total)
    assert found is not None

    def improved(increase: float) -> bool:
        rng, blocks = np.random.default_rng(3), 120
        each = mean_blocks(rng, blocks, stable=3, candidate=3 + increase, count=total // blocks)
        seen = NOTHING.with_blocks(each, harm)
        return judge_goal(seen, min_increase=Decimal(0), max_decrease=None, alpha=ALPHA).reason == "Improved"

    assert not improved(0.6 * found)
    assert improved(1.5 * found)
    assert smallest_increase_of_means(NOTHING, USUAL, Decimal(0), ALPHA, stable=20, candidate=20) is None
