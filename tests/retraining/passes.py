"""Single passes over a policy, in which everything that it asks was just answered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.retraining.builders import (
    NOW,
    answered,
    counts,
    described,
    policy_seen,
)

from modelwright.api.policy import RetrainPolicy
from modelwright.kubeflow.questions import DescribePipeline
from modelwright.retraining.plan import PolicyPlan, plan_policy

BAD, GOOD = (800, 1000), (950, 1000)


def look(policy: RetrainPolicy, at: datetime, value: Any, **seen: Any) -> PolicyPlan:
    """One pass at `at`, in which every trigger's look was just answered with `value`."""
    questions = plan_policy(policy_seen(policy, **seen), at).questions
    looks = [question for question in questions if not isinstance(question, DescribePipeline)]
    answers = {**described(at), **{question: answered(value, at) for question in looks}}
    return plan_policy(policy_seen(policy, answers=answers, **seen), at)


def after(policy: RetrainPolicy, plan: PolicyPlan) -> RetrainPolicy:
    return replace(policy, status=plan.status)


def fired(policy: RetrainPolicy, **seen: Any) -> PolicyPlan:
    """The plan of a pass in which the trigger has been outside its bound for its `for`."""
    first = look(policy, NOW, counts(*BAD), **seen)
    return look(after(policy, first), NOW + timedelta(minutes=10), counts(*BAD), **seen)


def condition(plan: PolicyPlan, type: str) -> tuple[str, str] | None:
    found = [(each.status, each.reason) for each in plan.status.conditions if each.type == type]
    return found[0] if found else None


def trigger_of(plan: PolicyPlan) -> tuple[str, datetime | None]:
    return plan.status.triggers[0].verdict, plan.status.triggers[0].since
