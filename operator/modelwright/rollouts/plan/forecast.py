"""How long a decision will take, and how small a difference it can find: told to people, deciding nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, inf

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import surely_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.forecast import Traffic, samples_until_pass, seconds_until_pass, smallest_difference
from modelwright.analysis.numbers import counted, signed
from modelwright.analysis.verdict import Verdict
from modelwright.api.durations import LONGEST, format_duration
from modelwright.api.metrics import Bounds, During, Metric, Mode
from modelwright.api.rollout import MetricStatus, RolloutSpec
from modelwright.rollouts.plan.goal_outlook import goal_by_the_end
from modelwright.rollouts.plan.judged import Judged, StepEvidence
from modelwright.rollouts.plan.judging import allocation
from modelwright.rollouts.plan.margins import margin_of

FARTHEST = 10**9
"""Observations beyond which a forecast is no longer one."""


def how_long(spec: RolloutSpec, requests_per_second: float, base_rate: float) -> list[str]:
    """For `lint`: a line for each deciding metric and canary step, if both arms have `base_rate` events.

    `requests_per_second` is what both arms get together. Raises ValueError for a rate that is none.
    """
    if requests_per_second <= 0 or not 0 <= base_rate <= 1:
        raise ValueError(f"needs requests and a share of events, found {requests_per_second} and {base_rate}")
    alpha, lines = allocation(spec), []
    for metric in spec.analysis.metrics:
        if metric.mode is not Mode.DECIDE or metric.proportion is None or During.CANARY not in metric.during:
            continue
        if metric.goal:
            lines += goal_by_the_end(spec, metric, requests_per_second, base_rate, alpha)
            continue
        for number, step in enumerate((step for step in spec.steps if step.weight != 100), 1):
            if not step.weight:
                continue
            per_second = requests_per_second * step.weight / 100
            traffic = Traffic(base_rate, base_rate, (100 - step.weight) / step.weight)
            said = ", ".join(_of_step(metric, step.hold, per_second, traffic, alpha))
            lines.append(f"step {number} ({step.weight} %, {format_duration(step.hold)}), {metric.name}: {said}")
    return lines


def remaining(blocking: Sequence[Judged], alpha: Allocation) -> str:
    """How long the slowest of `blocking` still needs at the traffic seen, and which difference all of them will have
    found by then. "" where nothing can be foreseen."""
    outlooks = []
    for item in blocking:
        outlook = _outlook(item.metric, item.evidence, alpha)
        if outlook is None:
            return ""
        outlooks.append(outlook)
    return max(outlooks, key=lambda outlook: outlook.seconds).said() if outlooks else ""


def outlook_of(status: MetricStatus, spec: RolloutSpec) -> str:
    """The same for one metric, of the evidence that status holds; "" where it is decided."""
    metric = next((metric for metric in spec.analysis.metrics if metric.name == status.name), None)
    if metric is None or metric.goal or status.verdict != Verdict.INCONCLUSIVE:
        return ""
    try:
        evidence = Evidence.decoded(status.evidence)
    except ValueError:
        return ""
    outlook = _outlook(metric, evidence, allocation(spec))
    return outlook.said() if outlook else ""


@dataclass(frozen=True)
class _Outlook:
    """`seconds` until a Pass, inf for never; `difference` that is a Fail by then, None for none."""

    seconds: float
    difference: float | None = None

    def said(self) -> str:
        if self.seconds == inf:
            return "at the difference seen so far it will not pass"
        found = f", enough to find a difference of {signed(self.difference)}" if self.difference is not None else ""
        return f"about {_about(self.seconds)} more at the traffic seen so far{found}"


def _outlook(metric: Metric, evidence: StepEvidence | None, alpha: Allocation) -> _Outlook | None:
    if metric.stable is None or not isinstance(evidence, Evidence):
        return None
    margin, traffic = margin_of(metric.stable), Traffic.of(evidence)
    more = samples_until_pass(evidence, margin, alpha)
    if traffic is None:
        return None
    if more is None:
        return _Outlook(inf)
    seconds = seconds_until_pass(evidence, margin, alpha)
    if seconds is None:
        return None
    by_then = evidence.candidate.total + more
    return _Outlook(seconds, smallest_difference(traffic, margin, alpha, candidate_samples=by_then))


def _of_step(metric: Metric, hold: timedelta, per_second: float, traffic: Traffic, alpha: Allocation) -> Iterator[str]:
    base_rate = traffic.stable
    samples = _samples(metric, traffic, alpha)
    late = f", labels included {format_duration(metric.horizon)}" if metric.horizon else ""
    if samples is None:
        yield f"never passes at a base rate of {base_rate:g}"
    else:
        needed = metric.horizon.total_seconds() + samples / per_second
        yield f"passes after {counted(samples)} candidate requests, about {_about(needed)}{late}"
    if metric.stable:
        held = max(hold - metric.horizon, timedelta(0))
        found = smallest_difference(
            traffic,
            margin_of(metric.stable),
            alpha,
            candidate_samples=int(per_second * held.total_seconds()),
            blocks=held // BLOCK,
        )
        yield (
            f"finds a difference of {signed(found)} within its hold"
            if found is not None
            else ("finds no difference within its hold")
        )


def _samples(metric: Metric, traffic: Traffic, alpha: Allocation) -> int | None:
    if metric.stable:
        return samples_until_pass(Evidence(), margin_of(metric.stable), alpha, traffic=traffic)
    return _samples_within(metric.threshold, traffic.stable, alpha) if metric.threshold else 0


def _samples_within(bounds: Bounds, base_rate: float, alpha: Allocation) -> int | None:
    """By doubling: good to a factor of two, as a forecast of a threshold needs no more."""
    total = 1
    while total < FARTHEST:
        if surely_within(Counts(round(total * base_rate), total), bounds, alpha.pass_):
            return total
        total *= 2
    return None


def _about(seconds: float) -> str:
    """Rounded up to two units that people say: "40s", "12m", "3h20m"."""
    step = 10 if seconds < 120 else 60 if seconds < 7200 else 600
    rounded = timedelta(seconds=ceil(seconds / step) * step)
    return format_duration(min(rounded, LONGEST))
