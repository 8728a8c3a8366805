"""What a metric trigger asks of its source: about the champion only, over its window, as often as there is news."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from modelwright.api.durations import format_duration
from modelwright.api.metrics import Mean, Proportion
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.api.triggers import MetricTrigger
from modelwright.metrics.configuration import MetricSource, source_for
from modelwright.metrics.questions import CountsQuestion, MeanQuestion, ValueQuestion
from modelwright.metrics.variables import render
from modelwright.metrics.windows import check_window
from modelwright.retraining.plan.triggers.seen import variables_of

SHORTEST_INTERVAL = timedelta(seconds=5)
LONGEST_INTERVAL = timedelta(seconds=60)
VALUE_INTERVAL = timedelta(seconds=10)

MetricQuestion = CountsQuestion | MeanQuestion | ValueQuestion


def source_of(metric: MetricTrigger, path: str, namespace: str, sources: Mapping[str, MetricSource]) -> MetricSource:
    """What answers the trigger at `path`. InvalidSpec if it may not be used, or scrapes too rarely for the window."""
    source = source_for(namespace, metric.source, sources, f"{path}.source")
    if metric.window:
        check_window(metric.window, source, f"{path}.{'proportion' if metric.proportion else 'mean'}.window")
    return source


def question_of(
    policy: RetrainPolicy, name: str, metric: MetricTrigger, champion: Champion, source: MetricSource, path: str
) -> MetricQuestion:
    """InvalidSpec for a query that cannot be rendered."""
    variables = variables_of(policy.namespace, champion.model_rollout, champion.revision, champion.model.version)
    if metric.window:
        variables["window"] = format_duration(metric.window)
    interval = _interval(metric.window, source)

    def rendered(template: str, field: str) -> str:
        return render(template, variables, path=f"{path}.{field}") if template else ""

    match metric.proportion or metric.mean:
        case Proportion(events=events, total=total):
            return CountsQuestion(
                source=metric.source,
                metric=name,
                arm="champion",
                events=rendered(events, "proportion.events"),
                total=rendered(total, "proportion.total"),
                interval=interval,
                window=metric.window,
            )
        case Mean(count=count, sum=sums, sum_of_squares=squares):
            return MeanQuestion(
                source=metric.source,
                metric=name,
                arm="champion",
                count=rendered(count, "mean.count"),
                sum=rendered(sums, "mean.sum"),
                squares=rendered(squares, "mean.sumOfSquares"),
                interval=interval,
                window=metric.window,
            )
    assert metric.value is not None
    return ValueQuestion(
        source=metric.source,
        metric=name,
        arm="champion",
        query=rendered(metric.value.query, "value.query"),
        samples=rendered(metric.value.samples, "value.samples"),
        interval=interval,
    )


def query_text(question: MetricQuestion) -> str:
    """The question as evidence shows it."""
    match question:
        case CountsQuestion():
            return f"{question.events} / {question.total}"
        case MeanQuestion():
            return f"{question.sum} / {question.count}"
    return question.query


def _interval(window: timedelta | None, source: MetricSource) -> timedelta:
    """How often to look: a sixtieth of the window, but not more often than there are new samples."""
    if window is None:
        return max(source.scrape_interval, VALUE_INTERVAL)
    return max(source.scrape_interval, SHORTEST_INTERVAL, min(window / 60, LONGEST_INTERVAL))
