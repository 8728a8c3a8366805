"""Metric triggers with a baseline: what was measured of the champion once its promotion had settled.

It is kept in the trigger's status, for one revision and one query. Where the shape has an uncertainty, so has the
baseline: half of the allowed error is its own, the other half the present look's.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from modelwright.analysis.exact import lower_bound, upper_bound
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.analysis.window_means import is_possible, mean_bounds
from modelwright.api.durations import format_duration
from modelwright.api.metrics import Bounds
from modelwright.api.policy import Baseline, Champion
from modelwright.api.triggers import MetricTrigger
from modelwright.metrics.questions import CountsLook, MeanLook, ValueLook, ValueQuestion
from modelwright.retraining.plan.triggers.asking import MetricQuestion
from modelwright.retraining.plan.triggers.seen import View

DIGITS = Decimal("0.000000001")


def judged_at(metric: MetricTrigger) -> MetricTrigger:
    """The metric with the confidence that each of the two measurements needs for both to hold together."""
    return replace(metric, confidence=(1 + metric.confidence) / 2) if metric.baseline else metric


def known(view: View, name: str, champion: Champion, question: MetricQuestion) -> Baseline | None:
    """What was recorded for this revision and this query."""
    before = view.before(name)
    found = before.baseline if before else None
    about = (champion.revision, champion.model.version, _about(question))
    return found if found and (found.revision, found.version, found.about) == about else None


def recorded(
    view: View, metric: MetricTrigger, champion: Champion, question: MetricQuestion, look: Any, at: datetime
) -> Baseline | None:
    """The baseline that `look`, whose query began at `at`, is; None where it is too early, or says too little."""
    if champion.since and at < champion.since + settled_after(view, metric):
        return None
    found = _interval(metric, look)
    if found is None:
        return None
    value, low, high, samples = found
    return Baseline(
        value=_text(value),
        low=_text(low),
        high=_text(high),
        samples=samples,
        at=at.replace(microsecond=0),
        revision=champion.revision,
        version=champion.model.version,
        about=_about(question),
    )


def settled_after(view: View, metric: MetricTrigger) -> timedelta:
    """How long after a promotion the whole window lies behind it."""
    return max(metric.window or timedelta(0), view.policy.spec.limits.settle)


def bounds_of(view: View, metric: MetricTrigger, baseline: Baseline | None) -> Bounds | Finding:
    """The bounds that follow from the baseline, a Finding where there is none yet."""
    assert metric.baseline is not None
    if baseline is None:
        after = format_duration(settled_after(view, metric))
        message = f"the baseline is measured {after} after the promotion, of {metric.min_samples} samples or more"
        return Finding(Verdict.NO_DATA, "NoBaseline", message)
    fall, rise = metric.baseline.max_decrease, metric.baseline.max_increase
    return Bounds(
        min=None if fall is None else Decimal(baseline.low) - fall,
        max=None if rise is None else Decimal(baseline.high) + rise,
    )


def _interval(metric: MetricTrigger, look: Any) -> tuple[float, float, float, int] | None:
    confidence = float(judged_at(metric).confidence)
    match look:
        case CountsLook(counts=counts) if counts.total >= max(metric.min_samples, 1):
            low, high = lower_bound(counts, confidence), upper_bound(counts, confidence)
            return counts.events / counts.total, low, high, counts.total
        case MeanLook(moments=moments) if moments.count >= max(metric.min_samples, 1) and metric.mean:
            if not is_possible(moments, metric.mean):
                return None
            found = mean_bounds(moments, metric.mean, confidence)
            return found.value, found.low, found.high, moments.count
        case ValueLook(value=value, samples=samples) if samples is None or samples >= max(metric.min_samples, 1):
            return value, value, value, samples or 0
    return None


def _text(value: float) -> str:
    return f"{Decimal(repr(value)).quantize(DIGITS).normalize():f}"


def _about(question: MetricQuestion) -> str:
    asked = (question.query,) if isinstance(question, ValueQuestion) else (*question.expressions, str(question.window))
    return hashlib.sha256("\n".join(asked).encode()).hexdigest()[:16]
