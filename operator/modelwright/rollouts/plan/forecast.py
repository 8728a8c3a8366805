"""How long a decision will take, and how small a difference it can find: told to people, deciding nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from math import ceil, inf

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.bounded import BoundedEvidence, seconds_until_within
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.forecast import Traffic, samples_until_pass, seconds_until_pass, smallest_difference
from modelwright.analysis.margin import Margin
from modelwright.analysis.mean_forecast import (
    MeanTraffic,
    samples_until_mean_passes,
    seconds_until_mean_passes,
    smallest_difference_of_means,
)
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.numbers import signed
from modelwright.analysis.verdict import Verdict
from modelwright.api.durations import LONGEST, format_duration
from modelwright.api.metrics import AgainstStable, Bounds, Metric
from modelwright.api.rollout import MetricStatus, RolloutSpec, RolloutStatus
from modelwright.rollouts.plan.judged import Judged, StepEvidence
from modelwright.rollouts.plan.margins import bounds_read, margin_of, margin_read
from modelwright.rollouts.plan.spending import allocation_of

FARTHEST = 10**9
"""Observations beyond which a forecast is no longer one."""


def remaining(blocking: Sequence[Judged], alpha_of: Callable[[Metric], Allocation]) -> str:
    """How long the slowest of `blocking` still needs at the traffic seen, and which difference all of them will have
    found by then. "" where nothing can be foreseen."""
    outlooks = []
    for item in blocking:
        outlook = _outlook(item.metric.stable, item.metric.threshold, item.evidence, alpha_of(item.metric))
        if outlook is None:
            return ""
        outlooks.append(outlook)
    return max(outlooks, key=lambda outlook: outlook.seconds).said() if outlooks else ""


def outlook_of(status: MetricStatus, spec: RolloutSpec, of_rollout: RolloutStatus) -> str:
    """The same for one metric, of the evidence that status holds; "" where it is decided.

    Its margin or bounds come from status as well: `spec` does not hold what a profile of the platform brings.
    """
    if status.verdict != Verdict.INCONCLUSIVE:
        return ""
    against, bounds = margin_read(status.compare, status.margin), bounds_read(status.min, status.max)
    decoders: tuple[Callable[[str], StepEvidence], ...] = (
        Evidence.decoded,
        MeanEvidence.decoded,
        BoundedEvidence.decoded,
    )
    for decoded in decoders:
        with suppress(ValueError):
            alpha = allocation_of(of_rollout, spec, status.name)
            outlook = _outlook(against, bounds, decoded(status.evidence), alpha)
            return outlook.said() if outlook else ""
    return ""


@dataclass(frozen=True)
class _Outlook:
    """`seconds` until a Pass, inf for never; `difference` that is a Fail by then, None for none."""

    seconds: float
    difference: float | None = None
    of: str = "difference"

    def said(self) -> str:
        if self.seconds == inf:
            return f"at the {self.of} seen so far it will not pass"
        found = f", enough to find a difference of {signed(self.difference)}" if self.difference is not None else ""
        return f"about {about(self.seconds)} more at the traffic seen so far{found}"


def _outlook(
    against: AgainstStable | None, bounds: Bounds | None, evidence: StepEvidence | None, alpha: Allocation
) -> _Outlook | None:
    if bounds is not None and isinstance(evidence, BoundedEvidence) and evidence.counts.total:
        left = seconds_until_within(evidence, bounds, alpha)
        return _Outlook(inf if left is None else left, of="share")
    if against is None or not isinstance(evidence, Evidence | MeanEvidence):
        return None
    if isinstance(evidence, MeanEvidence):
        return _outlook_of_means(margin_of(against), evidence, alpha)
    margin, traffic = margin_of(against), Traffic.of(evidence)
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


def _outlook_of_means(margin: Margin, evidence: MeanEvidence, alpha: Allocation) -> _Outlook | None:
    traffic, more = MeanTraffic.of(evidence), samples_until_mean_passes(evidence, margin, alpha)
    if traffic is None:
        return None
    if more is None:
        return _Outlook(inf)
    seconds, by_then = seconds_until_mean_passes(evidence, margin, alpha), evidence.candidate.seen.count + more
    if seconds is None:
        return None
    found = smallest_difference_of_means(evidence, traffic, margin, alpha, candidate_samples=by_then)
    return _Outlook(seconds, found)


def about(seconds: float) -> str:
    """Rounded up to two units that people say: "40s", "12m", "3h20m"."""
    step = 10 if seconds < 120 else 60 if seconds < 7200 else 600
    rounded = timedelta(seconds=ceil(seconds / step) * step)
    return format_duration(min(rounded, LONGEST))
