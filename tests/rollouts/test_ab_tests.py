"""Whole A/B tests: better, worse, the same, and how one ends that nobody can decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.simulation.faults import FAULTS
from tests.simulation.rollout_world import ERRORS, SPEC, V2, V3, World, serving_v1

from modelwright.api.ab_test import ABTest, Audience, OnUndecided
from modelwright.api.audience import match_of
from modelwright.api.goals import Futility, Goal, WholeWeeks
from modelwright.api.metrics import AgainstStable, During, Mean, Metric, Proportion
from modelwright.api.rollout import Confirm, HeaderMatch, RolloutSpec, Stage
from modelwright.rollouts.plan.asking import due, during
from modelwright.rollouts.plan.draft import Draft
from modelwright.traffic.route import Split

AUDIENCE = Audience(40, header="x-bucket")
TEST = ABTest(AUDIENCE, timedelta(minutes=5), timedelta(minutes=25))
CONVERSION = Metric(
    "conversion",
    Proportion("buyers{$(selector)}", "users{$(selector)}"),
    stable=AgainstStable(max_decrease=Decimal("0.02")),
    goal=Goal(whole_weeks=WholeWeeks.OPTIONAL),
    during=(During.CANARY,),
)


def spec(goal: Metric = CONVERSION, **test: Any) -> RolloutSpec:
    analysis = replace(SPEC.analysis, interval=timedelta(seconds=20), metrics=(ERRORS, goal))
    return replace(SPEC, steps=(), ab_test=replace(TEST, **test), analysis=analysis)


def ab_test(candidate: float, *, of: RolloutSpec | None = None, seed: int = 1, errors: float = 0.01) -> World:
    """A world in which v2 is tested against v1, of whose users one in ten converts."""
    world = serving_v1(seed=seed, spec=of or spec(), step=10, rate=50.0)
    world.tester_share = AUDIENCE.percent / 100
    world.error_rate = {"v1": 0.01, "v2": errors, "v3": 0.01}
    world.metrics.rates |= {("conversion", "v1"): 0.1, ("conversion", "v2"): candidate, ("conversion", "v3"): 0.1}
    world.edit(model=V2)
    return world


def results(world: World) -> list[str]:
    return [entry.result for entry in world.status.history if entry.version == "v2"]


def test_the_audience_is_split_once_and_stable_keeps_all_other_weight() -> None:
    world = ab_test(0.1).until(lambda w: w.status.step is not None and w.status.step.confirmed_at is not None)
    assert world.split == Split(testers=(match_of(AUDIENCE),))
    assert (world.status.stable, world.status.candidate) != (None, None)
    assert world.condition("Progressing") == ("True", "StepRunning")
    # Four replicas, and two of five users with the candidate.
    assert world.status.candidate is not None
    assert world.deployments[world.status.candidate.revision].wanted == 2
    assert world.news[-1][2].startswith("40 % of the audience to v2")


def test_a_better_candidate_is_promoted_and_not_before_the_least_time() -> None:
    world = ab_test(0.13)
    began = world.until(lambda w: w.split is not None and bool(w.split.testers)).now
    world.until(World.at_rest, limit=3600)
    assert (world.live_version, results(world)) == ("v2", ["Promoted"])
    to_100 = next(at for at, split in world.splits if split.weight == 100)
    assert to_100 - began >= TEST.min_duration


def test_a_harmful_candidate_is_rolled_back_and_rejected_before_the_least_time() -> None:
    world = ab_test(0.02)
    began = world.now
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["RolledBack"]
    assert world.now - began < TEST.min_duration
    assert "conversion" in world.status.rejected[0].reason


def test_a_guardrail_beside_the_goal_stops_a_test_that_converts_better() -> None:
    world = ab_test(0.2, errors=0.2).until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["RolledBack"]


def test_identical_models_end_futile_concluded_and_are_not_tried_again() -> None:
    world = ab_test(0.1).until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["Concluded"]
    assert world.status.rejected == ()
    assert world.split == Split()
    world.tick(300)
    assert world.at_rest()
    assert world.live_version == "v1"
    assert "conversion" in world.status.paused_message
    assert world.plan().actions == ()
    revision = world.status.history[0].revision
    world.command("retry", revision=revision)
    world.until(lambda w: w.status.stage is Stage.STEPPING)


def test_a_new_model_is_tested_although_the_last_one_concluded() -> None:
    world = ab_test(0.1).until(lambda w: bool(results(w)), limit=3600)
    world.edit(model=V3)
    world.until(lambda w: w.split is not None and bool(w.split.testers))


def test_a_test_that_ignores_futility_lasts_as_long_as_it_may() -> None:
    ignoring = replace(CONVERSION, goal=replace(CONVERSION.goal, futility=Futility.IGNORE))  # type: ignore[type-var]
    world = ab_test(0.1, of=spec(ignoring))
    began = world.until(lambda w: w.status.step is not None and w.status.step.confirmed_at is not None).now
    world.until(lambda w: w.status.stage is Stage.CONCLUDING or bool(results(w)), limit=3600)
    assert world.now - began >= TEST.max_duration
    world.until(World.at_rest)
    assert results(world) == ["Concluded"]


def test_undecided_may_mean_to_promote_what_does_no_harm() -> None:
    world = ab_test(0.1, of=spec(on_undecided=OnUndecided.PROMOTE)).until(lambda w: bool(results(w)), limit=4800)
    assert results(world) == ["Promoted"]


@pytest.mark.parametrize(("verb", "result"), [("promote", "Promoted"), ("abort", "Aborted")])
def test_undecided_may_mean_that_a_person_decides(verb: str, result: str) -> None:
    world = ab_test(0.1, of=spec(on_undecided=OnUndecided.PAUSE)).until(lambda w: bool(w.status.paused), limit=3600)
    assert world.condition("Paused") == ("True", "Undecided")
    assert world.split == Split(testers=(match_of(AUDIENCE),))
    world.tick(600)
    assert world.status.paused == "Undecided"
    world.command(verb)
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == [result]


def test_a_person_who_resumes_gives_the_test_as_much_time_again() -> None:
    ignoring = replace(CONVERSION, goal=replace(CONVERSION.goal, futility=Futility.IGNORE))  # type: ignore[type-var]
    world = ab_test(0.1, of=spec(ignoring, on_undecided=OnUndecided.PAUSE))
    world.until(lambda w: bool(w.status.paused), limit=3600)
    world.command("resume")
    resumed = world.now
    world.until(lambda w: not w.status.paused)
    world.until(lambda w: bool(w.status.paused), limit=3600)
    assert world.now - resumed >= TEST.max_duration


def test_a_person_may_end_the_test_early_and_guardrails_still_have_to_pass() -> None:
    world = ab_test(0.1).until(lambda w: w.status.step is not None and w.status.step.confirmed_at is not None)
    world.metrics.up = False
    world.command("promote")
    world.tick(120)
    assert world.weight == 0
    world.metrics.up = True
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["Promoted"]


def test_an_outage_at_its_end_decides_nothing() -> None:
    world = ab_test(0.1).until(lambda w: w.status.step is not None and w.status.step.confirmed_at is not None)
    world.metrics.up = False
    world.tick(3600)
    assert world.status.stage is Stage.STEPPING
    world.metrics.up = True
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["Concluded"]


def test_arms_of_different_people_hold_the_test_and_say_so() -> None:
    world = ab_test(0.2)
    world.tester_share = 0.3
    world.until(lambda w: w.condition("Progressing") == ("True", "SampleRatioMismatch"), limit=1800)
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["Concluded"]


def test_the_share_of_the_audience_is_confirmed_by_traffic() -> None:
    world = ab_test(0.13, of=replace(spec(), confirm=Confirm.OBSERVED_SHARE))
    world.tester_share = 0.1
    world.until(lambda w: w.condition("Progressing") == ("True", "TrafficMismatch"), limit=900)
    world.tester_share = AUDIENCE.percent / 100
    world.until(lambda w: bool(results(w)), limit=7200)
    assert results(world) == ["Promoted"]


def test_its_first_hours_do_not_count() -> None:
    late = replace(CONVERSION, goal=replace(CONVERSION.goal, ignore_first=timedelta(minutes=15)))  # type: ignore[type-var]
    world = ab_test(0.02, of=spec(late))
    world.until(lambda w: w.status.step is not None and w.status.step.confirmed_at is not None)
    # So new that everybody looks and nobody buys.
    world.tick(14 * 60)
    assert {metric.name: metric.reason for metric in world.status.metrics}["conversion"] == "FirstHoursIgnored"
    world.metrics.rates["conversion", "v2"] = 0.13
    world.until(lambda w: bool(results(w)), limit=3600)
    assert results(world) == ["Promoted"]


def test_status_foresees_what_will_show_by_the_end_once_and_not_with_every_look() -> None:
    long = spec(max_duration=timedelta(hours=9), min_duration=timedelta(hours=4))
    world = ab_test(0.1, of=long)
    world.tick(66 * 60)
    (message,) = {c.message for c in world.status.conditions if c.type == "Progressing"}
    assert "tests conversion; an increase of +0.0" in message
    writes = len(world.writes)
    world.tick(600)
    assert {c.message for c in world.status.conditions if c.type == "Progressing"} == {message}
    assert len(world.writes) - writes <= 11


def test_a_goal_is_due_only_while_the_audience_is_split() -> None:
    world = ab_test(0.1)

    def where(split: Split) -> During:
        draft = Draft(world.observe(), world.now, world.status)
        draft.give(split)
        return during(draft)

    world.until(lambda w: w.status.candidate is not None)
    assert where(Split(testers=(match_of(AUDIENCE),))) is During.CANARY
    assert where(Split(testers=(HeaderMatch("x-bucket", "7"),))) is During.MATCH
    assert [due(CONVERSION, place) for place in During] == [place is During.CANARY for place in During]


SCORE = replace(
    CONVERSION,
    proportion=None,
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(1)),
)


# An edited strategy is no test any more, and promotes by its own rules.
faults = st.lists(
    st.tuples(st.sampled_from(sorted(name for name in FAULTS if not name.startswith("edited"))), st.integers(1, 15)),
    min_size=3,
    max_size=15,
)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(
    faults,
    st.integers(0, 2**16),
    st.sampled_from([0.02, 0.1, 0.2]),
    st.sampled_from(OnUndecided),
    st.sampled_from([CONVERSION, replace(SCORE, name="conversion")]),
)
def test_whatever_happens_it_comes_to_rest_and_harm_is_never_promoted(
    script: list[tuple[str, int]], seed: int, candidate: float, on_undecided: OnUndecided, goal: Metric
) -> None:
    world = ab_test(candidate, of=spec(goal, on_undecided=on_undecided), seed=seed)
    for name, seconds in script:
        FAULTS[name](world)
        world.tick(10 * seconds)
        assert candidate > 0.02 or world.live_version != "v2"
    world.metrics.up, world.fail_next_apply, world.lose_next_status = True, None, False
    world.dead.clear()
    for number in range(20):
        for _ in range(400):
            world.tick()
            if world.at_rest() or world.status.paused:
                break
        if world.at_rest():
            break
        world.command("promote" if world.status.paused == "Undecided" else "resume", f"go-on-{number}")
    world.until(World.at_rest, limit=9000)
    assert candidate > 0.02 or world.live_version != "v2"
    world.tick(60)
    assert world.split == Split()
    assert world.plan().actions == ()
