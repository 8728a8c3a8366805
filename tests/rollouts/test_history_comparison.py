"""A value of the candidate is compared with what was usual for stable at this hour, whoever stable was."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.simulation.rollout_world import SPEC, START, V2, World, in_step, serving_v1

from modelwright.api.metrics import History, Limits, Metric, Value
from modelwright.api.rollout import Analysis, HistoryEntry
from modelwright.metrics.questions import HistoryQuestion, PastQuery

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
USUAL = Metric(
    "usual", value=Value('share{$(selector),version="$(version)"}'), history=History(), limits=Limits(fail=2)
)
PAST = tuple(
    (START - week * WEEK + hour * HOUR, 0.2 + 0.002 * ((3 * week + hour) % 5))
    for week in range(10, 0, -1)
    for hour in range(-3, 4)
)


def rolling(candidate: float, past: tuple[tuple[datetime, float], ...] = PAST) -> World:
    """A world in the first step to v2, whose v1 has been stable for a quarter of a year."""
    spec = replace(SPEC, analysis=Analysis(interval=timedelta(seconds=5), metrics=(USUAL,)))
    world = serving_v1(spec=spec)
    (first,) = world.status.history
    world.status = replace(world.status, history=(replace(first, at=START - 13 * WEEK),))
    world.metrics.past = past
    world.metrics.values |= {("usual", "v1"): 0.204, ("usual", "v2"): candidate}
    world.edit(model=V2)
    return world


def past_question(world: World) -> HistoryQuestion:
    (question,) = (one for one in world.questions if isinstance(one, HistoryQuestion))
    return question


def test_a_candidate_like_the_past_goes_live() -> None:
    world = rolling(0.206).until(lambda w: w.live_version == "v2").until(World.at_rest)
    assert world.status.history[0].result == "Promoted"


def test_a_candidate_far_from_the_past_is_rolled_back_after_the_looks_that_are_allowed() -> None:
    world = rolling(0.3).until(lambda w: bool(w.status.rejected), limit=120)
    assert "usual: value 0.3 > 0.2" in world.status.rejected[0].reason


def test_too_little_of_a_past_holds_and_says_how_much_there_is() -> None:
    world = rolling(0.3, tuple(point for point in PAST if point[0] > START - 6 * WEEK)).until(in_step(1))
    world.tick(300)
    assert (world.weight, world.status.rejected) == (10, ())
    (metric,) = world.status.metrics
    assert (metric.verdict, metric.reason) == ("NoData", "TooFewSeasons")
    assert metric.message.startswith("5 past seasons of this hour are known, 8 are needed")


def test_what_was_measured_in_a_rollout_is_no_past() -> None:
    world = rolling(0.206)
    ended = HistoryEntry("r9", "v9", "RolledBack", START - 3 * WEEK + HOUR, START - 5 * WEEK - HOUR)
    world.status = replace(world.status, history=(ended, *world.status.history))
    world.until(in_step(1)).tick(60)
    (metric,) = world.status.metrics
    assert metric.message == "7 past seasons of this hour are known, 8 are needed; 3 more lie in rollouts or alarms"


def test_the_past_is_asked_of_each_revision_for_its_own_time() -> None:
    world = rolling(0.206)
    changed = START - 4 * WEEK
    newest = world.status.history[0]
    older = HistoryEntry("r0", "v0", "Promoted", START - 20 * WEEK, START - 20 * WEEK)
    world.status = replace(world.status, history=(replace(newest, at=changed), older))
    world.until(in_step(1)).tick(2)
    assert past_question(world).queries == (
        PastQuery(_rendered(world, newest.revision, "v1"), changed, None),
        PastQuery(_rendered(world, "r0", "v0"), older.at, changed),
    )


def test_at_all_of_the_traffic_the_past_is_still_there_to_compare_with() -> None:
    world = rolling(0.206).until(lambda w: w.weight == 100)
    world.metrics.values["usual", "v2"] = 0.5
    world.until(lambda w: bool(w.status.rejected), limit=60)
    assert world.weight == 0


def test_a_rollout_remembers_when_it_began() -> None:
    world = rolling(0.206)
    began = world.now
    world.until(lambda w: w.live_version == "v2").until(World.at_rest)
    since = world.status.history[0].since
    assert since is not None
    assert began <= since <= began + timedelta(seconds=10)
    assert world.status.began_at is None


@pytest.mark.parametrize("up", [True, False])
def test_a_source_that_is_down_holds(up: bool) -> None:
    world = rolling(0.3).until(in_step(1))
    world.metrics.up = up
    world.tick(120)
    assert bool(world.status.rejected) is up


def _rendered(world: World, revision: str, version: str) -> str:
    labels = f'namespace="ml",rollout="churn",revision="{revision}"'
    return f'share{{{labels},version="{version}"}}'
