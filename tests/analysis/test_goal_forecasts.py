"""What a goal foresees, and what it takes for a broken split."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, arriving, evidence, mean_blocks

from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.goal import judge_goal
from modelwright.analysis.goal_forecast import foresee, smallest_increase
from modelwright.analysis.margin import max_decrease
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.sample_ratio import mismatch

NOTHING, HARM = Decimal(0), max_decrease(Decimal("0.01"))


def of(candidate: int, total: int = 10_000, stable: int = 1_000) -> Evidence:
    return evidence(Counts(stable, total), Counts(candidate, total), HARM)


def improved(seen: Evidence | MeanEvidence) -> bool:
    return judge_goal(seen, min_increase=NOTHING, max_decrease=None, alpha=ALPHA).reason == "Improved"


def test_the_smallest_increase_is_where_a_goal_begins_to_pass() -> None:
    found = smallest_increase(0.1, NOTHING, ALPHA, stable=10_000, candidate=10_000)
    assert found is not None
    assert not improved(of(1_000 + int(10_000 * found * 0.97)))
    assert improved(of(1_000 + int(10_000 * found * 1.03)))
    more = smallest_increase(0.1, Decimal("0.01"), ALPHA, stable=10_000, candidate=10_000)
    assert more == pytest.approx(found + 0.01, rel=0.1)


def test_no_increase_shows_with_too_few_observations() -> None:
    assert smallest_increase(0.9, NOTHING, ALPHA, stable=20, candidate=20) is None


@pytest.mark.parametrize("growth", [1, 4, 16])
def test_what_is_foreseen_for_the_end_is_about_what_passes_then(growth: int) -> None:
    foreseen = foresee(of(1_000), NOTHING, ALPHA, growth=growth)
    then = smallest_increase(0.1, NOTHING, ALPHA, stable=10_000 * growth, candidate=10_000 * growth)
    assert foreseen is not None
    assert then is not None
    assert foreseen.smallest == pytest.approx(then, rel=0.25)
    assert foreseen.growth_needed is None


def test_the_increase_seen_so_far_needs_so_many_times_the_observations() -> None:
    foreseen = foresee(of(1_040), NOTHING, ALPHA, growth=1)
    assert foreseen is not None
    assert foreseen.growth_needed is not None
    grown = foreseen.growth_needed * 1.3
    assert improved(of(int(1_040 * grown), int(10_000 * grown), int(1_000 * grown)))
    grown = foreseen.growth_needed * 0.7
    assert not improved(of(int(1_040 * grown), int(10_000 * grown), int(1_000 * grown)))
    sure = foresee(of(1_400), NOTHING, ALPHA, growth=1)
    assert sure is not None
    assert sure.growth_needed == 1


def test_means_are_foreseen_as_well_and_nothing_is_from_nothing() -> None:
    seen = MeanEvidence(0, 10).with_blocks(mean_blocks(np.random.default_rng(1), 100, stable=2, candidate=2.1), HARM)
    foreseen = foresee(seen, NOTHING, ALPHA, growth=4)
    assert foreseen is not None
    assert 0 < foreseen.smallest < 1
    assert foresee(MeanEvidence(0, 10), NOTHING, ALPHA, growth=4) is None
    assert foresee(Evidence(), NOTHING, ALPHA, growth=4) is None


def test_arms_that_got_their_share_are_no_mismatch_and_others_are() -> None:
    assert mismatch(0, 0, percent=50) == ""
    assert mismatch(50_200, 49_800, percent=50) == ""
    assert mismatch(90_000, 10_100, percent=10) == ""
    # Every fifth user has no bucket, and is with stable for that.
    assert "4,000 of 10,000 counted were the candidate's (0.4), where 50 %" in mismatch(6_000, 4_000, percent=50)
    assert mismatch(0, 1_000, percent=50)


def test_a_sound_split_is_called_broken_about_never_however_often_one_looks() -> None:
    rng, broken = np.random.default_rng(5), 0
    for _ in range(300):
        arms = np.cumsum(rng.multinomial(200, [0.7, 0.3], size=50), axis=0)
        broken += any(mismatch(int(stable), int(candidate), percent=30) for stable, candidate in arms)
    assert broken <= 2


def test_sticky_counts_of_one_arm_only_are_found_soon() -> None:
    rng = np.random.default_rng(6)
    seen = Evidence().with_blocks(arriving(rng, 10, stable=0.1, candidate=0.1, weight=0.3), HARM)
    assert mismatch(seen.stable.total, seen.candidate.total, percent=30) == ""
    assert mismatch(seen.stable.total, seen.candidate.total, percent=50)
