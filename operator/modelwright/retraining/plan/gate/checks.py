"""The checks that a policy declares on metrics: bounds, and comparisons with the champion, on fresh or curated rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from modelwright.analysis.threshold import bounds_text
from modelwright.api.gate import AgainstChampion, Check
from modelwright.api.run import GateLine
from modelwright.kubeflow.evaluation import Comparison, MetricResult
from modelwright.retraining.plan.gate.attempts import spent
from modelwright.retraining.plan.gate.findings import findings_line
from modelwright.retraining.plan.gate.given import (
    GateInput,
    exactly,
    fails,
    interval_text,
    no_data,
    one_sided,
    passes,
    share,
    short,
)
from modelwright.retraining.plan.gate.slices import slices_line


@dataclass(frozen=True)
class Measured:
    """The numbers that a check is about: those of the fresh rows, or of a curated set."""

    metrics: Mapping[str, MetricResult]
    comparisons: Mapping[str, Comparison]
    where: str


def check_line(check: Check, given: GateInput) -> GateLine:
    """One check that the policy declares."""
    if check.findings:
        return findings_line(check, given.evaluation.findings)
    if check.slices:
        return slices_line(check, given)
    measured = _measured(check, given)
    if isinstance(measured, GateLine):
        return measured
    metric = measured.metrics.get(check.metric)
    if metric is None:
        known = ", ".join(sorted(measured.metrics)[:20]) or "none"
        return no_data(check.name, f"no metric {check.metric} in the evaluation{measured.where}, which has {known}")
    if metric.n < 1:
        return no_data(check.name, f"{check.metric} comes from 0 rows{measured.where}")
    if check.bounds is not None:
        return _bounds_line(check, metric, measured.where)
    return _champion_line(check, metric, measured, given)


def _measured(check: Check, given: GateInput) -> Measured | GateLine:
    evaluation = given.evaluation
    if not check.dataset:
        return Measured(evaluation.metrics, evaluation.comparisons, "")
    found = next((dataset for dataset in evaluation.datasets if dataset.uri == check.dataset), None)
    if found is None:
        known = ", ".join(dataset.uri for dataset in evaluation.datasets[:5]) or "no dataset"
        return no_data(check.name, f"the evaluation has {known}, not {check.dataset}")
    if check.rows_digest and check.rows_digest != found.rows_digest:
        message = f"the dataset was changed: it is {short(found.rows_digest)}, pinned is {short(check.rows_digest)}"
        return fails(check.name, message)
    if found.overlap_rows:
        return fails(check.name, f"{found.overlap_rows} rows of the dataset were trained on")
    return Measured(found.metrics, found.comparisons, f" on {short(found.rows_digest)}")


def _bounds_line(check: Check, metric: MetricResult, where: str) -> GateLine:
    bounds, value = check.bounds, exactly(metric.value)
    assert bounds is not None
    too_low = bounds.min is not None and value < bounds.min
    too_high = bounds.max is not None and value > bounds.max
    # Six digits: a value that is just below its bound must not read as if it met it.
    message = f"{check.metric} {value:.6g} on {metric.n} rows{where}, needed {bounds_text(bounds)}"
    return (fails if too_low or too_high else passes)(check.name, message)


def _champion_line(check: Check, metric: MetricResult, measured: Measured, given: GateInput) -> GateLine:
    assert check.champion is not None
    if given.champion is None:
        return passes(check.name, "no champion serves: nothing to compare with")
    comparison = measured.comparisons.get(check.metric)
    if comparison is None:
        message = f"the evaluation does not compare {check.metric} with the champion{measured.where}"
        return no_data(check.name, message)
    # A curated set is there to be used again by every run: its error rate is per run.
    needed = check.confidence if check.dataset else spent(check.confidence, given.gate)
    # `level` is what the whole interval covers; the end that decides here is surer than that.
    confidence = one_sided(comparison.level)
    if confidence < needed:
        message = f"compared at one-sided confidence {share(confidence)}, needed {share(needed)}"
        if needed != check.confidence:
            message += f": {check.confidence} over {given.gate.attempts_per_data} attempts on the same rows"
        return no_data(check.name, message)
    # A decrease is one of quality: where less is better, it is the metric's increase.
    gained = exactly(comparison.low) if metric.higher_is_better else -exactly(comparison.high)
    least, needs = _least_gain(check.champion)
    message = f"{check.metric} {interval_text(comparison)}{measured.where}, {needs}"
    return (passes if gained >= least else fails)(check.name, message)


def _least_gain(champion: AgainstChampion) -> tuple[Decimal, str]:
    if champion.min_increase is not None:
        return champion.min_increase, f"must gain at least {champion.min_increase:f}"
    assert champion.max_decrease is not None
    return -champion.max_decrease, f"may lose at most {champion.max_decrease:f}"
