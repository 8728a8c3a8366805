"""Bounds from what stable showed before the switch: how sure they are, and what they still find."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.simulation.metric_world import drawn

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import BoundedEvidence, proportion_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.frozen import frozen_bounds
from modelwright.analysis.margin import max_decrease, max_increase, max_ratio
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
