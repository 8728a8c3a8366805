"""What the goal of a test says, look by look: harm at once, the rest when a week is over."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from tests.analysis.arms import ALPHA, BEGIN, blocks, mean_blocks
from tests.simulation.rollout_world import SPEC

from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import max_decrease
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict
from modelwright.analysis.weekly import WEEK, Weekly
from modelwright.api.ab_test import ABTest, Audience
from modelwright.api.goals import Futility, Goal, WholeWeeks
from modelwright.api.metrics import AgainstStable, Mean, Metric, Proportion
from modelwright.rollouts.plan.beforehand import assumed, how_long
from modelwright.rollouts.plan.goals import growth, judge_test

GOAL = Goal(whole_weeks=WholeWeeks.REQUIRED)
CONVERSION = Metric(
    "conversion",
    Proportion("buyers{$(selector)}", "users{$(selector)}"),
    stable=AgainstStable(max_decrease=Decimal("0.01")),
    goal=GOAL,
)
ENDS = BEGIN + 2 * WEEK
PER_DAY = 24


def seen(days: int, stable: float, candidate: float, per_hour: tuple[int, int] = (1000, 1000)) -> Weekly[Any]:
    """One block of counts an hour."""
    kept: Weekly[Evidence] = Weekly(Evidence())
    coming = []
    for hour in range(days * PER_DAY):
        arms = [Counts(round(n * p), n) for n, p in zip(per_hour, (stable, candidate), strict=True)]
        coming += blocks([(arms[0], arms[1])], first=hour * int(timedelta(hours=1) / BLOCK))
    return kept.with_blocks(coming, BEGIN, lambda e, more: e.with_blocks(more, max_decrease(Decimal("0.01"))))


def judged(evidence: Weekly[Any], percent: int = 50, **goal: Any) -> tuple[str, str]:
    metric = replace(CONVERSION, goal=replace(GOAL, **goal))
    finding = judge_test(metric, evidence, BEGIN, ENDS, ALPHA, percent=percent)
    return finding.verdict, finding.reason


def test_an_improvement_is_one_only_after_a_whole_week_unless_those_are_optional() -> None:
    assert judged(seen(6, 0.1, 0.12)) == (Verdict.INCONCLUSIVE, "WeekNotOver")
    assert judged(seen(6, 0.1, 0.12), whole_weeks=WholeWeeks.OPTIONAL) == (Verdict.PASS, "Improved")
    assert judged(seen(8, 0.1, 0.12)) == (Verdict.PASS, "Improved")


def test_harm_waits_for_no_weekend() -> None:
    assert judged(seen(2, 0.1, 0.07)) == (Verdict.FAIL, "Harmful")


def test_in_the_middle_of_the_second_week_the_first_one_still_decides() -> None:
    first = seen(8, 0.1, 0.12)
    # What came since is only in the evidence of all, not in that of whole weeks.
    worse = replace(first, running=seen(8, 0.1, 0.099).running)
    assert judged(worse) == (Verdict.PASS, "Improved")


def test_a_difference_that_will_not_show_any_more_is_futile_unless_that_is_ignored() -> None:
    assert judged(seen(8, 0.1, 0.1)) == (Verdict.INCONCLUSIVE, "Futile")
    assert judged(seen(8, 0.1, 0.1), futility=Futility.IGNORE) == (Verdict.INCONCLUSIVE, "NotYetDecided")


def test_arms_of_different_people_decide_nothing_but_harm() -> None:
    assert judged(seen(8, 0.1, 0.12, per_hour=(1100, 900))) == (Verdict.INCONCLUSIVE, "SampleRatioMismatch")
    assert judged(seen(8, 0.1, 0.12, per_hour=(900, 100)), percent=10) == (Verdict.PASS, "Improved")
    assert judged(seen(8, 0.1, 0.07, per_hour=(1100, 900))) == (Verdict.FAIL, "Harmful")


def test_without_counts_there_is_no_data() -> None:
    assert judged(Weekly(Evidence())) == (Verdict.NO_DATA, "NoSamples")


@pytest.mark.parametrize(
    ("weeks", "days", "times"),
    [(WholeWeeks.REQUIRED, 7, 2.0), (WholeWeeks.REQUIRED, 14, 1.0), (WholeWeeks.OPTIONAL, 5, 4.0)],
)
def test_what_is_still_to_come_counts_to_the_last_moment_that_may_decide(
    weeks: WholeWeeks, days: int, times: float
) -> None:
    ends = BEGIN + timedelta(days=20)
    assert growth(replace(GOAL, whole_weeks=weeks), BEGIN + timedelta(days=days), BEGIN, ends) == times


def test_a_goal_may_be_a_mean() -> None:
    metric = replace(
        CONVERSION,
        proportion=None,
        mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(10)),
        stable=AgainstStable(max_decrease=Decimal("0.2")),
        goal=replace(GOAL, whole_weeks=WholeWeeks.OPTIONAL),
    )
    rng, margin = np.random.default_rng(2), max_decrease(Decimal("0.2"))
    reasons = []
    for mean in (3.0, 1.0):
        kept: Weekly[MeanEvidence] = Weekly(MeanEvidence(0, 10))
        coming = mean_blocks(rng, 200, stable=2, candidate=mean)
        kept = kept.with_blocks(coming, BEGIN, lambda e, more: e.with_blocks(more, margin))
        reasons.append(judge_test(metric, kept, BEGIN, ENDS, ALPHA, percent=50).reason)
    assert reasons == ["Improved", "Harmful"]


def test_lint_foretells_the_smallest_increase_that_a_test_can_show() -> None:
    test = ABTest(Audience(50, header="x-bucket"))
    spec = replace(SPEC, steps=(), ab_test=test, analysis=replace(SPEC.analysis, metrics=(CONVERSION,)))
    (line,) = how_long(spec, assumed(spec, 1.0, 0.1, 0.1))
    assert line.startswith("test (50 %, 336h), conversion: an increase of +0.00")
    assert line.endswith("shows with 1,209,600 users")
    (line,) = how_long(spec, assumed(spec, 0.00001, 0.1, 0.1))
    assert "no increase shows" in line


def test_lint_foretells_it_of_a_goal_that_is_a_mean() -> None:
    test = ABTest(Audience(50, header="x-bucket"))
    basket = replace(
        CONVERSION,
        name="basket",
        proportion=None,
        mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(500)),
        stable=AgainstStable(max_decrease=Decimal(5)),
    )
    spec = replace(SPEC, steps=(), ab_test=test, analysis=replace(SPEC.analysis, metrics=(basket,)))
    found = []
    for per_second in (1.0, 0.01):
        (line,) = how_long(spec, assumed(spec, per_second, 0.1, 0.1))
        found.append(float(re.findall(r"an increase of \+([0-9.]+) or more shows", line)[0]))
    assert 0 < found[0] < found[1] / 5
