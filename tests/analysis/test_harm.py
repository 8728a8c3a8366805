"""Evidence of harm keeps its error rate, finds late faults within minutes, and withstands bursts of errors."""

from __future__ import annotations

from decimal import Decimal
from math import exp, inf, isfinite, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.analysis.arms import ALPHA, HALF_A_POINT, arriving, blocks

from modelwright.analysis.blocks import Block
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import alpha_spent
from modelwright.analysis.harm import Harm, log_e_of_block
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.analysis.starts import EVENLY, EXCESSES, waiting, weight_of_start

FORMS = (max_increase(Decimal(0)), HALF_A_POINT, max_ratio(Decimal("1.2")), min_ratio(Decimal("0.98")))


def first_fail(evidence: Evidence, coming: list[Block], margin: Margin = HALF_A_POINT) -> int | None:
    """The number of blocks until the first Fail; None if there is none."""
    for number, block in enumerate(coming, start=1):
        evidence = evidence.with_blocks([block], margin)
        if alpha_spent(evidence, ALPHA.fail):
            return number
    return None


@given(
    st.integers(1, 5_000),
    st.integers(1, 5_000),
    st.integers(0, 300),
    st.floats(0.0001, 0.99),
    st.floats(0, 1),
    st.sampled_from(FORMS),
    st.sampled_from(EXCESSES),
    st.floats(1, 20),
)
def test_a_block_multiplies_the_evidence_by_at_most_one_on_average(
    stable_total: int,
    candidate_total: int,
    learnt: int,
    p: float,
    part: float,
    margin: Margin,
    excess: float,
    dispersion: float,
) -> None:
    """Exactly, for any proportions within the margin: the e-value is a product of likelihood ratios per request."""
    candidate = min(margin.bad_limit(p), 1.0) * part

    def log_e(stable_events: int, candidate_events: int) -> float:
        arms = Counts(stable_events, stable_total), Counts(candidate_events, candidate_total)
        return log_e_of_block(*arms, Counts(learnt, 1_000), margin, excess) / dispersion

    nothing = log_e(0, 0)
    of_stable = log1p(p * (exp(log_e(1, 0) - nothing) - 1)) * stable_total
    of_candidate = log1p(candidate * (exp(log_e(0, 1) - nothing) - 1)) * candidate_total
    assert nothing + of_stable + of_candidate <= 1e-6


def test_the_weights_of_all_starts_add_up_to_one() -> None:
    """Without evidence either way, what was started and what waits are the whole, also beyond the horizon."""
    for blocks_so_far in (0, 1, 60, *EVENLY, 3 * EVENLY[-1]):
        started = sum(weight_of_start(number) for number in range(1, blocks_so_far + 1))
        assert started + waiting(blocks_so_far) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("weight", "median"), [(0.1, 12), (0.5, 9)])
def test_five_percent_errors_are_found_in_two_minutes_after_an_hour_of_health(weight: float, median: int) -> None:
    rng = np.random.default_rng(1)
    healthy = Evidence().with_blocks(arriving(rng, 360, stable=0.002, candidate=0.002, weight=weight), HALF_A_POINT)
    delays = [
        first_fail(healthy, arriving(rng, 60, stable=0.002, candidate=0.05, weight=weight, first=360)) or inf
        for _ in range(20)
    ]
    assert np.median(delays) <= median


def test_no_burst_of_a_minute_fails_a_candidate_whose_stable_was_not_yet_seen_to_have_any() -> None:
    quiet, burst = (Counts(0, 250), Counts(0, 250)), (Counts(0, 250), Counts(100, 250))
    assert first_fail(Evidence(), blocks([quiet] * 30 + [burst] * 6)) is None
    assert first_fail(Evidence(), blocks([quiet] * 30 + [burst] * 30)) is not None


def test_a_single_block_never_decides_however_bad_it_is() -> None:
    known = arriving(np.random.default_rng(2), 360, stable=0.01, candidate=0.01)
    disaster = blocks([(Counts(0, 10**6), Counts(10**6, 10**6))] * 2, first=360)
    assert first_fail(Evidence().with_blocks(known, HALF_A_POINT), disaster) is None


def test_an_outage_that_both_arms_share_is_not_the_candidates_fault() -> None:
    rng = np.random.default_rng(3)
    before = Evidence().with_blocks(arriving(rng, 180, stable=0.002, candidate=0.002), HALF_A_POINT)
    assert first_fail(before, arriving(rng, 180, stable=0.3, candidate=0.3, first=180)) is None


def test_a_bounded_decrease_is_judged_like_an_increase_of_the_rest() -> None:
    arms = arriving(np.random.default_rng(2), 60, stable=0.01, candidate=0.03)
    mirrored = [
        Block(b.at, *(Counts(arm.total - arm.events, arm.total) for arm in (b.stable, b.candidate))) for b in arms
    ]
    rises = Evidence().with_blocks(arms, HALF_A_POINT).harm
    falls = Evidence().with_blocks(mirrored, max_decrease(Decimal("0.005"))).harm
    assert falls.log_e == pytest.approx(rises.log_e)
    assert rises.log_e > 4


@pytest.mark.parametrize("size", [10**5, 10**7])
def test_log_e_is_finite_and_not_above_zero_after_a_hundred_million_healthy_requests(size: int) -> None:
    harm = Harm()
    for _ in range(10**8 // size * 3 if size == 10**7 else 1_000):
        harm = harm.with_block(Counts(size // 500, size), Counts(size // 500, size), HALF_A_POINT)
    assert isfinite(harm.log_e)
    assert harm.log_e <= 0


def test_blocks_that_miss_an_arm_change_nothing() -> None:
    harm = Harm().with_block(Counts(1, 100), Counts(1, 100), HALF_A_POINT)
    assert harm.with_block(Counts(0, 10), Counts(0, 0), HALF_A_POINT) == harm
    assert harm.with_block(Counts(0, 0), Counts(5, 10), HALF_A_POINT) == harm


def test_an_impossible_increase_is_never_found() -> None:
    harm = Harm()
    for _ in range(50):
        harm = harm.with_block(Counts(990, 1000), Counts(1000, 1000), max_increase(Decimal("0.1")))
    assert harm.log_e <= 1e-9


def test_the_newest_evidence_names_when_the_fault_began() -> None:
    healthy, faulty = (Counts(2, 1000), Counts(2, 1000)), (Counts(2, 1000), Counts(50, 1000))
    evidence = Evidence().with_blocks(blocks([healthy] * 100 + [faulty] * 5), HALF_A_POINT)
    recent = evidence.harm.clearest
    assert (recent.blocks, recent.candidate) == (5, Counts(250, 5000))


def test_a_rare_success_that_becomes_rarer_is_found_as_soon_as_a_rare_error_that_becomes_commoner() -> None:
    rng, point = np.random.default_rng(8), Decimal("0.01")
    errors = first_fail(Evidence(), arriving(rng, 200, stable=0.1, candidate=0.13), max_increase(point))
    successes = first_fail(Evidence(), arriving(rng, 200, stable=0.1, candidate=0.07), max_decrease(point))
    assert errors is not None
    assert successes is not None
    assert successes < 2 * errors
