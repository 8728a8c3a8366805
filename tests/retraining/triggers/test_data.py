"""Data triggers: rows counted from the last run on, whatever started it, and objects that change."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import NOW, answered, described, finished_run, policy, policy_seen, run
from tests.retraining.limits.test_setbacks import ended
from tests.retraining.passes import after, condition, look

from modelwright.analysis.verdict import Verdict
from modelwright.api.limits import OnRejected
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Data, Trigger
from modelwright.metrics.questions import NoLook, ValueLook
from modelwright.metrics.reasons import Reason
from modelwright.retraining.plan import PolicyPlan, plan_policy

MINUTE = timedelta(minutes=1)
LABELS = Trigger("labels", data=Data(query="rows", grown_by=5000))
SETTINGS = Trigger("settings", data=Data(config_map="churn-data", key="snapshot"))


def rows(of: RetrainPolicy, count: float, at: Any = NOW, **seen: Any) -> PolicyPlan:
    return look(of, at, ValueLook(count, None, at), **seen)


def counting(count: float = 1000, **spec: Any) -> RetrainPolicy:
    found = policy(triggers=(LABELS,), **spec)
    return after(found, rows(found, count))


def test_what_was_there_at_the_first_look_is_no_news() -> None:
    found = policy(triggers=(LABELS,))
    first = rows(found, 1_000_000)
    assert first.create_run is None
    assert first.status.triggers[0].handled == "none=1000000"


def test_fires_when_enough_has_come_since_and_says_how_much() -> None:
    assert rows(counting(), 5999).create_run is None
    created = rows(counting(), 6000).create_run
    assert created is not None
    assert (created.spec.evidence[0].value, created.spec.evidence[0].samples) == ("5000", 5000)


def test_counts_anew_from_any_run() -> None:
    made = replace(run(1), created_at=NOW + MINUTE)
    other = replace(finished_run(1, NOW + 2 * MINUTE), spec=made.spec, created_at=made.created_at)
    again = rows(counting(), 7000, NOW + 3 * MINUTE, runs=(other,))
    assert again.create_run is None
    assert again.status.triggers[0].handled == "churn-run1=7000"
    later = rows(after(counting(), again), 11_999, NOW + 4 * MINUTE, runs=(other,))
    assert later.create_run is None
    assert rows(after(counting(), again), 12_000, NOW + 4 * MINUTE, runs=(other,)).create_run is not None


def test_a_look_from_before_the_run_does_not_count_for_after_it() -> None:
    made = replace(finished_run(1, NOW), created_at=NOW + MINUTE)
    stale = rows(counting(), 7000, NOW, runs=(made,))
    assert stale.status.triggers[0].handled == "none=1000"
    assert stale.create_run is None


def test_a_count_that_falls_is_counted_from_where_it_fell() -> None:
    fallen = rows(counting(), 10)
    assert fallen.status.triggers[0].handled == "none=10"
    assert rows(after(counting(), fallen), 5010).create_run is not None


def test_no_data_keeps_where_it_counted_from() -> None:
    gap = look(counting(), NOW, NoLook(Verdict.NO_DATA, Reason.NO_SERIES, "no series"))
    assert (gap.status.triggers[0].verdict, gap.status.triggers[0].handled) == ("NoData", "none=1000")
    assert rows(after(counting(), gap), 6000).create_run is not None


def test_after_a_rejection_triggers_wait_for_new_rows_too() -> None:
    hour = timedelta(hours=1)
    of = policy(triggers=(LABELS, SETTINGS), on_rejected=OnRejected(backoff=hour, new_rows=2000))
    rejected = ended("GateRejected", NOW - hour)
    rejected = replace(rejected, created_at=NOW - 2 * hour)
    maps = {("churn-data", "snapshot"): "1"}
    known = after(of, rows(of, 1000, runs=(rejected,), config_maps=maps))
    changed = {("churn-data", "snapshot"): "2"}
    held = rows(known, 2999, runs=(rejected,), config_maps=changed)
    assert held.create_run is None
    assert condition(held, "Retraining") == ("False", "NewRowsNeeded")
    assert rows(known, 3000, runs=(rejected,), config_maps=changed).create_run is not None


def changed(of: RetrainPolicy, text: str | None, **seen: Any) -> PolicyPlan:
    maps = {} if text is None else {("churn-data", "snapshot"): text}
    return plan_policy(policy_seen(of, answers=described(), config_maps=maps, **seen), NOW)


def test_an_object_fires_once_for_each_change_and_also_when_it_changes_back() -> None:
    of = policy(triggers=(SETTINGS,))
    known = after(of, changed(of, "a"))
    assert changed(known, "a").create_run is None
    first = changed(known, "b").create_run
    assert first is not None
    made = replace(finished_run(1, NOW), spec=first.spec)
    assert changed(known, "b", runs=(made,)).create_run is None
    handled = after(known, changed(known, "b", runs=(made,)))
    assert changed(handled, "b").create_run is None
    assert changed(handled, "a", runs=(made,)).create_run is not None


def test_an_object_that_is_gone_for_a_while_is_no_change() -> None:
    of = policy(triggers=(SETTINGS,))
    known = after(of, changed(of, "a"))
    gone = changed(known, None)
    assert gone.status.triggers[0].reason == "ObjectMissing"
    assert changed(after(known, gone), "a").create_run is None
    assert changed(after(known, gone), "b").create_run is not None


def test_the_answer_of_a_query_is_asked_for_without_a_champion() -> None:
    of = policy(triggers=(LABELS,))
    plan = plan_policy(policy_seen(of, answers={**described()}, followers=()), NOW)
    question = plan.questions[1]
    answers = {**described(), question: answered(ValueLook(1.0, None, NOW))}
    assert plan_policy(policy_seen(of, answers=answers, followers=()), NOW).status.triggers[0].reason == "Counting"
