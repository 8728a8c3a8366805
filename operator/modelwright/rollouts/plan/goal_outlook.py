"""What `lint` says of an A/B test before it begins: the smallest increase that it can show at some traffic."""

from __future__ import annotations

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.goal_forecast import smallest_increase
from modelwright.analysis.numbers import counted, signed
from modelwright.analysis.weekly import WEEK
from modelwright.api.durations import format_duration
from modelwright.api.goals import WholeWeeks
from modelwright.api.metrics import Metric
from modelwright.api.rollout import RolloutSpec


def goal_by_the_end(
    spec: RolloutSpec, metric: Metric, per_second: float, base_rate: float, alpha: Allocation
) -> list[str]:
    """One line, if both arms together count `per_second` users or sessions of whom `base_rate` are events."""
    test, goal = spec.ab_test, metric.goal
    if test is None or goal is None:
        return []
    counted_for = test.max_duration - goal.ignore_first - metric.horizon
    if goal.whole_weeks is WholeWeeks.REQUIRED:
        counted_for = counted_for // WEEK * WEEK
    total = per_second * counted_for.total_seconds()
    candidate = int(total * test.audience.percent / 100)
    found = smallest_increase(base_rate, goal.min_increase, alpha, stable=int(total) - candidate, candidate=candidate)
    shows = f"an increase of {signed(found)} or more shows" if found is not None else "no increase shows"
    units = f"{counted(int(total))} {goal.unit.lower()}s"
    return [
        f"test ({test.audience.percent} %, {format_duration(test.max_duration)}), {metric.name}: {shows} with {units}"
    ]
