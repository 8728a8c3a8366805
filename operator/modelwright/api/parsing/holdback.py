"""What a holdback cannot go with: a strategy that promotes nothing, pods as weights, or labels that come after it."""

from __future__ import annotations

from modelwright.api.durations import format_duration
from modelwright.api.metrics import During
from modelwright.api.rollout import OnPassed, ReplicaRatio, RolloutSpec
from modelwright.errors import InvalidSpec

PATH = "spec.promotion.holdback"


def check_holdback(spec: RolloutSpec) -> None:
    """Raises InvalidSpec. Of a profile's metrics nothing is asked: they are due where there is something to see."""
    holdback = spec.promotion.holdback
    if holdback and isinstance(spec.route, ReplicaRatio):
        raise InvalidSpec(PATH, "must not be used with `traffic.replicaRatio`: it needs a router with weights")
    if holdback and spec.shadow and spec.shadow.on_passed is OnPassed.CONCLUDE:
        raise InvalidSpec(PATH, "must go with `shadow.onPassed: Promote`: nothing is promoted otherwise")
    for metric in spec.analysis.metrics:
        if metric.during != (During.HOLDBACK,):
            continue
        path = f"spec.analysis.metrics['{metric.name}']"
        if holdback is None:
            raise InvalidSpec(f"{path}.during", "must go with `promotion.holdback`, else it is never due")
        if metric.horizon >= holdback.lasts:
            late, lasts = format_duration(metric.horizon), format_duration(holdback.lasts)
            raise InvalidSpec(f"{path}.labels.horizon", f"must be shorter than the holdback, found {late} and {lasts}")
