"""Asks the metric sources what a rollout's metrics counted lately, so that `lint` foretells from what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from modelwright.analysis.mean_forecast import Measured
from modelwright.analysis.numbers import shown
from modelwright.api.durations import format_duration
from modelwright.api.metrics import Metric, Mode
from modelwright.api.rollout import ExistingWorkload, ModelRollout
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource, source_for
from modelwright.metrics.prometheus import Source
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.selectors import parse_counter
from modelwright.metrics.variables import backend_selector, render, selector
from modelwright.rollouts.plan.beforehand import Expected

Counted = Callable[[str], float]
"""How much the counters of an expression grew per second, over all revisions."""


def seen_lately(
    rollout: ModelRollout, sources: Mapping[str, MetricSource], at: datetime, over: timedelta
) -> tuple[dict[str, Expected], list[str]]:
    """What each deciding metric counted in the time `over` up to `at`, and a line for each, also for those without.

    Raises InvalidSpec where the source is not one that the rollout's namespace may use.
    """
    found, lines = {}, []
    source = Source(source_for(rollout.namespace, rollout.spec.analysis.source, sources, "spec.analysis.source"))

    def counted(expression: str) -> float:
        return sum(_growth(source, text, at, over) for text in _rendered(rollout, expression)) / over.total_seconds()

    for metric in rollout.spec.analysis.metrics:
        if metric.mode is not Mode.DECIDE or metric.value is not None:
            continue
        try:
            found[metric.name] = _expected(metric, counted)
        except Unanswered as unanswered:
            lines.append(f"{metric.name}: no forecast: {unanswered.message}")
        except InvalidSpec as error:
            lines.append(f"{metric.name}: no forecast: {error.message}")
        else:
            lines.append(f"{metric.name}: seen {_said(found[metric.name])} over the last {format_duration(over)}")
    return found, lines


def _expected(metric: Metric, counted: Counted) -> Expected:
    if metric.mean:
        count = _some(counted, metric.mean.count)
        mean, squares = counted(metric.mean.sum) / count, counted(metric.mean.sum_of_squares) / count
        return Expected(count, measured=Measured(mean, max(squares - mean * mean, 0.0)))
    assert metric.proportion is not None
    total = _some(counted, metric.proportion.total)
    try:
        events = counted(metric.proportion.events)
    except Unanswered as unanswered:
        if unanswered.reason is not Reason.NO_SERIES:
            raise
        # A counter of errors appears with the first of them.
        events = 0.0
    return Expected(total, min(max(events / total, 0.0), 1.0))


def _some(counted: Counted, expression: str) -> float:
    per_second = counted(expression)
    if per_second <= 0:
        raise Unanswered(Reason.NO_TRAFFIC, f"{expression} has not grown")
    return per_second


def _rendered(rollout: ModelRollout, expression: str) -> list[str]:
    """For all revisions; of an existing workload for both of its backends."""
    workload, namespace = rollout.spec.workload, rollout.namespace
    if isinstance(workload, ExistingWorkload):
        backends = (workload.stable.backend, workload.candidate.backend)
        matchers = [backend_selector(namespace, backend.kind, backend.name) for backend in backends]
    else:
        matchers = [selector(namespace, rollout.name, "")]
    window = format_duration(max(timedelta(minutes=1), 4 * rollout.spec.analysis.interval))
    variables = {"namespace": namespace, "name": rollout.name, "revision": ".*", "version": ".*", "window": window}
    return [render(expression, {**variables, "selector": each}) for each in matchers]


def _growth(source: Source, expression: str, at: datetime, over: timedelta) -> float:
    """By `increase()`, which extrapolates a little: near enough for a forecast."""
    counter = parse_counter(expression)
    window = f"{int(over.total_seconds())}s"

    def grown(text: str) -> float:
        return source.value(f"sum(increase({text}[{window}]))", at.timestamp())[0]

    growth = sum(grown(each.text) for each in counter.counted)
    return growth - grown(counter.minus.text) if counter.minus else growth


def _said(expected: Expected) -> str:
    if expected.measured:
        mean, deviation = expected.measured.mean, expected.measured.variance**0.5
        return f"{shown(expected.per_second)}/s, {shown(mean)} on average with a deviation of {shown(deviation)},"
    return f"{shown(expected.per_second)}/s, {shown(expected.share)} of them events,"
