"""What stable showed in the hour before evidence begins: it keeps bursts from rolling back, and finds faults sooner."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from benchmarks.simulations.traffic import Sticky, bursts_of_one_arm
from tests.analysis.arms import ALPHA, BEGIN, HALF_A_POINT, arriving, blocks, mean_blocks

from modelwright.analysis.before import NO_COUNTS_BEFORE, Before, before_counts
from modelwright.analysis.blocks import Block, MeanBlock, Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence, dispersion_of_stable
from modelwright.analysis.guardrail import alpha_spent, compare
from modelwright.analysis.margin import max_decrease, max_increase
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.starts import LEAST_BLOCKS
from modelwright.analysis.verdict import Verdict

HOUR = 360
HALF = max_increase(Decimal("0.5"))


def hour(rng: np.random.Generator, p: float = 0.002) -> Before[Counts]:
    """Of a stable that fails in `p` of 50 requests a second, each by itself."""
    return before_counts(block.stable for block in arriving(rng, HOUR, stable=p, candidate=p, weight=0.0))


def in_bursts(rng: np.random.Generator, number: int, rate: float) -> list[Counts]:
    """1 % of `rate` requests a second fail, a hundred at a time while one user retries."""
    (errors,) = bursts_of_one_arm(rng, 1, number, rate * 0.1 / 100, 100, Sticky.USER, rate)
    return [Counts(int(bad), int(bad + rng.poisson(rate * 10))) for bad in errors]


def first_fail(evidence: Evidence, coming: list[Block]) -> int | None:
    for number, block in enumerate(coming, 1):
        evidence = evidence.with_blocks([block], HALF_A_POINT)
        if alpha_spent(evidence, ALPHA.fail):
            return number
    return None


def test_an_hour_with_bursts_keeps_those_of_the_candidate_from_rolling_it_back() -> None:
    found: dict[str, list[int | None]] = {"known": [], "unknown": []}
    for seed in range(25):
        rng = np.random.default_rng(seed)
        known = before_counts(in_bursts(rng, HOUR, 50))
        coming = blocks(list(zip(in_bursts(rng, 120, 25), in_bursts(rng, 120, 25), strict=True)))
        found["known"].append(first_fail(Evidence.begun("", known), coming))
        found["unknown"].append(first_fail(Evidence(), coming))
    assert sum(one is not None for one in found["known"]) <= 1
    assert sum(one is not None for one in found["unknown"]) >= 3


@pytest.mark.parametrize(("weight", "within"), [(0.1, 9), (0.5, 4)])
def test_a_fault_from_the_first_block_on_is_found_sooner_after_a_quiet_hour(weight: float, within: int) -> None:
    known, unknown = [], []
    for seed in range(15):
        rng = np.random.default_rng(seed)
        coming = arriving(rng, 60, stable=0.002, candidate=0.05, weight=weight)
        known.append(first_fail(Evidence.begun("", hour(rng)), coming) or 60)
        unknown.append(first_fail(Evidence(), coming) or 60)
    assert np.median(known) <= within < np.median(unknown)


def test_however_quiet_the_hour_was_no_fail_comes_from_fewer_than_three_blocks() -> None:
    rng = np.random.default_rng(1)
    disaster = blocks([(Counts(2_000, 10**6), Counts(10**6, 10**6))] * LEAST_BLOCKS)
    assert first_fail(Evidence.begun("", hour(rng)), disaster) == LEAST_BLOCKS


def test_an_hour_at_another_level_makes_no_difference_between_equal_arms() -> None:
    """What was usual in the night is exceeded by both arms in the morning."""
    for p in (0.0005, 0.05):
        rng = np.random.default_rng(2)
        seen = Evidence.begun("", hour(rng, p))
        assert first_fail(seen, arriving(rng, HOUR, stable=0.01, candidate=0.01)) is None


def test_an_hour_without_requests_is_no_hour() -> None:
    assert before_counts([Counts(0, 0)] * HOUR) == NO_COUNTS_BEFORE
    assert Evidence.begun("", before_counts([])) == Evidence()


def test_a_hundred_requests_of_an_hour_change_little() -> None:
    few = before_counts([Counts(0, 10)] * 10)
    seen = Evidence.begun("", few)
    assert dispersion_of_stable(seen) == 1.0
    burst = blocks([(Counts(0, 250), Counts(100, 250))] * 6)
    assert first_fail(seen, burst) is None


def test_the_hour_never_counts_as_observed() -> None:
    begun = Evidence.begun("m", hour(np.random.default_rng(3)))
    assert (begun.stable, begun.harm.log_e) == (Counts(0, 0), 0.0)
    assert compare(begun, HALF_A_POINT, ALPHA).verdict is Verdict.NO_DATA


def test_bursts_of_the_hour_widen_the_way_to_a_pass() -> None:
    rng = np.random.default_rng(4)
    coming = arriving(rng, 120, stable=0.002, candidate=0.002, rate=100)
    quiet = Evidence.begun("", hour(rng)).with_blocks(coming, HALF_A_POINT)
    bursting = Evidence.begun("", before_counts(in_bursts(rng, HOUR, 50))).with_blocks(coming, HALF_A_POINT)
    assert compare(quiet, HALF_A_POINT, ALPHA).verdict is Verdict.PASS
    assert compare(bursting, HALF_A_POINT, ALPHA).verdict is Verdict.INCONCLUSIVE


def test_evidence_that_knows_its_hour_is_read_back_equal_and_goes_on_the_same() -> None:
    rng = np.random.default_rng(5)
    coming = arriving(rng, 40, stable=0.002, candidate=0.002)
    at_once = Evidence.begun("m", hour(rng)).with_blocks(coming, HALF_A_POINT)
    saved = Evidence.begun("m", at_once.before).with_blocks(coming[:13], HALF_A_POINT).encoded()
    assert len(saved) < 2_000
    assert Evidence.decoded(saved).with_blocks(coming, HALF_A_POINT) == at_once


def test_what_is_usual_is_bad_in_the_sense_of_the_margin() -> None:
    rng = np.random.default_rng(6)
    mirrored = before_counts(
        Counts(b.stable.total - b.stable.events, b.stable.total)
        for b in arriving(rng, HOUR, stable=0.01, candidate=0.01)
    )
    first = blocks([(Counts(495, 500), Counts(495, 500))])
    margin = max_decrease(Decimal("0.005"))
    seen = Evidence.begun("", mirrored).with_blocks(first, margin)
    assert seen.harm.usual.events / seen.harm.usual.total == pytest.approx(0.01, abs=0.005)


def test_means_fail_sooner_after_an_hour_that_is_known_and_are_read_back_equal() -> None:
    rng = np.random.default_rng(7)
    empty = MeanEvidence(0, 10)
    before = empty.hour(block.stable for block in mean_blocks(rng, HOUR, stable=2, candidate=2))
    coming = mean_blocks(rng, 30, stable=2, candidate=3.2)
    assert _first_fail_of_means(empty.begun(before), coming) < _first_fail_of_means(empty, coming)
    seen = empty.begun(before).with_blocks(coming, HALF)
    assert MeanEvidence.decoded(seen.encoded()) == seen


def test_an_hour_of_sums_that_nothing_within_the_bounds_has_teaches_nothing() -> None:
    empty = MeanEvidence(0, 1)
    assert empty.begun(empty.hour([Moments(10, 50.0, 300.0)])) == empty


def _first_fail_of_means(evidence: MeanEvidence, coming: list[MeanBlock]) -> int:
    assert coming[0].at == BEGIN
    for number, block in enumerate(coming, 1):
        evidence = evidence.with_blocks([block], HALF)
        if alpha_spent(evidence, ALPHA.fail):
            return number
    return len(coming) + 1
