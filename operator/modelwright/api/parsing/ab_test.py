"""Reading an A/B test, and what it and its goal ask of each other."""

from __future__ import annotations

from modelwright.analysis.weekly import WEEK
from modelwright.api.ab_test import ABTest, Audience, Bucket, OnUndecided
from modelwright.api.durations import format_duration
from modelwright.api.fields import Fields
from modelwright.api.goals import WholeWeeks
from modelwright.api.metrics import Metric
from modelwright.api.rollout import RolloutSpec
from modelwright.errors import InvalidSpec


def ab_test(fields: Fields) -> ABTest:
    split = fields.section("audience").section("split")
    if not split.has("by"):
        raise split.refuse("by", "must name the header or cookie with a user's bucket: a weight is drawn per request")
    by = bucket(split.section("by"))
    audience = Audience(split.integer("percent"), by.header, by.cookie)
    if not 1 <= audience.percent <= 99:
        raise split.refuse("percent", f"must be between 1 and 99, found {audience.percent}")
    found = ABTest(
        audience=audience,
        min_duration=fields.duration("minDuration", ABTest.min_duration),
        max_duration=fields.duration("maxDuration", ABTest.max_duration),
        on_undecided=fields.choice("onUndecided", OnUndecided, ABTest.on_undecided),
    )
    if found.max_duration < found.min_duration:
        raise fields.refuse("maxDuration", "must not be shorter than `minDuration`")
    return found


def bucket(by: Fields) -> Bucket:
    by.exactly_one("header", "cookie")
    return Bucket(by.text("header", ""), by.text("cookie", ""))


def check_goals(spec: RolloutSpec, *, complete: bool = True) -> None:
    """Raises InvalidSpec for a goal without a test, a test without a goal, or one that no test is long enough for.

    `complete`: there is no profile whose metrics are still to be merged in.
    """
    goals, test = [metric for metric in spec.analysis.metrics if metric.goal], spec.ab_test
    if test is None:
        for metric in goals:
            raise InvalidSpec(
                _path(metric, "role"),
                "must be Guardrail without `strategy.abTest`: a weight is drawn per request, so that users meet both "
                "versions and no goal can be judged",
            )
        return
    if len(goals) > 1 or (complete and not goals):
        raise InvalidSpec(
            "spec.analysis.metrics",
            f"must have exactly one metric with `role: Goal` beside `strategy.abTest`, found {len(goals)}",
        )
    for metric in goals:
        _check_length(spec, metric)
    deadline = spec.analysis.progress_deadline
    if deadline is not None and deadline <= test.max_duration:
        raise InvalidSpec(
            "spec.analysis.progressDeadline",
            f"must be longer than `strategy.abTest.maxDuration`, found {format_duration(deadline)}",
        )


def _check_length(spec: RolloutSpec, metric: Metric) -> None:
    test, goal = spec.ab_test, metric.goal
    assert test is not None
    assert goal is not None
    needed, says = goal.ignore_first + metric.horizon, "`ignoreFirst` and the labels' horizon"
    if goal.whole_weeks is WholeWeeks.REQUIRED:
        needed, says = needed + WEEK, f"{says} and one whole week"
    if test.max_duration <= needed:
        raise InvalidSpec(
            "spec.strategy.abTest.maxDuration",
            f"must be longer than {says} of '{metric.name}' together, {format_duration(needed)}, "
            f"found {format_duration(test.max_duration)}: test longer, or use `wholeWeeks: Optional`",
        )


def _path(metric: Metric, field: str) -> str:
    return f"spec.analysis.metrics['{metric.name}'].{field}"
