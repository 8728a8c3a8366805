"""Late faults are found within minutes, also after a day of health, and health is not taken for one."""

from __future__ import annotations

from decimal import Decimal
from math import exp, isfinite, log, log1p

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from modelwright.analysis.counts import Counts
from modelwright.analysis.latefaults import Evidence, late_fault, with_block
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable

MARGIN = AgainstStable(max_increase=Decimal("0.005"))
ALPHA = 0.05
MINUTE = 60


def blocks(
    rng: np.random.Generator,
    number: int,
    *,
    weight: float,
    stable: float,
    candidate: float,
    rate: float = 50,
    burst: int = 1,
) -> list[tuple[Counts, Counts]]:
    """Minutes of traffic at `rate` requests a second; errors come `burst` at a time."""
    arms = []
    for share, p in ((1 - weight, stable), (weight, candidate)):
        totals = rng.poisson(rate * MINUTE * share, number)
        events = np.minimum(totals, burst * rng.poisson(totals * p / burst))
        arms.append([Counts(int(x), int(n)) for x, n in zip(events, totals, strict=True)])
    return list(zip(*arms, strict=True))


def first_fail(evidence: Evidence, arriving: list[tuple[Counts, Counts]], cap: float | None = None) -> int | None:
    """The number of blocks until the first Fail; None if there is none."""
    for number, (stable, candidate) in enumerate(arriving, start=1):
        evidence = with_block(evidence, stable, candidate, against=MARGIN, cap=cap)
        if late_fault(evidence, against=MARGIN, alpha=ALPHA).verdict is Verdict.FAIL:
            return number
    return None


def after(healthy_minutes: int, rng: np.random.Generator, weight: float, cap: float | None = None) -> Evidence:
    evidence = Evidence()
    for stable, candidate in blocks(rng, healthy_minutes, weight=weight, stable=0.002, candidate=0.002):
        evidence = with_block(evidence, stable, candidate, against=MARGIN, cap=cap)
    return evidence


@pytest.mark.parametrize("healthy_minutes", [10, 60, 24 * 60])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_five_percent_errors_are_found_in_about_two_minutes_however_late_they_begin(
    healthy_minutes: int, weight: float
) -> None:
    rng = np.random.default_rng(healthy_minutes)
    evidence = after(healthy_minutes, rng, weight)
    delays = [
        first_fail(evidence, blocks(rng, 30, weight=weight, stable=0.002, candidate=0.05)) or 99 for _ in range(40)
    ]
    assert np.median(delays) <= 2
    assert max(delays) <= 5


def test_a_capped_block_cannot_decide_alone_and_needs_more_of_them() -> None:
    rng = np.random.default_rng(1)
    evidence = after(60, rng, 0.1, cap=3)
    found = first_fail(evidence, blocks(rng, 60, weight=0.1, stable=0.002, candidate=0.05), cap=3)
    assert found is not None
    assert 3 <= found <= 15


@pytest.mark.parametrize("candidate", [0.002, 0.007])
@pytest.mark.parametrize("weight", [0.05, 0.5])
def test_a_candidate_within_the_margin_fails_at_most_as_often_as_alpha(candidate: float, weight: float) -> None:
    rng = np.random.default_rng(9)
    failed = sum(
        first_fail(Evidence(), blocks(rng, 300, weight=weight, stable=0.002, candidate=candidate, rate=10)) is not None
        for _ in range(100)
    )
    assert failed <= 100 * ALPHA


def test_bursts_of_errors_are_kept_from_deciding_by_the_cap() -> None:
    def failures(cap: float | None) -> int:
        rng = np.random.default_rng(4)
        return sum(
            first_fail(
                Evidence(), blocks(rng, 120, weight=0.1, stable=0.002, candidate=0.002, rate=2, burst=5), cap=cap
            )
            is not None
            for _ in range(60)
        )

    assert failures(cap=3) <= 60 * ALPHA < failures(cap=None)


@given(
    st.integers(1, 5_000),
    st.integers(1, 5_000),
    st.integers(0, 300),
    st.floats(0.0001, 0.99),
    st.floats(0, 1),
    st.sampled_from(["0", "0.005", "0.1"]),
)
def test_a_block_multiplies_the_evidence_by_at_most_one_on_average(
    stable_total: int, candidate_total: int, learnt: int, p: float, part: float, margin: str
) -> None:
    """Exactly, for any proportions in the null hypothesis: the e-process is linear in likelihood ratios per request."""
    against = AgainstStable(max_increase=Decimal(margin))
    known = Evidence(blocks=1, stable=Counts(learnt, 1_000))
    candidate = min(p + float(margin), 1.0) * part

    def log_e(stable_events: int, candidate_events: int) -> NDArray[np.float64]:
        block = with_block(
            known, Counts(stable_events, stable_total), Counts(candidate_events, candidate_total), against=against
        )
        return np.array(block.logs) + log(2 * 3)

    nothing, one_stable, one_candidate = log_e(0, 0), log_e(1, 0), log_e(0, 1)
    for i in range(len(nothing)):
        stable_factor = log1p(p * (exp(one_stable[i] - nothing[i]) - 1)) * stable_total
        candidate_factor = log1p(candidate * (exp(one_candidate[i] - nothing[i]) - 1)) * candidate_total
        assert nothing[i] + stable_factor + candidate_factor <= 1e-6


def test_a_bounded_decrease_is_judged_like_an_increase_of_the_rest() -> None:
    increase, decrease = Evidence(), Evidence()
    falls = AgainstStable(max_decrease=Decimal("0.005"))
    for stable, candidate in blocks(np.random.default_rng(2), 20, weight=0.5, stable=0.01, candidate=0.03):
        increase = with_block(increase, stable, candidate, against=MARGIN)
        decrease = with_block(
            decrease,
            Counts(stable.total - stable.events, stable.total),
            Counts(candidate.total - candidate.events, candidate.total),
            against=falls,
        )
    assert increase == decrease
    assert increase.log_e > 10


def test_blocks_without_an_arm_change_nothing_and_evidence_stays_finite() -> None:
    evidence = Evidence()
    assert with_block(evidence, Counts(0, 10), Counts(0, 0), against=MARGIN) == evidence
    for _ in range(300):
        evidence = with_block(evidence, Counts(2_000, 10**6), Counts(2_000, 10**6), against=MARGIN)
    assert isfinite(evidence.log_e)
    assert evidence.log_e <= 0


def test_an_impossible_increase_is_never_found() -> None:
    evidence = Evidence()
    for _ in range(5):
        evidence = with_block(
            evidence, Counts(990, 1000), Counts(1000, 1000), against=AgainstStable(max_increase=Decimal("0.1"))
        )
    assert evidence.log_e <= 1e-9
