"""Reads from a metric source what the triggers of a policy would have seen: range queries, one number at each step.

Counts come from `increase()`, which extrapolates a little, over all revisions that served then. The operator itself
reads raw counters of the champion alone; over windows of many scrapes the difference is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.api.durations import format_duration
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import MetricTrigger
from modelwright.metrics.variables import render, selector
from modelwright.simulation.recorded import Look, Recorded

POINTS_AT_ONCE = 5000

Values = Callable[[str, str, float, float, float], Mapping[float, float]]
"""What a query of the named source yields from start to end at each step, by unix time."""


@dataclass(frozen=True)
class Reading:
    """What is remembered from `start` to `end`, one number at each `step`."""

    start: datetime
    end: datetime
    step: timedelta
    values: Values

    def of(self, source: str, query: str) -> dict[datetime, float]:
        found: dict[datetime, float] = {}
        begin = self.start
        while begin <= self.end:
            stop = min(self.end, begin + (POINTS_AT_ONCE - 1) * self.step)
            numbers = self.values(source, query, begin.timestamp(), stop.timestamp(), self.step.total_seconds())
            found |= {datetime.fromtimestamp(at, UTC): value for at, value in numbers.items()}
            begin = stop + self.step
        return found


def record(policy: RetrainPolicy, start: datetime, end: datetime, step: timedelta, values: Values) -> Recorded:
    """The looks of every trigger whose evidence is in Prometheus: metrics, drift, and counts of rows. InvalidSpec for a
    query that names what there is not."""
    looks, reading = {}, Reading(start, end, step, values)
    for index, trigger in enumerate(policy.spec.triggers):
        path = f"spec.triggers[{index}]"
        if trigger.metric:
            looks[trigger.name] = dict(_looks(policy, trigger.metric, f"{path}.metric", reading))
        elif trigger.data and trigger.data.query:
            variables = {"namespace": policy.namespace, "name": policy.name}
            query = render(trigger.data.query, variables, path=f"{path}.data.query")
            looks[trigger.name] = {at: (value, None) for at, value in reading.of(trigger.data.source, query).items()}
    return Recorded(looks)


def _looks(
    policy: RetrainPolicy, metric: MetricTrigger, path: str, reading: Reading
) -> Iterator[tuple[datetime, Look]]:
    champion = selector(policy.namespace, policy.spec.model_rollout or policy.name, "")
    variables = {"champion": champion, "namespace": policy.namespace, "name": policy.name}
    variables |= {"revision": ".*", "version": ".*"}

    def asked(text: str) -> dict[datetime, float]:
        return reading.of(metric.source, render(text, variables, path=path))

    def grown(text: str, window: timedelta) -> dict[datetime, float]:
        variables["window"] = format_duration(window)
        return asked(f"sum(increase({text}[{variables['window']}]))")

    if metric.proportion and metric.proportion.window:
        events, total = (
            grown(text, metric.proportion.window) for text in (metric.proportion.events, metric.proportion.total)
        )
        for at, found in total.items():
            whole = max(round(found), 0)
            # Events without a series beside a growing total are none.
            yield at, Counts(min(max(round(events.get(at, 0.0)), 0), whole), whole)
    elif metric.mean and metric.mean.window:
        count, sums, squares = (
            grown(text, metric.mean.window) for text in (metric.mean.count, metric.mean.sum, metric.mean.sum_of_squares)
        )
        for at, many in count.items():
            if at in sums and at in squares:
                yield at, Moments(max(round(many), 0), sums[at], max(squares[at], 0.0))
    elif metric.value:
        measured, text = asked(metric.value.query), metric.value.samples
        samples = asked(text) if text else {}
        for at, value in measured.items():
            yield at, (value, (round(samples.get(at, 0.0)) if text else None))
