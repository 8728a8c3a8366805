"""A goal passes only an improvement, fails only harm, and says when waiting on is not worth it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, arriving, evidence, mean_blocks

from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.goal import judge_goal
from modelwright.analysis.margin import max_decrease
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Finding, Verdict

HARM = Decimal("0.01")


def judged(seen: Evidence | MeanEvidence, growth: float | None = None, stop_if_futile: bool = True) -> Finding:
    return judge_goal(
        seen,
        min_increase=Decimal(0),
        max_decrease=HARM,
        alpha=ALPHA,
        stop_if_futile=stop_if_futile,
        growth=growth,
    )


@pytest.mark.parametrize(
    ("candidate", "verdict", "reason"),
    [(0.15, Verdict.PASS, "Improved"), (0.05, Verdict.FAIL, "Harmful"), (0.102, Verdict.INCONCLUSIVE, "NotYetDecided")],
)
def test_a_goal_is_improved_harmed_or_open(candidate: float, verdict: Verdict, reason: str) -> None:
    rng = np.random.default_rng(1)
    seen = Evidence().with_blocks(arriving(rng, 120, stable=0.1, candidate=candidate), max_decrease(HARM))
    finding = judged(seen)
    assert (finding.verdict, finding.reason) == (verdict, reason)
    assert finding.bound == "≥ stable + 0"


def test_no_data_decides_no_goal() -> None:
    assert judged(Evidence()).verdict is Verdict.NO_DATA
    assert judged(MeanEvidence(0, 10)).verdict is Verdict.NO_DATA


def test_a_small_difference_is_futile_only_when_little_is_still_to_come() -> None:
    seen = evidence(Counts(10_000, 100_000), Counts(10_000, 100_000), max_decrease(HARM))
    assert judged(seen, growth=1.2).reason == "Futile"
    assert judged(seen, growth=20).reason == "NotYetDecided"
    assert judged(seen, growth=1.2, stop_if_futile=False).reason == "NotYetDecided"
    assert judged(seen).reason == "NotYetDecided"


def test_a_wanted_increase_that_is_ruled_out_is_futile_at_once() -> None:
    seen = evidence(Counts(10_000, 100_000), Counts(10_000, 100_000), max_decrease(HARM))
    finding = judge_goal(seen, min_increase=Decimal("0.02"), max_decrease=None, alpha=ALPHA, stop_if_futile=True)
    assert (finding.verdict, finding.reason) == (Verdict.INCONCLUSIVE, "Futile")


def test_a_goal_may_be_a_mean() -> None:
    rng = np.random.default_rng(2)
    reasons = [
        judged(
            MeanEvidence(0, 10).with_blocks(mean_blocks(rng, 100, stable=2, candidate=mean), max_decrease(HARM))
        ).reason
        for mean in (3, 1.5)
    ]
    assert reasons == ["Improved", "Harmful"]
    impossible = MeanEvidence(0, 1).with_blocks(mean_blocks(rng, 2, stable=2, candidate=2), max_decrease(HARM))
    assert judged(impossible).verdict is Verdict.ERROR


def test_identical_models_are_called_improved_at_most_as_often_as_alpha() -> None:
    rng, improved = np.random.default_rng(3), 0
    for _ in range(60):
        seen = Evidence()
        for first in range(0, 60, 6):
            coming = arriving(rng, 6, stable=0.1, candidate=0.1, rate=20, first=first)
            seen = seen.with_blocks(coming, max_decrease(HARM))
            if judged(seen).verdict is Verdict.PASS:
                improved += 1
                break
    assert improved <= 3
