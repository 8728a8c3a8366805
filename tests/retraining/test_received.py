"""Triggers for what came in over HTTP: every event leads to exactly one run, and those that wait together to one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.retraining.builders import NOW, described, finished_run, policy, policy_seen

from modelwright.api.policy import ReceivedEvent, RetrainPolicy
from modelwright.api.rollout import State
from modelwright.api.run import RetrainRun
from modelwright.api.triggers import EventTrigger, Trigger
from modelwright.retraining.plan import PolicyPlan, plan_policy

TRIGGER = Trigger("dataset", event=EventTrigger("published"))
FIRST = ReceivedEvent("dataset", "lake|1", "published", NOW - timedelta(minutes=2), "lake")
SECOND = ReceivedEvent("dataset", "lake|2", "published", NOW - timedelta(minutes=1), "lake")
LATER = NOW + timedelta(hours=9)


def told(*events: ReceivedEvent, state: State = State.ACTIVE) -> RetrainPolicy:
    built = policy(triggers=(TRIGGER,), state=state)
    return replace(built, status=replace(built.status, events=events))


def passed(policy: RetrainPolicy, *runs: RetrainRun) -> PolicyPlan:
    return plan_policy(policy_seen(policy, runs=runs, answers=described(LATER)), LATER)


def finished(run: RetrainRun | None) -> RetrainRun:
    """`run` as it is found after it has ended, created by whoever planned it."""
    assert run is not None
    ended = finished_run(run.spec.number, LATER - timedelta(hours=2))
    return replace(ended, name=run.name, spec=run.spec)


def test_without_an_event_nothing_fires() -> None:
    plan = passed(told())
    assert plan.create_run is None
    assert [(status.verdict, status.reason) for status in plan.status.triggers] == [("Quiet", "Waiting")]


def test_events_that_wait_together_start_one_run_which_names_the_newest() -> None:
    plan = passed(told(FIRST, SECOND))
    assert plan.create_run is not None
    (evidence,) = plan.create_run.spec.evidence
    assert (evidence.occasion, evidence.samples, evidence.window_start) == ("lake|2", 2, FIRST.at)


def test_an_event_is_done_with_only_when_a_run_was_started_for_it() -> None:
    first = passed(told(FIRST, SECOND))
    assert [event.run for event in first.status.events] == ["", ""]
    run = finished(first.create_run)
    second = passed(replace(told(), status=first.status), run)
    assert [event.run for event in second.status.events] == [run.name, run.name]
    assert second.create_run is None


def test_an_event_that_came_in_after_a_run_was_started_starts_another() -> None:
    first = passed(told(FIRST))
    run = finished(first.create_run)
    plan = passed(told(FIRST, SECOND), run)
    assert [event.run for event in plan.status.events] == [run.name, ""]
    assert plan.create_run is not None
    assert plan.create_run.name != run.name


def test_a_run_that_is_pruned_leaves_its_event_known() -> None:
    first = passed(told(FIRST))
    known = passed(told(FIRST), finished(first.create_run))
    plan = passed(replace(told(), status=known.status))
    assert plan.create_run is None


def test_an_event_waits_while_the_policy_is_suspended() -> None:
    plan = passed(told(FIRST, state=State.SUSPENDED))
    assert plan.create_run is None
    assert [event.run for event in plan.status.events] == [""]
