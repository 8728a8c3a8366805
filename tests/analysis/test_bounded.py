"""A proportion with bounds of its own: known error rates, late faults, bursts, and nothing that a restart changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from math import exp, inf, isfinite

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.analysis.arms import ALPHA, BEGIN

from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import (
    Beyond,
    BoundedEvidence,
    _log_ratio,
    proportion_within,
    seconds_until_within,
)
from modelwright.analysis.counts import Counts
from modelwright.analysis.starts import EXCESSES
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Bounds

FIVE_PERCENT = Bounds(max=Decimal("0.05"))


def told(counts: Iterable[Counts], first: int = 0) -> list[tuple[datetime, Counts]]:
    return [(BEGIN + number * BLOCK, one) for number, one in enumerate(counts, first)]


def arriving(rng: np.random.Generator, number: int, p: float, *, total: int = 100, mean: int = 1) -> list[Counts]:
    """Blocks of `total` observations, of which `p` are events that come `mean` at a time."""
    events = mean * rng.poisson(total * p / mean, number) if mean > 1 else rng.binomial(total, p, number)
    return [Counts(min(int(x), total), total) for x in events]


def first_verdict(
    evidence: BoundedEvidence, counts: list[Counts], verdict: Verdict, bounds: Bounds, at: int = 0
) -> float:
    for number, block in enumerate(told(counts, at), start=1):
        evidence = evidence.with_blocks([block], bounds)
        if proportion_within(evidence, bounds, ALPHA).verdict is verdict:
            return number
    return inf


@given(st.integers(1, 400), st.floats(0.001, 0.999), st.floats(0.001, 1), st.sampled_from(EXCESSES))
def test_a_block_multiplies_the_evidence_by_at_most_one_on_average(
    total: int, limit: float, part: float, excess: float
) -> None:
    events = np.arange(total + 1)
    logs = np.array([_log_ratio(Counts(int(x), total), limit, excess) for x in events])
    assert float(np.sum(stats.binom.pmf(events, total, limit * part) * np.exp(logs))) <= 1 + 1e-9


@pytest.mark.parametrize(
    ("bounds", "p"),
    [(FIVE_PERCENT, 0.05), (Bounds(min=Decimal("0.9")), 0.9), (Bounds(Decimal("0.02"), Decimal("0.05")), 0.05)],
    ids=["max", "min", "both"],
)
def test_a_proportion_at_its_bound_fails_and_passes_at_most_as_often_as_promised(bounds: Bounds, p: float) -> None:
    rng, runs = np.random.default_rng(1), 60
    for verdict in (Verdict.FAIL, Verdict.PASS):
        found = sum(first_verdict(BoundedEvidence(), arriving(rng, 40, p), verdict, bounds) < inf for _ in range(runs))
        assert found <= 0.05 * runs


def test_a_fault_after_hours_of_health_is_found_within_three_minutes() -> None:
    rng = np.random.default_rng(2)
    healthy = BoundedEvidence().with_blocks(told(arriving(rng, 3 * 360, 0.01)), FIVE_PERCENT)
    assert proportion_within(healthy, FIVE_PERCENT, ALPHA).verdict is Verdict.PASS
    delays = [first_verdict(healthy, arriving(rng, 40, 0.2), Verdict.FAIL, FIVE_PERCENT, at=3 * 360) for _ in range(10)]
    assert np.median(delays) <= 18


def test_a_fresh_fault_takes_the_pass_away_before_it_fails() -> None:
    rng = np.random.default_rng(3)
    seen = BoundedEvidence().with_blocks(told(arriving(rng, 360, 0.01)), FIVE_PERCENT)
    seen = seen.with_blocks(told([Counts(30, 100)] * 3, 360), FIVE_PERCENT)
    finding = proportion_within(seen, FIVE_PERCENT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "NotYetDecided")


def test_bursts_fail_a_healthy_proportion_less_often_than_single_events_would_let_them() -> None:
    """At four fifths of the bound, with bursts of five: a likelihood ratio without guards fails in most runs."""
    rng, runs = np.random.default_rng(4), 40
    guarded = unguarded = 0
    for _ in range(runs):
        counts = arriving(rng, 180, 0.04, mean=5)
        guarded += first_verdict(BoundedEvidence(), counts, Verdict.FAIL, FIVE_PERCENT) < inf
        starts = Beyond().starts
        worst = -inf
        for one in counts:
            starts = starts.with_block([_log_ratio(one, 0.05, excess) for excess in EXCESSES])
            worst = max(worst, starts.log_e)
        unguarded += exp(min(worst, 20)) >= 1 / ALPHA.fail
    assert guarded <= 0.05 * runs
    assert unguarded >= 0.25 * runs


def test_no_burst_under_a_minute_and_a_half_fails_anything() -> None:
    quiet, burst = [Counts(0, 100)] * 30, [Counts(100, 100)] * 30
    assert first_verdict(BoundedEvidence(), quiet + burst, Verdict.FAIL, FIVE_PERCENT) >= 30 + 9


def test_log_e_is_finite_and_not_above_zero_after_a_hundred_million_healthy_observations() -> None:
    seen = BoundedEvidence().with_blocks(told([Counts(1_000, 10**5)] * 1_000), FIVE_PERCENT)
    assert isfinite(seen.above.starts.log_e)
    assert seen.above.starts.log_e <= 0


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 29), st.integers(0, 29))
def test_splitting_repeating_and_reordering_looks_changes_nothing(seed: int, cut: int, again: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = told(arriving(rng, 30, 0.06, mean=2))
    at_once = BoundedEvidence().with_blocks(blocks, FIVE_PERCENT)
    restarted = BoundedEvidence.decoded(BoundedEvidence().with_blocks(blocks[:cut], FIVE_PERCENT).encoded())
    assert restarted.with_blocks(blocks[min(again, cut) :], FIVE_PERCENT) == at_once
    assert BoundedEvidence().with_blocks([blocks[i] for i in rng.permutation(30)], FIVE_PERCENT) == at_once


@pytest.mark.parametrize("text", ["", "[]", "null", '[9,"bounded",null,[0,0],[],[],[]]'])
def test_what_is_no_such_evidence_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not evidence"):
        BoundedEvidence.decoded(text)


def test_a_share_within_its_bound_passes_when_it_was_foreseen() -> None:
    bounds = Bounds(max=Decimal("0.05"))
    blocks = [(BEGIN + number * BLOCK, Counts(2, 50)) for number in range(2000)]
    early = BoundedEvidence().with_blocks(blocks[:12], bounds)
    left = seconds_until_within(early, bounds, ALPHA)
    assert left is not None
    passes = next(
        number
        for number in range(12, 2000, 10)
        if proportion_within(BoundedEvidence().with_blocks(blocks[:number], bounds), bounds, ALPHA).verdict
        is Verdict.PASS
    )
    assert left == pytest.approx((passes - 12) * BLOCK.total_seconds(), rel=0.25)
    assert seconds_until_within(early, Bounds(max=Decimal("0.03")), ALPHA) is None
    assert seconds_until_within(BoundedEvidence(), bounds, ALPHA) is None


def test_nothing_counted_is_no_data() -> None:
    assert proportion_within(BoundedEvidence(), FIVE_PERCENT, ALPHA).verdict is Verdict.NO_DATA


def test_a_bound_of_nothing_at_all_is_broken_by_events_that_go_on_and_not_by_their_absence() -> None:
    never = Bounds(max=Decimal(0))
    assert first_verdict(BoundedEvidence(), [Counts(1, 100)] * 30, Verdict.FAIL, never) < inf
    assert first_verdict(BoundedEvidence(), [Counts(0, 100)] * 30, Verdict.FAIL, never) == inf
