"""A forecast is about what a decision then takes."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, HALF_A_POINT, arriving, evidence

from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.forecast import Traffic, samples_until_pass, seconds_until_pass, smallest_difference
from modelwright.analysis.guardrail import alpha_spent, compare
from modelwright.analysis.margin import max_decrease
from modelwright.analysis.verdict import Verdict

HEALTHY = Traffic(stable=0.002, candidate=0.002, stable_per_candidate=9)


def test_a_healthy_model_needs_about_as_many_requests_as_foreseen() -> None:
    needed = samples_until_pass(Evidence(), HALF_A_POINT, ALPHA, traffic=HEALTHY)
    assert needed is not None
    assert 2_500 <= needed <= 3_900

    def after(requests: int) -> Verdict:
        candidate = Counts(round(0.002 * requests), requests)
        stable = Counts(round(0.018 * requests), 9 * requests)
        return compare(evidence(stable, candidate), HALF_A_POINT, ALPHA).verdict

    assert after(needed) is Verdict.PASS
    assert after(needed * 9 // 10) is Verdict.INCONCLUSIVE


def test_a_forecast_goes_on_from_what_was_seen() -> None:
    passed = samples_until_pass(evidence(Counts(60, 30_000), Counts(12, 6_000)), HALF_A_POINT, ALPHA)
    under_way = samples_until_pass(evidence(Counts(18, 9_000), Counts(2, 1_000)), HALF_A_POINT, ALPHA)
    never = samples_until_pass(evidence(Counts(20, 10_000), Counts(100, 10_000)), HALF_A_POINT, ALPHA)
    assert passed == 0
    assert under_way is not None
    assert 1_500 <= under_way <= 3_500
    assert never is None
    assert samples_until_pass(Evidence(), HALF_A_POINT, ALPHA) is None


def test_the_time_left_follows_from_the_traffic_seen() -> None:
    seen = Evidence().with_blocks(
        arriving(np.random.default_rng(1), 12, stable=0.002, candidate=0.002, weight=0.1, rate=50), HALF_A_POINT
    )
    left, samples = seconds_until_pass(seen, HALF_A_POINT, ALPHA), samples_until_pass(seen, HALF_A_POINT, ALPHA)
    assert left is not None
    assert samples is not None
    assert left == pytest.approx(samples / 5, rel=0.2)
    assert seconds_until_pass(Evidence(), HALF_A_POINT, ALPHA) is None


def test_the_smallest_difference_is_found_in_about_half_of_the_runs() -> None:
    samples, blocks = 1_500, 60
    smallest = smallest_difference(HEALTHY, HALF_A_POINT, ALPHA, candidate_samples=samples, blocks=blocks)
    assert smallest is not None
    rng = np.random.default_rng(2)

    def found(difference: float) -> int:
        count = 0
        for _ in range(20):
            seen = Evidence()
            for block in arriving(rng, blocks, stable=0.002, candidate=0.002 + difference, weight=0.1, rate=25):
                seen = seen.with_blocks([block], HALF_A_POINT)
                if alpha_spent(seen, ALPHA.fail):
                    count += 1
                    break
        return count

    assert found(2.5 * smallest) >= 15
    assert found(smallest / 2) <= 5


def test_more_requests_find_smaller_differences_and_few_find_none() -> None:
    found = [
        smallest_difference(HEALTHY, HALF_A_POINT, ALPHA, candidate_samples=samples) or 1.0
        for samples in (200, 2_000, 20_000)
    ]
    assert found == sorted(found, reverse=True)
    assert smallest_difference(HEALTHY, HALF_A_POINT, ALPHA, candidate_samples=2) is None
    assert smallest_difference(HEALTHY, HALF_A_POINT, ALPHA, candidate_samples=20_000, blocks=3) is None


def test_a_difference_of_a_bounded_decrease_is_negative() -> None:
    successes = Traffic(stable=0.9, candidate=0.9, stable_per_candidate=1)
    smallest = smallest_difference(successes, max_decrease(Decimal("0.03")), ALPHA, candidate_samples=2_000)
    assert smallest is not None
    assert -0.2 < smallest < -0.03
