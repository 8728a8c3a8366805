"""What stable showed in the hour before a rollout is asked for once, kept with the evidence, and done without."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.analysis.before import NO_COUNTS_BEFORE, NO_MOMENTS_BEFORE
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable, Mean, Metric
from modelwright.api.rollout import Analysis, Step
from modelwright.cluster.answers import Answer
from modelwright.metrics.questions import CountsLook, NoLook

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
COMPARED = replace(ERRORS, stable=AgainstStable(max_increase=Decimal("0.01")), fast_limit=None)
SCORE = Metric(
    "score",
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(10)),
    stable=AgainstStable(max_decrease=Decimal("1.5")),
)


def rolling(metric: Metric = COMPARED, *, at_rest: int = 900, **fields: Any) -> World:
    """A world that begins to roll out v2 after v1 has served alone for some time."""
    analysis = Analysis(interval=timedelta(seconds=10), metrics=(metric,))
    steps = (Step(10, 10 * MINUTE), Step(50, 10 * MINUTE))
    world = serving_v1(spec=replace(SPEC, steps=steps, analysis=analysis), rate=50, step=5, **fields)
    world.metrics.rates |= {(metric.name, version): 0.005 for version in ("v1", "v2")}
    world.tick(at_rest)
    world.edit(model=V2)
    return world


def hours(world: World) -> list[Any]:
    """The questions about a past that is over."""
    return [question for question in world.questions if getattr(question, "until", None)]


def saved(world: World) -> Evidence:
    return Evidence.decoded(world.status.metrics[0].evidence)


def test_the_hour_before_the_first_evidence_is_asked_of_stable_only() -> None:
    world = rolling().until(lambda w: bool(hours(w)))
    (asked,) = hours(world)
    assert world.status.step
    assert world.status.step.evidence_since == asked.until
    assert asked.until - asked.since == HOUR
    assert world.status.stable
    assert world.status.stable.revision in asked.total


def test_it_is_asked_once_and_later_steps_know_it_from_status() -> None:
    world = rolling().until(in_step(1))
    asked = set(hours(world))
    world.until(lambda w: bool(w.status.metrics and w.status.metrics[0].evidence), limit=120)
    first = saved(world).before
    assert first.seen.total > 10_000
    while world.status.stage is not None and not in_step(2)(world):
        world.tick(5)
        asked |= set(hours(world))
    world.tick(120)
    assert in_step(2)(world)
    assert saved(world).before == first
    assert len(asked) <= 2  # before the weight is confirmed, and where evidence was not saved by then


def test_a_restart_keeps_what_the_hour_taught() -> None:
    world = rolling().until(in_step(1))
    world.until(lambda w: bool(w.status.metrics and w.status.metrics[0].evidence), limit=120)
    before = saved(world).before
    world.metrics.up = False
    world.restart()
    world.tick(30)
    world.metrics.up = True
    world.tick(180)
    assert hours(world) == []
    assert saved(world).before == before != NO_COUNTS_BEFORE


@pytest.mark.parametrize("answered", ["not yet", "no data"])
def test_without_an_answer_the_rollout_goes_on_as_it_would_without_the_question(answered: str) -> None:
    world = rolling()
    known = world.metrics.look

    def look(question: Any, metrics: Any, now: Any) -> Any:
        if getattr(question, "until", None):
            return None if answered == "not yet" else NoLook(Verdict.NO_DATA, "NoSeries", "nothing")
        return known(question, metrics, now)

    world.metrics.look = look  # type: ignore[method-assign]
    world.until(in_step(1))
    world.until(lambda w: bool(w.status.metrics and w.status.metrics[0].evidence), limit=240)
    assert saved(world).before == NO_COUNTS_BEFORE
    assert hours(world) == []
    world.until(lambda w: w.live_version == "v2", limit=7200)


def test_evidence_is_not_saved_without_the_hour_while_an_answer_may_come() -> None:
    world = rolling()
    held = world.metrics.look

    def slow(question: Any, metrics: Any, now: Any) -> Any:
        no_answer = NoLook(Verdict.ERROR, "Timeout", "slow")
        return no_answer if getattr(question, "until", None) else held(question, metrics, now)

    world.metrics.look = slow  # type: ignore[method-assign]
    world.until(in_step(1)).tick(40)
    (asked,) = hours(world)
    assert world.status.metrics[0].evidence == ""
    look = held(asked, world.spec.analysis.metrics, world.now)
    assert isinstance(look, CountsLook)
    world.answers[asked] = Answer(world.now, world.now, look)
    world.reconcile()
    assert saved(world).before != NO_COUNTS_BEFORE


def test_a_first_version_or_a_stable_that_has_just_come_up_has_no_hour() -> None:
    world = rolling(at_rest=0).until(in_step(1))
    world.tick(180)
    assert saved(world).before.seen.total < 3_000


def test_means_learn_from_the_hour_as_well() -> None:
    world = rolling(SCORE).until(in_step(1))
    world.until(lambda w: bool(w.status.metrics and w.status.metrics[0].evidence), limit=120)
    known = MeanEvidence.decoded(world.status.metrics[0].evidence)
    assert known.before != NO_MOMENTS_BEFORE
    assert known.before.seen.count > 10_000


def test_nothing_is_asked_where_nothing_is_compared_with_stable() -> None:
    world = rolling(replace(ERRORS, stable=None, threshold=None)).until(in_step(1))
    assert hours(world) == []
