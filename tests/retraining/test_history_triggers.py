"""A trigger with a history fires when a number has left what was usual for the champion at this hour."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.retraining.builders import CHAMPION, NOW, SOURCES, answered, policy, rollout, run

from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import History, Value
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.api.rollout import HistoryEntry
from modelwright.api.run import Evidence
from modelwright.api.triggers import MetricTrigger, Trigger
from modelwright.cluster.answers import Answer
from modelwright.metrics.questions import HistoryLook, HistoryQuestion, NoLook, ValueLook, ValueQuestion
from modelwright.retraining.plan.triggers import TriggerSeen, View, look_at_all

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)
USUAL = Trigger(
    "usual", MetricTrigger(value=Value("q{$(champion)}"), history=History(), hold=timedelta(minutes=30), min_samples=1)
)
POINTS = tuple(
    (NOW - week * WEEK + hour * HOUR, 100.0 + (3 * week + hour) % 5)
    for week in range(10, 0, -1)
    for hour in range(-3, 4)
)
SERVING = Champion("77d0aa91c2", CHAMPION, "churn")
POLICY = policy(triggers=(USUAL,))


def seen(
    value: float, at: datetime = NOW, *, known: RetrainPolicy = POLICY, past: Any = None, **view: Any
) -> TriggerSeen:
    """One look at `value`, whose past is POINTS or what is given."""
    follower = view.pop("follower", rollout())
    looked = View(known, at, SERVING, follower=follower, sources=SOURCES, **view)
    answers: dict[Any, Answer] = {}
    for asked in look_at_all(looked)[0].questions:
        if isinstance(asked, HistoryQuestion):
            answers[asked] = answered(past or HistoryLook(POINTS, NOW), NOW - timedelta(minutes=20))
        elif isinstance(asked, ValueQuestion):
            answers[asked] = answered(ValueLook(value, None, at), at)
    assert len(answers) == 2
    return look_at_all(replace(looked, answers=answers))[0]


def after(first: TriggerSeen) -> RetrainPolicy:
    status = replace(
        POLICY.status,
        observed_generation=1,
        triggers=(first.status,),
        champion=Champion("77d0aa91c2", CHAMPION, "churn"),
    )
    return replace(POLICY, status=status)


def test_a_usual_number_is_quiet_and_one_far_from_it_fires_when_it_lasts() -> None:
    assert seen(103).status.verdict == "Quiet"
    first = seen(140)
    assert (first.status.verdict, first.status.reason) == ("Pending", "OutsideBounds")
    lasting = seen(140, NOW + timedelta(minutes=31), known=after(first))
    assert lasting.status.verdict == "Firing"
    assert lasting.evidence is not None
    assert lasting.evidence.bound.startswith("9")


def test_too_few_seasons_are_no_data_with_their_number() -> None:
    young = HistoryLook(tuple(point for point in POINTS if point[0] > NOW - 6 * WEEK), NOW)
    found = seen(140, past=young)
    assert (found.status.verdict, found.status.reason) == ("NoData", "TooFewSeasons")
    assert found.status.message.startswith("5 past seasons of this hour are known, 8 are needed")


def test_the_time_in_which_it_was_firing_is_no_past() -> None:
    fired = run(1)
    evidence = Evidence("usual", NOW - 5 * WEEK, "q", "140", "≤ 110", window_start=NOW - 6 * WEEK - HOUR)
    fired = replace(fired, spec=replace(fired.spec, evidence=(evidence,)))
    mended = rollout(history=(HistoryEntry("77d0aa91c2", "v2", "Promoted", NOW - 4 * WEEK + HOUR),))
    found = seen(140, follower=mended, runs=(fired,))
    assert found.status.reason == "TooFewSeasons"
    assert (
        found.status.message == "7 past seasons of this hour are known, 8 are needed; 3 more lie in rollouts or alarms"
    )


def test_each_revision_is_asked_for_its_own_time() -> None:
    changed = NOW - 3 * WEEK
    follower = rollout(
        history=(
            HistoryEntry("77d0aa91c2", "v2", "Promoted", changed),
            HistoryEntry("r1", "v1", "Promoted", NOW - 20 * WEEK),
        )
    )
    past = seen(100, follower=follower).past
    assert [(one.since, one.until) for one in past.queries] == [(changed, None), (NOW - 20 * WEEK, changed)]
    assert ['revision="r1"' in one.query for one in past.queries] == [False, True]


@pytest.mark.parametrize(
    ("past", "verdict", "reason"),
    [
        (NoLook(Verdict.NO_DATA, "PartialAnswer", "only a part"), "NoData", "PartialAnswer"),
        (NoLook(Verdict.ERROR, "SourceUnavailable", "503"), "Error", "SourceUnavailable"),
        (RuntimeError("unforeseen"), "Error", "SourceFailed"),
    ],
)
def test_a_past_that_is_not_known_neither_fires_nor_is_quiet(past: Any, verdict: str, reason: str) -> None:
    found = seen(140, past=past)
    assert (found.status.verdict, found.status.reason) == (verdict, reason)
    assert found.evidence is None


def test_until_its_past_is_known_it_was_not_looked_at() -> None:
    view = View(POLICY, NOW, SERVING, follower=rollout(), sources=SOURCES)
    first = look_at_all(view)[0]
    assert first.status.reason == "NotLookedYet"
    assert len(first.questions) == 2
