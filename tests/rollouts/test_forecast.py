"""How long a decision takes, as `lint` and status say it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import BEGIN, arriving, mean_blocks
from tests.simulation.rollout_world import ERRORS, SPEC

from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import BoundedEvidence
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import max_increase
from modelwright.analysis.mean_forecast import Measured
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict
from modelwright.api.ab_test import ABTest, Audience
from modelwright.api.metrics import AgainstStable, Bounds, Comparison, During, Mean, Metric, Mode, Proportion
from modelwright.api.rollout import (
    Analysis,
    HeaderMatch,
    Holdback,
    MetricStatus,
    Pause,
    RolloutSpec,
    RolloutStatus,
    Shadow,
    Step,
)
from modelwright.rollouts.plan.beforehand import Expected, assumed, how_long
from modelwright.rollouts.plan.forecast import outlook_of

HALF_A_POINT = replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.005")), fast_limit=None)


def spec(*metrics: Metric) -> RolloutSpec:
    steps = (Step(10, timedelta(minutes=5)), Step(50, timedelta(minutes=15)))
    return replace(SPEC, steps=steps, analysis=Analysis(metrics=metrics))


def lines_of(of: RolloutSpec, per_second: float, share: float = 0.0, deviation: float = 0.1) -> list[str]:
    return how_long(of, assumed(of, per_second, share, deviation))


def requests_to_pass(line: str) -> int:
    found = re.search(r"passes after ([0-9,]+) candidate requests", line)
    assert found
    return int(found[1].replace(",", ""))


def difference_found(line: str) -> float:
    found = re.search(r"finds a difference of \+(0\.[0-9]+)", line)
    assert found
    return float(found[1])


def test_each_step_of_each_metric_has_a_line() -> None:
    lines = lines_of(spec(HALF_A_POINT, replace(HALF_A_POINT, name="slow")), 50, 0.002)
    assert [line.split(":")[0] for line in lines] == [
        "step 1 (10 %, 5m), errors",
        "step 2 (50 %, 15m), errors",
        "step 1 (10 %, 5m), slow",
        "step 2 (50 %, 15m), slow",
    ]


def test_a_healthy_model_of_few_errors_passes_after_some_thousand_requests() -> None:
    first, second = lines_of(spec(HALF_A_POINT), 50, 0.002)
    assert 1_000 < requests_to_pass(first) < 5_000
    assert 1_000 < requests_to_pass(second) < 6_000


def test_less_traffic_takes_longer_and_finds_less() -> None:
    (busy, _), (quiet, _) = lines_of(spec(HALF_A_POINT), 500, 0.002), lines_of(spec(HALF_A_POINT), 2, 0.002)
    assert requests_to_pass(busy) == requests_to_pass(quiet)
    assert "about 1m" in busy
    assert re.search(r"about [0-9]+h", quiet)
    assert 0 < difference_found(busy) < difference_found(quiet) / 2


def test_labels_add_their_horizon() -> None:
    late = replace(HALF_A_POINT, horizon=timedelta(hours=24))
    first, _ = lines_of(spec(late), 500, 0.002)
    assert re.search(r"about 24h[0-9]*m?, labels included 24h", first)


def test_a_threshold_below_the_base_rate_never_passes() -> None:
    metric = Metric("t", Proportion("e{$(selector)}", "n{$(selector)}"), threshold=Bounds(max=Decimal("0.01")))
    assert "never passes at a base rate of 0.05" in lines_of(spec(metric), 50, 0.05)[0]
    assert "passes after" in lines_of(spec(metric), 50, 0.001)[0]


def test_what_does_not_decide_is_not_forecast() -> None:
    assert lines_of(spec(replace(HALF_A_POINT, mode=Mode.DRY_RUN)), 50, 0.002) == []


def test_what_is_not_decided_says_when_and_which_difference_it_then_finds() -> None:
    seen = Evidence().with_blocks(
        arriving(np.random.default_rng(1), 12, stable=0.002, candidate=0.002, weight=0.1, rate=50),
        max_increase(Decimal("0.005")),
    )
    undecided = MetricStatus(
        "errors",
        Verdict.INCONCLUSIVE,
        "NotYetDecided",
        "",
        compare=Comparison.MAX_INCREASE,
        margin="0.005",
        evidence=seen.encoded(),
    )
    # The metric is of a profile: the spec knows nothing of it.
    said = outlook_of(undecided, spec(), RolloutStatus())
    assert re.fullmatch(
        r"about [0-9]+m more at the traffic seen so far, enough to find a difference of \+0\.0...", said
    )
    for other in ({"verdict": Verdict.PASS}, {"evidence": "of another version"}, {"compare": None}, {"margin": "?"}):
        assert outlook_of(replace(undecided, **other), spec(), RolloutStatus()) == ""


def test_a_mean_that_is_not_decided_says_it_as_well() -> None:
    seen = MeanEvidence(0, 10).with_blocks(
        mean_blocks(np.random.default_rng(1), 12, stable=3, candidate=3, count=20), max_increase(Decimal("0.5"))
    )
    undecided = MetricStatus(
        "score", Verdict.INCONCLUSIVE, "", "", compare=Comparison.MAX_INCREASE, margin="0.5", evidence=seen.encoded()
    )
    said = outlook_of(undecided, spec(), RolloutStatus())
    assert re.fullmatch(
        r"about [0-9]+m more at the traffic seen so far, enough to find a difference of \+[0-9.]+", said
    )


def test_a_threshold_that_is_not_decided_says_it_and_whether_it_ever_will() -> None:
    bounds, blocks = Bounds(max=Decimal("0.05")), [(BEGIN + n * BLOCK, Counts(2, 50)) for n in range(12)]
    seen = BoundedEvidence().with_blocks(blocks, bounds)
    undecided = MetricStatus("errors", Verdict.INCONCLUSIVE, "", "", max="0.05", evidence=seen.encoded())
    said = outlook_of(undecided, spec(), RolloutStatus())
    assert re.fullmatch(r"about [0-9hm]+ more at the traffic seen so far", said)
    never = replace(undecided, max="0.03")
    assert outlook_of(never, spec(), RolloutStatus()) == "at the share seen so far it will not pass"
    assert outlook_of(replace(undecided, max="?"), spec(), RolloutStatus()) == ""


SCORE = Metric(
    "score",
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(10)),
    stable=AgainstStable(max_decrease=Decimal("0.5")),
)


def test_a_mean_says_how_many_measurements_it_takes_and_which_difference_it_finds() -> None:
    (first, second) = lines_of(spec(SCORE), 50)
    assert re.match(r"step 1 \(10 %, 5m\), score: passes after [0-9,]+ measurements of the candidate, about ", first)
    assert re.search(r"finds a difference of −[0-9.]+ within its hold", second)
    (wilder, _) = lines_of(spec(SCORE), 50, deviation=0.4)
    passes = [int(re.findall("after ([0-9,]+)", line)[0].replace(",", "")) for line in (first, wilder)]
    assert passes[0] < passes[1] / 4


def test_what_was_measured_takes_the_place_of_what_is_assumed() -> None:
    quiet = {"score": Expected(0.01, measured=Measured(3.0, 1.0)), "other": Expected(1.0)}
    (first, _) = how_long(spec(SCORE), quiet)
    assert re.search(r"about [0-9]+h", first)
    assert "finds no difference within its hold" in first
    assert how_long(spec(SCORE), {"score": Expected(0.0)}) == how_long(spec(SCORE), {}) == []


def test_a_step_of_copies_is_forecast_beside_all_of_stables_traffic() -> None:
    copied = replace(spec(HALF_A_POINT), steps=(Step(shadow=20, hold=timedelta(minutes=5)), *spec().steps))
    shadow, first, _ = lines_of(copied, 50, 0.002)
    assert shadow.startswith("step 1 (copies of 20 %, 5m), errors: passes after ")
    assert first.startswith("step 2 (10 %, 5m), errors")
    whole = replace(spec(HALF_A_POINT), steps=(), shadow=Shadow(percent=100, hold=timedelta(hours=1)))
    (line,) = lines_of(whole, 50, 0.002)
    assert line.startswith("step 1 (copies of 100 %, 1h), errors")
    only_canary = replace(HALF_A_POINT, during=(During.CANARY,))
    assert lines_of(replace(whole, analysis=Analysis(metrics=(only_canary,))), 50, 0.002) == []


def test_steps_of_testers_and_pauses_are_counted_and_not_forecast() -> None:
    testers = Step(match=(HeaderMatch("x-tester", "yes"),), hold=timedelta(minutes=5))
    mixed = replace(spec(HALF_A_POINT), steps=(testers, Step(pause=Pause(timedelta(minutes=1))), *spec().steps))
    assert [line.split(" (")[0] for line in lines_of(mixed, 50, 0.002)] == ["step 3", "step 4"]


def test_what_is_due_in_the_holdback_is_forecast_beside_its_control() -> None:
    kept = replace(SPEC.promotion, holdback=Holdback(5, timedelta(hours=168)))
    late = replace(HALF_A_POINT, name="late", during=(During.HOLDBACK,), horizon=timedelta(hours=48))
    (line,) = lines_of(replace(spec(late), promotion=kept), 50, 0.002)
    assert re.match(r"holdback \(95 %, 168h\), late: passes after .*, labels included 48h, finds a difference", line)


def test_guardrails_of_an_ab_test_are_forecast_on_its_audience() -> None:
    test = ABTest(Audience(20, header="x-bucket"))
    (line,) = lines_of(replace(spec(HALF_A_POINT), steps=(), ab_test=test), 50, 0.002)
    assert line.startswith("step 1 (20 % of the audience, 24h), errors: passes after ")


@pytest.mark.parametrize(("per_second", "rate"), [(0, 0.1), (-1, 0.1), (5, -0.1), (5, 1.1)])
def test_refuses_rates_that_are_none(per_second: float, rate: float) -> None:
    with pytest.raises(ValueError, match="needs requests, a share of events"):
        lines_of(spec(HALF_A_POINT), per_second, rate)
