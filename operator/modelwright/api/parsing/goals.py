"""Reading the goal of an A/B test: a metric that has to become better, where a guardrail must not become worse."""

from __future__ import annotations

from modelwright.api.fields import Fields
from modelwright.api.goals import Futility, Goal, Unit, WholeWeeks
from modelwright.api.metrics import AgainstStable

NOT_OF_A_GOAL = ("fastLimit", "stableLimit", "limits", "requiredFor", "during", "mode")
"""What only guardrails have: a goal decides once, at the end, and is due for the whole of the test."""

OF_A_GOAL = ("minIncrease", "futility", "ignoreFirst", "wholeWeeks")


def goal(fields: Fields, shape: str) -> tuple[Goal, AgainstStable]:
    """What the goal in `fields` asks for, and what of harm it accepts. Raises InvalidSpec."""
    if shape not in ("proportion", "mean"):
        raise fields.refuse(shape, "must be a `proportion` or a `mean` in a metric with `role: Goal`")
    for name in NOT_OF_A_GOAL:
        if fields.has(name):
            raise fields.refuse(name, "must be left out with `role: Goal`, which decides once and at the end")
    compare = fields.section("compare")
    if compare.has("threshold"):
        raise compare.refuse("threshold", "must be `stable` with `role: Goal`: better means better than stable")
    stable = compare.section("stable")
    for name in ("maxIncrease", "maxRatio"):
        if stable.has(name):
            raise stable.refuse(name, "must be `maxDecrease` with `role: Goal`: more is better, and less is the harm")
    found = Goal(
        min_increase=stable.decimal("minIncrease", Goal.min_increase),
        futility=stable.choice("futility", Futility, Goal.futility),
        ignore_first=stable.duration("ignoreFirst", Goal.ignore_first),
        whole_weeks=stable.choice("wholeWeeks", WholeWeeks, Goal.whole_weeks),
        unit=fields.section(shape).choice("unit", Unit),
    )
    if found.min_increase < 0:
        raise stable.refuse("minIncrease", f"must not be below 0, found {found.min_increase}")
    return found, AgainstStable(max_decrease=stable.decimal("maxDecrease"))


def refuse_goals_fields(fields: Fields, shape: str) -> None:
    """Raises InvalidSpec for what means nothing without `role: Goal`."""
    stable = fields.section_or_empty("compare").section_or_empty("stable")
    for name in OF_A_GOAL:
        if stable.has(name):
            raise stable.refuse(name, "must go with `role: Goal`")
    if shape in ("proportion", "mean") and fields.section(shape).has("unit"):
        raise fields.section(shape).refuse("unit", "must go with `role: Goal`: a guardrail needs none")
