"""How long a decision takes, as `lint` and status say it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import arriving
from tests.simulation.rollout_world import ERRORS, SPEC

from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import max_increase
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable, Bounds, Metric, Mode, Proportion
from modelwright.api.rollout import Analysis, MetricStatus, RolloutSpec, Step
from modelwright.rollouts.plan.forecast import how_long, outlook_of

HALF_A_POINT = replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.005")), fast_limit=None)


def spec(*metrics: Metric) -> RolloutSpec:
    steps = (Step(10, timedelta(minutes=5)), Step(50, timedelta(minutes=15)))
    return replace(SPEC, steps=steps, analysis=Analysis(metrics=metrics))


def requests_to_pass(line: str) -> int:
    found = re.search(r"passes after ([0-9,]+) candidate requests", line)
    assert found
    return int(found[1].replace(",", ""))


def difference_found(line: str) -> float:
    found = re.search(r"finds a difference of \+(0\.[0-9]+)", line)
    assert found
    return float(found[1])


def test_each_step_of_each_metric_has_a_line() -> None:
    lines = how_long(spec(HALF_A_POINT, replace(HALF_A_POINT, name="slow")), 50, 0.002)
    assert [line.split(":")[0] for line in lines] == [
        "step 1 (10 %, 5m), errors",
        "step 2 (50 %, 15m), errors",
        "step 1 (10 %, 5m), slow",
        "step 2 (50 %, 15m), slow",
    ]


def test_a_healthy_model_of_few_errors_passes_after_some_thousand_requests() -> None:
    first, second = how_long(spec(HALF_A_POINT), 50, 0.002)
    assert 1_000 < requests_to_pass(first) < 5_000
    assert 1_000 < requests_to_pass(second) < 6_000


def test_less_traffic_takes_longer_and_finds_less() -> None:
    (busy, _), (quiet, _) = how_long(spec(HALF_A_POINT), 500, 0.002), how_long(spec(HALF_A_POINT), 2, 0.002)
    assert requests_to_pass(busy) == requests_to_pass(quiet)
    assert "about 1m" in busy
    assert re.search(r"about [0-9]+h", quiet)
    assert 0 < difference_found(busy) < difference_found(quiet) / 2


def test_labels_add_their_horizon() -> None:
    late = replace(HALF_A_POINT, horizon=timedelta(hours=24))
    first, _ = how_long(spec(late), 500, 0.002)
    assert re.search(r"about 24h[0-9]*m?, labels included 24h", first)


def test_a_threshold_below_the_base_rate_never_passes() -> None:
    metric = Metric("t", Proportion("e{$(selector)}", "n{$(selector)}"), threshold=Bounds(max=Decimal("0.01")))
    assert "never passes at a base rate of 0.05" in how_long(spec(metric), 50, 0.05)[0]
    assert "passes after" in how_long(spec(metric), 50, 0.001)[0]


def test_what_does_not_decide_is_not_forecast() -> None:
    assert how_long(spec(replace(HALF_A_POINT, mode=Mode.DRY_RUN)), 50, 0.002) == []


def test_what_is_not_decided_says_when_and_which_difference_it_then_finds() -> None:
    seen = Evidence().with_blocks(
        arriving(np.random.default_rng(1), 12, stable=0.002, candidate=0.002, weight=0.1, rate=50),
        max_increase(Decimal("0.005")),
    )
    undecided = MetricStatus("errors", Verdict.INCONCLUSIVE, "NotYetDecided", "", evidence=seen.encoded())
    said = outlook_of(undecided, spec(HALF_A_POINT))
    assert re.fullmatch(
        r"about [0-9]+m more at the traffic seen so far, enough to find a difference of \+0\.0...", said
    )
    assert outlook_of(replace(undecided, verdict=Verdict.PASS), spec(HALF_A_POINT)) == ""
    assert outlook_of(replace(undecided, evidence="of another version"), spec(HALF_A_POINT)) == ""
    assert outlook_of(undecided, spec()) == ""


@pytest.mark.parametrize(("per_second", "rate"), [(0, 0.1), (-1, 0.1), (5, -0.1), (5, 1.1)])
def test_refuses_rates_that_are_none(per_second: float, rate: float) -> None:
    with pytest.raises(ValueError, match="needs requests and a share of events"):
        how_long(spec(HALF_A_POINT), per_second, rate)
