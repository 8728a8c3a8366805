"""One run at a time: a slot that comes meanwhile waits, is left out or takes over; and one model has one pipeline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import NOW, answered, policy, run
from tests.retraining.passes import after
from tests.retraining.run_passes import RUNNING, outcome, plan
from tests.retraining.triggers.test_schedule import SLOT, passes, watched

from modelwright.api.limits import Concurrency, Limits
from modelwright.api.run import RetrainRun
from modelwright.kubeflow.questions import KubeflowRun, StopRun

MOMENT = timedelta(seconds=5)


def limits(concurrency: Concurrency) -> Limits:
    return Limits(cooldown=timedelta(0), concurrency=concurrency)


def test_a_slot_waits_for_the_run_that_is_unfinished() -> None:
    found = watched(limits=limits(Concurrency.QUEUE))
    waiting = passes(found, SLOT, runs=(run(),))
    assert waiting.create_run is None
    assert waiting.status.triggers[0].verdict == "Firing"
    assert passes(after(found, waiting), SLOT + timedelta(hours=1)).create_run is not None


def test_a_slot_is_left_out_for_good_where_that_is_asked() -> None:
    found = watched(limits=limits(Concurrency.FORBID))
    skipped = passes(found, SLOT, runs=(run(),))
    assert (skipped.status.triggers[0].verdict, skipped.status.triggers[0].reason) == ("Quiet", "Skipped")
    later = passes(after(found, skipped), SLOT + timedelta(hours=1))
    assert later.create_run is None
    assert later.status.triggers == skipped.status.triggers


def test_the_run_that_a_slot_has_started_does_not_make_it_left_out() -> None:
    found = watched(limits=limits(Concurrency.FORBID))
    created = passes(found, SLOT).create_run
    assert created is not None
    seen = passes(found, SLOT, runs=(replace(run(), spec=created.spec),))
    assert seen.status.triggers[0].reason == "Waiting"


def test_a_slot_takes_the_place_of_the_run_that_is_unfinished() -> None:
    found = watched(limits=limits(Concurrency.REPLACE))
    created = passes(found, SLOT, runs=(RUNNING,)).create_run
    assert created is not None
    newer = replace(run(2), spec=replace(created.spec, number=2))
    stopping = plan(RUNNING, SLOT, found, siblings=(newer,))
    assert isinstance(stopping.questions[0], StopRun)
    assert outcome(plan(newer, SLOT, found, siblings=(RUNNING,))) == ("Unknown", "Queued")
    stopped = answered(KubeflowRun("kf-1", "CANCELING", NOW), SLOT)
    replaced = plan(RUNNING, SLOT, found, siblings=(newer,), answers={stopping.questions[0]: stopped})
    assert outcome(replaced) == ("False", "Replaced")
    ended = replace(RUNNING, status=replaced.status)
    assert outcome(plan(newer, SLOT, found, siblings=(ended,))) == ("Unknown", "Launching")


def test_a_metric_that_stays_out_of_bounds_replaces_nothing() -> None:
    found = policy(limits=limits(Concurrency.REPLACE))
    assert passes(found, NOW, runs=(RUNNING,)).create_run is None


def of_model(name: str, **status: Any) -> RetrainRun:
    built = run(name=name)
    return replace(built, spec=replace(built.spec, model="churn"), status=replace(built.status, **status))


def test_a_run_draws_a_ticket_and_launches_a_moment_later() -> None:
    mine = policy(model="churn")
    drawn = plan(of_model("a"), NOW, mine)
    assert outcome(drawn) == ("Unknown", "ModelLocked")
    assert drawn.status.lock_asked_at == NOW
    waiting = replace(of_model("a"), status=drawn.status)
    assert outcome(plan(waiting, NOW + MOMENT - timedelta(seconds=1), mine)) == ("Unknown", "ModelLocked")
    assert outcome(plan(waiting, NOW + MOMENT, mine)) == ("Unknown", "Launching")


def test_the_earlier_ticket_is_next_and_who_has_launched_holds_the_lock() -> None:
    mine, late = policy(model="churn"), NOW + 2 * MOMENT
    first, second = of_model("b", lock_asked_at=NOW), of_model("a", lock_asked_at=NOW + timedelta(seconds=1))
    assert outcome(plan(first, late, mine, rivals=(second,))) == ("Unknown", "Launching")
    assert outcome(plan(second, late, mine, rivals=(first,))) == ("Unknown", "ModelLocked")
    launched = replace(first, status=replace(first.status, pipeline_run=RUNNING.status.pipeline_run))
    assert outcome(plan(second, late, mine, rivals=(launched,))) == ("Unknown", "ModelLocked")


def test_who_waits_for_something_else_keeps_nobody_waiting() -> None:
    mine, late = policy(model="churn"), NOW + 2 * MOMENT
    cooling = of_model("a")
    assert outcome(plan(of_model("b", lock_asked_at=NOW), late, mine, rivals=(cooling,))) == ("Unknown", "Launching")


def test_a_ticket_is_given_back_when_something_else_holds_the_run_back() -> None:
    mine = policy(model="churn")
    waiting = of_model("b", lock_asked_at=NOW)
    held = plan(waiting, NOW + MOMENT, mine, siblings=(run(0, "older"),))
    assert outcome(held) == ("Unknown", "Queued")
    assert held.status.lock_asked_at is None


def test_no_run_is_created_while_another_policy_trains_the_model() -> None:
    launched = of_model("other", pipeline_run=RUNNING.status.pipeline_run)
    held = passes(watched(model="churn"), SLOT, rivals=(launched,))
    assert held.create_run is None
    assert held.status.pending is not None
    assert held.status.pending.reason == "ModelLocked"
    assert passes(watched(model="churn"), SLOT).create_run is not None
