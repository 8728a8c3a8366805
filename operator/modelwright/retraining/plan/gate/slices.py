"""Declared slices: every one of them must surely be within the bounds, with one error rate for all together.

With k slices each interval has to hold with 1 − α/k (Bonferroni): the probability that any slice only looks good enough
stays below α, however they depend on each other. Slices that were found by searching report only: the worst of many is
bad by chance.
"""

from __future__ import annotations

from modelwright.analysis.threshold import bounds_text
from modelwright.api.gate import Check
from modelwright.api.metrics import Bounds
from modelwright.api.run import GateLine
from modelwright.kubeflow.evaluation import MetricResult, SliceResult
from modelwright.retraining.plan.gate.attempts import spent
from modelwright.retraining.plan.gate.given import GateInput, exactly, fails, no_data, one_sided, passes, share

SHOWN = 5


def slices_line(check: Check, given: GateInput) -> GateLine:
    wanted = check.slices
    assert wanted is not None
    declared = [found for found in given.evaluation.slices if found.declared]
    if not declared:
        return no_data(check.name, "the evaluation declares no slices")
    names = {found.name for found in declared}
    if missing := [name for name in wanted.names if name not in names]:
        return no_data(check.name, f"the evaluation does not declare {', '.join(missing[:SHOWN])}")
    if small := [found for found in declared if found.n < wanted.min_samples]:
        found = ", ".join(f"{each.name} has {each.n}" for each in small[:SHOWN])
        return no_data(check.name, f"needed {wanted.min_samples} rows in each slice: {found}")
    needed = 1 - (1 - spent(check.confidence, given.gate)) / len(declared)
    measured = []
    for each in declared:
        metric = each.metrics.get(check.metric)
        if metric is None or metric.interval is None:
            return no_data(check.name, f"no {check.metric} with an interval for {each.name}")
        if (confidence := one_sided(metric.interval.level)) < needed:
            message = f"{each.name} at one-sided confidence {share(confidence)}, needed {share(needed)}"
            return no_data(check.name, f"{message} for {len(declared)} slices together")
        measured.append((each, metric))
    beyond = [(each, metric) for each, metric in measured if not _surely_within(metric, wanted.bounds)]
    shown = ", ".join(_text(each, metric) for each, metric in (beyond or measured)[:SHOWN])
    message = f"{check.metric} needed {bounds_text(wanted.bounds)} in each of {len(declared)} slices: {shown}"
    return (fails if beyond else passes)(check.name, message)


def _surely_within(metric: MetricResult, bounds: Bounds) -> bool:
    assert metric.interval is not None
    surely_above = bounds.min is None or exactly(metric.interval.low) >= bounds.min
    return surely_above and (bounds.max is None or exactly(metric.interval.high) <= bounds.max)


def _text(found: SliceResult, metric: MetricResult) -> str:
    assert metric.interval is not None
    return f"{found.name} {metric.value:.4g} [{metric.interval.low:.4g}, {metric.interval.high:.4g}] of {found.n}"
