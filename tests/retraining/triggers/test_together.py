"""Several metrics that have to fire together, within a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.retraining.builders import METRIC, NOW, SOURCES, TRIGGER, answered, counts, described, policy, policy_seen
from tests.retraining.passes import BAD, GOOD, after

from modelwright.analysis.verdict import Verdict
from modelwright.api.limits import Limits
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Action, AllOf, Trigger
from modelwright.kubeflow.questions import DescribePipeline
from modelwright.metrics.questions import NoLook
from modelwright.retraining.plan import PolicyPlan, plan_policy

HOUR = timedelta(hours=1)
AT_ONCE = replace(METRIC, hold=timedelta(0))
DRIFT = replace(TRIGGER, name="drift", metric=AT_ONCE, action=Action.NOTIFY)
ACCURACY = replace(TRIGGER, name="accuracy", metric=AT_ONCE, action=Action.NOTIFY)
BOTH = Trigger("both", all_of=AllOf(("drift", "accuracy"), 6 * HOUR))
SUBJECT = policy(triggers=(BOTH, DRIFT, ACCURACY), limits=Limits(cooldown=timedelta(0), settle=timedelta(0)))


def look(known: RetrainPolicy, at: datetime, drift: Any, accuracy: Any) -> PolicyPlan:
    """A pass in which the two metrics were just answered."""
    told = {"drift": drift, "accuracy": accuracy}
    questions = plan_policy(policy_seen(known), at).questions
    looks = [question for question in questions if not isinstance(question, DescribePipeline)]
    answers = {question: answered(_look(told[question.metric], at), at) for question in looks}
    return plan_policy(policy_seen(known, answers={**described(at), **answers}, sources=SOURCES), at)


def _look(value: Any, at: datetime) -> Any:
    return counts(value[0], value[1], at) if isinstance(value, tuple) else value


def both(plan: PolicyPlan) -> tuple[str, str]:
    return plan.status.triggers[0].verdict, plan.status.triggers[0].reason


def test_one_alone_starts_nothing() -> None:
    plan = look(SUBJECT, NOW, BAD, GOOD)
    assert both(plan) == ("Quiet", "Waiting")
    assert plan.create_run is None


def test_both_at_once_start_one_run_with_the_numbers_of_both() -> None:
    plan = look(SUBJECT, NOW, BAD, BAD)
    assert plan.create_run is not None
    (evidence,) = plan.create_run.spec.evidence
    assert (evidence.trigger, evidence.value) == ("both", "drift 0.8, accuracy 0.8")
    assert evidence.bound == "drift and accuracy within 6h"
    assert evidence.window_start == NOW - timedelta(minutes=5)


def test_one_after_the_other_counts_within_the_window() -> None:
    first = look(SUBJECT, NOW, BAD, GOOD)
    over = look(after(SUBJECT, first), NOW + HOUR, GOOD, GOOD)
    assert over.status.triggers[1].last_fired == NOW + HOUR
    late = look(after(SUBJECT, over), NOW + 2 * HOUR, GOOD, BAD)
    assert both(late) == ("Firing", "AllFired")
    assert late.create_run is not None
    assert late.requeue_after == timedelta(seconds=1) or late.requeue_after == 5 * HOUR


def test_what_is_longer_ago_does_not_count() -> None:
    first = look(SUBJECT, NOW, BAD, GOOD)
    over = look(after(SUBJECT, first), NOW + HOUR, GOOD, GOOD)
    late = look(after(SUBJECT, over), NOW + 7 * HOUR, GOOD, BAD)
    assert both(late) == ("Quiet", "Waiting")


def test_a_member_that_nobody_knows_is_no_data() -> None:
    plan = look(SUBJECT, NOW, NoLook(Verdict.NO_DATA, "NoSeries", "nothing"), BAD)
    assert both(plan) == ("NoData", "MemberUnknown")


def test_another_spec_forgets_what_fired_before() -> None:
    first = look(SUBJECT, NOW, BAD, GOOD)
    over = look(after(SUBJECT, first), NOW + HOUR, GOOD, GOOD)
    edited = replace(after(SUBJECT, over), generation=2)
    assert both(look(edited, NOW + 2 * HOUR, GOOD, BAD)) == ("Quiet", "Waiting")


def test_a_second_pass_writes_nothing() -> None:
    first = look(SUBJECT, NOW, BAD, BAD)
    again = look(after(SUBJECT, first), NOW + timedelta(minutes=1), BAD, BAD)
    assert again.status.triggers == first.status.triggers
