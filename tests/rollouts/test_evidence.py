"""How evidence is gathered over a step, kept through restarts, and written to status."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.analysis.evidence import Evidence
from modelwright.api.metrics import AgainstStable, Bounds, Mean, Metric, Proportion, RequiredFor
from modelwright.api.rollout import Analysis, RolloutSpec, Step, StepStatus

ERRORS_ONLY = replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.005")), fast_limit=None)
WRONG = Metric(
    "wrong",
    Proportion("wrong_total{$(selector)}", "matured_total{$(selector)}"),
    stable=AgainstStable(max_increase=Decimal("0.05")),
    horizon=timedelta(minutes=30),
)
SCORE = Metric(
    "score",
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(10)),
    stable=AgainstStable(max_decrease=Decimal("1.5")),
)
TIMEOUTS = Metric("timeouts", Proportion("t{$(selector)}", "n{$(selector)}"), threshold=Bounds(max=Decimal("0.05")))


def held(hold: timedelta, *metrics: Metric) -> RolloutSpec:
    """10 % and 50 % with `hold` each."""
    analysis = Analysis(interval=timedelta(seconds=10), metrics=metrics)
    return replace(SPEC, steps=(Step(10, hold), Step(50, hold)), analysis=analysis)


def rolling(spec: RolloutSpec, *, rate: float = 50, step: int = 5, **rates: tuple[float, float]) -> World:
    """A world in the first step to v2; `rates` are those of v1 and v2 by metric."""
    world = serving_v1(spec=spec, rate=rate, step=step)
    for name, (of_v1, of_v2) in rates.items():
        world.metrics.rates |= {(name, "v1"): of_v1, (name, "v2"): of_v2}
    world.edit(model=V2)
    return world.until(in_step(1))


def step_of(world: World) -> StepStatus:
    assert world.status.step
    return world.status.step


def test_a_fault_that_begins_after_hours_of_health_is_found_within_minutes() -> None:
    world = rolling(held(timedelta(hours=8), ERRORS_ONLY), step=10, errors=(0.001, 0.001))
    world.tick(2 * 3600)
    assert not world.status.rejected
    # In a step of 10 %, so the candidate sees five requests a second.
    world.metrics.rates["errors", "v2"] = 0.3
    world.until(lambda w: bool(w.status.rejected), limit=180)
    assert "in the last" in world.status.rejected[0].reason


def test_a_restart_goes_on_with_the_evidence_of_the_step() -> None:
    world = rolling(held(timedelta(hours=2), ERRORS_ONLY))
    world.tick(3600)
    before = world.status.metrics[0]
    world.restart()
    world.tick(20)
    after = world.status.metrics[0]
    assert (after.verdict, after.reason) == ("Pass", "WithinMargin")
    assert after.samples >= before.samples


def test_evidence_that_another_version_saved_is_gathered_again() -> None:
    world = rolling(held(timedelta(hours=2), ERRORS_ONLY))
    world.tick(1800)
    (metric,) = world.status.metrics
    world.status = replace(world.status, metrics=(replace(metric, evidence="[0]"),))
    world.tick(20)
    assert world.status.metrics[0].verdict == "Pass"


def test_each_weight_begins_its_own_evidence() -> None:
    world = rolling(held(timedelta(minutes=10), ERRORS_ONLY))
    world.until(in_step(2), limit=1200)
    world.tick(30)
    (metric,) = world.status.metrics
    assert metric.samples < 2000, "it must not hold the observations of the first step"


def test_a_running_step_is_written_at_most_once_a_minute() -> None:
    many = (ERRORS_ONLY, replace(ERRORS_ONLY, name="slow"), TIMEOUTS)
    world = rolling(held(timedelta(hours=2), *many), step=1, rate=100)
    world.until(lambda w: {metric.verdict for metric in w.status.metrics} == {"Pass"})
    world.writes.clear()
    world.tick(600)
    assert all(later - earlier >= timedelta(minutes=1) for earlier, later in pairwise(world.writes))
    assert len(world.writes) >= 9, "evidence and hold must not be lost to a restart"
    assert step_of(world).held >= timedelta(minutes=8)


def test_a_held_step_writes_nothing_but_its_transitions() -> None:
    world = rolling(held(timedelta(hours=2), ERRORS_ONLY))
    world.metrics.up = False
    world.tick(60)
    written = len(world.writes)
    world.tick(1800)
    assert len(world.writes) == written


def test_a_gap_of_the_operator_is_not_counted_as_held() -> None:
    world = rolling(held(timedelta(hours=2), ERRORS_ONLY))
    world.tick(600)
    before = step_of(world).held
    world.now += timedelta(minutes=30)
    world.restart()
    world.tick(60)
    assert step_of(world).held - before <= timedelta(minutes=3)


def test_labels_that_cannot_be_there_yet_neither_hold_a_step_nor_let_it_promote() -> None:
    world = rolling(held(timedelta(minutes=10), ERRORS_ONLY, WRONG), wrong=(0.1, 0.1))
    world.until(in_step(2), limit=1800)
    second = step_of(world).confirmed_at
    assert second
    world.until(lambda w: w.weight == 100, limit=7200)
    assert world.now - second > WRONG.horizon
    world.until(lambda w: w.live_version == "v2")


def test_a_model_that_is_found_wrong_when_its_labels_come_is_rolled_back() -> None:
    world = rolling(held(timedelta(minutes=10), ERRORS_ONLY, WRONG), wrong=(0.1, 0.4))
    world.until(lambda w: bool(w.status.rejected), limit=7200)
    assert world.status.rejected[0].reason.startswith("wrong: ")


def test_labels_that_every_step_needs_are_waited_for_in_every_step() -> None:
    strict = replace(WRONG, required_for=RequiredFor.EVERY_STEP)
    world = rolling(held(timedelta(minutes=40), strict), wrong=(0.1, 0.1))
    first = step_of(world).confirmed_at
    assert first
    world.until(in_step(2), limit=10_000)
    assert world.now - first >= timedelta(minutes=40)


def test_a_mean_is_compared_with_that_of_stable() -> None:
    good = rolling(held(timedelta(minutes=5), SCORE), score=(0.7, 0.7))
    good.until(lambda w: w.live_version == "v2", limit=7200)
    bad = rolling(held(timedelta(minutes=5), SCORE), score=(0.7, 0.4))
    bad.until(lambda w: bool(w.status.rejected), limit=7200)


def test_a_ratio_is_a_margin_too() -> None:
    twice = replace(ERRORS_ONLY, stable=AgainstStable(max_ratio=Decimal("2")))
    good = rolling(held(timedelta(minutes=5), twice), rate=200, errors=(0.05, 0.05))
    good.until(lambda w: w.live_version == "v2", limit=7200)
    bad = rolling(held(timedelta(minutes=5), twice), rate=200, errors=(0.05, 0.2))
    bad.until(lambda w: bool(w.status.rejected), limit=7200)


@pytest.mark.parametrize(("share", "rejected"), [(0.01, False), (0.12, True)])
def test_a_threshold_on_a_proportion_is_decided_with_confidence(share: float, rejected: bool) -> None:
    world = rolling(held(timedelta(minutes=5), TIMEOUTS), timeouts=(0.01, share))
    world.until(lambda w: bool(w.status.rejected) or w.live_version == "v2", limit=7200)
    assert bool(world.status.rejected) == rejected


def test_a_proportion_near_its_threshold_is_undecided_and_says_how_it_stands() -> None:
    world = rolling(held(timedelta(minutes=5), TIMEOUTS), timeouts=(0.05, 0.05))
    world.tick(900)
    assert not world.status.rejected
    assert world.status.metrics[0].reason == "NotYetDecided"


def test_what_is_undecided_after_the_hold_says_how_long_it_will_take_and_does_not_count_down() -> None:
    world = rolling(held(timedelta(minutes=1), ERRORS_ONLY), rate=2, errors=(0.002, 0.002))
    world.until(in_step(2), limit=20_000)
    world.until(lambda w: step_of(w).held > timedelta(0) and w.condition("Progressing") == ("True", "NotYetDecided"))
    message = next(c.message for c in world.status.conditions if c.type == "Progressing")
    assert "more at the traffic seen so far" in message
    world.tick(120)
    assert message in {c.message for c in world.status.conditions}


def test_what_looks_worse_gets_no_more_weight_while_it_is_not_yet_proven() -> None:
    world = rolling(held(timedelta(seconds=10), ERRORS_ONLY), rate=100, errors=(0.0, 0.2))
    world.until(lambda w: bool(w.status.rejected), limit=600)
    assert max(weight for _, weight in world.weights) == 10


def test_an_edited_margin_is_judged_on_evidence_of_its_own() -> None:
    """What was added up against a strict margin says nothing about a wide one, nor what was seen before choosing it."""
    strict = replace(ERRORS_ONLY, stable=AgainstStable(max_increase=Decimal("0.001")))
    world = rolling(held(timedelta(hours=2), strict), errors=(0.001, 0.006))
    world.tick(240)
    before = Evidence.decoded(world.status.metrics[0].evidence)
    assert before.harm.log_e > 0
    wide = replace(ERRORS_ONLY, stable=AgainstStable(max_increase=Decimal("0.03")))
    world.edit(analysis=replace(world.spec.analysis, metrics=(wide,)))
    world.tick(120)
    after = Evidence.decoded(world.status.metrics[0].evidence)
    assert after.about != before.about
    assert after.harm.log_e <= 0
    assert 0 < after.stable.total < before.stable.total
