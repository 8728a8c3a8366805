"""Reads from a metric source what the triggers of a policy would have seen: range queries, one number at each step.

Counts come from `increase()`, which extrapolates a little, over all revisions that served then. The operator itself
reads raw counters of the champion alone; over windows of many scrapes the difference is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from modelwright.analysis.counts import Counts
from modelwright.api.durations import format_duration
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import MetricTrigger
from modelwright.metrics.variables import render, selector
from modelwright.simulation.recorded import Look, Recorded

POINTS_AT_ONCE = 5000

Values = Callable[[str, str, float, float, float], Mapping[float, float]]
"""What a query of the named source yields from start to end at each step, by unix time."""


def record(policy: RetrainPolicy, start: datetime, end: datetime, step: timedelta, values: Values) -> Recorded:
    """The looks of every metric trigger. InvalidSpec for a query that names what there is not."""
    looks = {}
    for index, trigger in enumerate(policy.spec.triggers):
        if trigger.metric:
            path = f"spec.triggers[{index}].metric"
            looks[trigger.name] = dict(_looks(policy, trigger.metric, path, start, end, step, values))
    return Recorded(looks)


def _looks(
    policy: RetrainPolicy,
    metric: MetricTrigger,
    path: str,
    start: datetime,
    end: datetime,
    step: timedelta,
    values: Values,
) -> Iterator[tuple[datetime, Look]]:
    champion = selector(policy.namespace, policy.spec.model_rollout or policy.name, "")
    variables = {"champion": champion, "namespace": policy.namespace, "name": policy.name}
    variables |= {"revision": ".*", "version": ".*"}

    def asked(query: str) -> dict[datetime, float]:
        found: dict[datetime, float] = {}
        begin = start
        while begin <= end:
            stop = min(end, begin + (POINTS_AT_ONCE - 1) * step)
            numbers = values(metric.source, query, begin.timestamp(), stop.timestamp(), step.total_seconds())
            found |= {datetime.fromtimestamp(at, UTC): value for at, value in numbers.items()}
            begin = stop + step
        return found

    if metric.proportion and metric.proportion.window:
        window = format_duration(metric.proportion.window)
        variables["window"] = window
        events, total = (
            asked(f"sum(increase({render(text, variables, path=path)}[{window}]))")
            for text in (metric.proportion.events, metric.proportion.total)
        )
        for at, count in total.items():
            whole = max(round(count), 0)
            # Events without a series beside a growing total are none.
            yield at, Counts(min(max(round(events.get(at, 0.0)), 0), whole), whole)
    elif metric.value:
        measured = asked(render(metric.value.query, variables, path=path))
        text = metric.value.samples
        samples = asked(render(text, variables, path=path)) if text else {}
        for at, value in measured.items():
            yield at, (value, (round(samples.get(at, 0.0)) if text else None))
