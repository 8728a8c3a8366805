"""When a trigger that started a run may start another one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.retraining.builders import METRIC, NOW, TRIGGER, counts, finished_run, history, policy, rollout, run
from tests.retraining.passes import BAD, GOOD, after, condition, look

from modelwright.api.limits import Limits
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.api.triggers import Rearm, RearmAfter
from modelwright.metrics.questions import CountsQuestion
from modelwright.retraining.plan import PolicyPlan

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NO_REST = Limits(cooldown=timedelta(0), settle=timedelta(0))


def subject(after: RearmAfter, min_samples: int = 0) -> RetrainPolicy:
    trigger = replace(TRIGGER, metric=replace(METRIC, hold=timedelta(0)), rearm=Rearm(after, min_samples))
    return policy(triggers=(trigger,), limits=NO_REST)


def held(plan: PolicyPlan) -> bool:
    """Whether it fires and is latched; otherwise it fires and starts a run."""
    latched = condition(plan, "Retraining") == ("False", "Latched")
    assert plan.status.triggers[0].verdict == "Firing"
    assert (plan.status.triggers[0].latched is not None) == latched == (plan.create_run is None)
    return latched


def rejected(at: datetime = NOW) -> RetrainRun:
    return finished_run(1, at)


def test_without_a_run_it_is_armed() -> None:
    assert not held(look(subject(RearmAfter.PROMOTION), NOW, counts(*BAD)))


def test_after_recovery_it_has_to_be_quiet_once() -> None:
    known = subject(RearmAfter.RECOVERY)
    latched = look(known, NOW + HOUR, counts(*BAD), runs=(rejected(),))
    assert held(latched)
    assert latched.status.triggers[0].latched == NOW
    calm = look(after(known, latched), NOW + 2 * HOUR, counts(*GOOD), runs=(rejected(),))
    assert calm.status.triggers[0].handled == "1"
    assert not held(look(after(known, calm), NOW + 3 * HOUR, counts(*BAD), runs=(rejected(),)))


def test_the_run_of_another_trigger_does_not_latch_it() -> None:
    other = rejected()
    evidence = (replace(other.spec.evidence[0], trigger="weekly"),)
    other = replace(other, spec=replace(other.spec, evidence=evidence))
    assert not held(look(subject(RearmAfter.RECOVERY), NOW + HOUR, counts(*BAD), runs=(other,)))


def test_after_a_promotion_another_model_can_decline_again() -> None:
    approved = finished_run(1, NOW, approved=True)
    known = subject(RearmAfter.PROMOTION)
    waiting = rollout(history=(history("churn-run0", "Promoted", NOW - HOUR),))
    assert held(look(known, NOW + HOUR, counts(*BAD), runs=(approved,), followers=(waiting,)))
    promoted = rollout(history=(history("churn-run1", "Promoted", NOW + MINUTE),))
    assert not held(look(known, NOW + HOUR, counts(*BAD), runs=(approved,), followers=(promoted,)))


@pytest.mark.parametrize("result", ["RolledBack", "Aborted"])
def test_a_model_that_is_not_promoted_in_the_end_silences_nothing(result: str) -> None:
    approved = finished_run(1, NOW, approved=True)
    undone = rollout(history=(history("churn-run1", result, NOW + MINUTE),))
    known = subject(RearmAfter.PROMOTION)
    assert not held(look(known, NOW + HOUR, counts(*BAD), runs=(approved,), followers=(undone,)))
    assert not held(look(known, NOW + HOUR, counts(*BAD), runs=(rejected(),)))


def test_after_the_end_of_the_run_it_needs_samples_that_are_new() -> None:
    known = subject(RearmAfter.RUN_ENDED, 2000)
    few = look(known, NOW + HOUR, counts(*BAD), runs=(rejected(),))
    assert held(few)
    assert few.status.triggers[0].handled == f"1@{NOW:%Y-%m-%dT%H:%M:%SZ}"
    (fresh,) = [asked for asked in few.questions if isinstance(asked, CountsQuestion) and asked.since]
    assert (fresh.since, fresh.window) == (NOW, None)
    enough = look(after(known, few), NOW + 2 * HOUR, counts(1600, 2000), runs=(rejected(),))
    assert not held(enough)
    assert enough.status.triggers[0].handled == "1"


def test_a_latched_trigger_is_written_once() -> None:
    known = subject(RearmAfter.PROMOTION)
    follower = rollout(history=(history("churn-run0", "Promoted", NOW - HOUR),))
    approved = finished_run(1, NOW, approved=True)
    first = look(known, NOW + HOUR, counts(*BAD), runs=(approved,), followers=(follower,))
    again = look(after(known, first), NOW + HOUR + MINUTE, counts(*BAD), runs=(approved,), followers=(follower,))
    assert again.status == first.status


def test_what_was_armed_again_stays_so_when_its_run_is_deleted() -> None:
    known = subject(RearmAfter.RECOVERY)
    older = replace(run(1), status=rejected().status)
    newer = finished_run(2, NOW)
    calm = look(known, NOW + HOUR, counts(*GOOD), runs=(older, newer))
    assert not held(look(after(known, calm), NOW + 2 * HOUR, counts(*BAD), runs=(older,)))
