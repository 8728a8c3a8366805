"""A guardrail says the right verdict, reason and numbers, and promises no more than it keeps."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, HALF_A_POINT, arriving, blocks, evidence, mean_blocks

from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import compare, compare_means, stable_limit
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict


def test_a_comparison_explains_its_arithmetic() -> None:
    finding = compare(evidence(Counts(63, 30_000), Counts(11, 6_000)), HALF_A_POINT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.PASS, "WithinMargin")
    assert finding.message == "difference −0.0003 [−0.0028, +0.0035], within 0.005"
    assert (finding.stable, finding.candidate, finding.bound) == ("0.0021", "0.001833", "≤ stable + 0.005")
    assert finding.samples == 6_000


@pytest.mark.parametrize(("stable", "candidate"), [((0, 0), (0, 10)), ((0, 10), (0, 0)), ((0, 0), (0, 0))])
def test_an_arm_without_observations_is_no_data(stable: tuple[int, int], candidate: tuple[int, int]) -> None:
    finding = compare(evidence(Counts(*stable), Counts(*candidate)), HALF_A_POINT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.NO_DATA, "NoSamples")
    assert compare(Evidence(), HALF_A_POINT, ALPHA).verdict is Verdict.NO_DATA


def test_few_observations_decide_nothing() -> None:
    finding = compare(evidence(Counts(0, 20), Counts(1, 5)), HALF_A_POINT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "NotYetDecided")


def test_a_late_fault_fails_and_is_named_by_its_own_numbers() -> None:
    healthy, faulty = (Counts(2, 1000), Counts(2, 1000)), (Counts(2, 1000), Counts(50, 1000))
    seen = Evidence().with_blocks(blocks([healthy] * 300 + [faulty] * 12), HALF_A_POINT)
    finding = compare(seen, HALF_A_POINT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.FAIL, "WorseThanStable")
    assert "in the last 120 s candidate 0.05 of 12,000, stable 0.002 of 12,000" in finding.message


def test_a_fault_that_is_not_yet_sure_already_stops_a_pass() -> None:
    healthy, faulty = (Counts(2, 1000), Counts(2, 1000)), (Counts(2, 1000), Counts(50, 1000))
    calm = Evidence().with_blocks(blocks([healthy] * 300), HALF_A_POINT)
    assert compare(calm, HALF_A_POINT, ALPHA).verdict is Verdict.PASS
    doubted = calm.with_blocks(blocks([faulty] * 3, first=300), HALF_A_POINT)
    finding = compare(doubted, HALF_A_POINT, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "RecentlyWorse")


@pytest.mark.parametrize(
    ("margin", "stable", "good", "bad"),
    [
        (max_increase(Decimal("0.02")), 0.05, 0.05, 0.12),
        (max_decrease(Decimal("0.03")), 0.9, 0.9, 0.82),
        (max_ratio(Decimal("1.5")), 0.05, 0.05, 0.12),
    ],
)
def test_every_form_of_margin_passes_the_good_and_fails_the_bad(
    margin: Margin, stable: float, good: float, bad: float
) -> None:
    rng = np.random.default_rng(5)
    verdicts = [
        compare(Evidence().with_blocks(arriving(rng, 120, stable=stable, candidate=p), margin), margin, ALPHA).verdict
        for p in (good, bad)
    ]
    assert verdicts == [Verdict.PASS, Verdict.FAIL]


def test_bursts_that_were_seen_make_a_pass_wait_for_more() -> None:
    single = [(Counts(1, 1000), Counts(1, 1000))] * 60
    in_bursts = [(Counts(20, 1000), Counts(20, 1000)), *[(Counts(0, 1000), Counts(0, 1000))] * 19] * 3
    margin = max_increase(Decimal("0.002"))
    verdicts = []
    for arms in (single, in_bursts):
        seen = Evidence().with_blocks(blocks(arms), margin)
        verdicts.append(compare(seen, margin, ALPHA).verdict)
    assert verdicts == [Verdict.PASS, Verdict.INCONCLUSIVE]


def test_means_within_the_margin_pass_and_beyond_it_fail() -> None:
    margin, rng = max_increase(Decimal("0.5")), np.random.default_rng(6)
    good = MeanEvidence(0, 10).with_blocks(mean_blocks(rng, 100, stable=2, candidate=2), margin)
    bad = MeanEvidence(0, 10).with_blocks(mean_blocks(rng, 100, stable=2, candidate=3), margin)
    early = MeanEvidence(0, 10).with_blocks(mean_blocks(rng, 1, stable=2, candidate=3), margin)
    reasons = [compare_means(one, margin, ALPHA).reason for one in (good, bad, early, MeanEvidence(0, 10))]
    assert reasons == ["WithinMargin", "WorseThanStable", "NotYetDecided", "NoSamples"]


def test_means_beyond_their_bounds_are_an_error_and_stay_one() -> None:
    margin, rng = max_increase(Decimal("0.1")), np.random.default_rng(7)
    seen = MeanEvidence(0, 1).with_blocks(mean_blocks(rng, 10, stable=2, candidate=2), margin)
    finding = compare_means(seen, margin, ALPHA)
    assert (finding.verdict, finding.reason) == (Verdict.ERROR, "OutsideBounds")


def test_a_stable_that_is_unhealthy_too_holds() -> None:
    finding = stable_limit(Counts(30, 200), Decimal("0.10"))
    assert finding is not None
    assert (finding.verdict, finding.reason, finding.samples) == (Verdict.INCONCLUSIVE, "StableUnhealthy", 0)


@pytest.mark.parametrize("stable", [Counts(0, 0), Counts(19, 100), Counts(20, 200)])
def test_a_stable_within_its_limit_or_with_few_events_is_none_of_it(stable: Counts) -> None:
    assert stable_limit(stable, Decimal("0.10")) is None
