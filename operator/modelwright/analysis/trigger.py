"""Is a metric outside its bounds, with confidence? Decides whether a RetrainPolicy's trigger fires (Fail) or is quiet.

A point estimate is not enough: at 60 labels an hour it fired 92 times a month on a healthy model.
"""

from __future__ import annotations

from decimal import Decimal

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.exact import lower_bound, upper_bound
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.threshold import bounds_text, within
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.analysis.window_means import is_possible, mean_bounds
from modelwright.api.metrics import Bounds, Mean


def outside_with_confidence(counts: Counts, bounds: Bounds, *, confidence: Decimal, min_samples: int) -> Finding:
    """Fail (fires) iff the proportion's upper bound is below `bounds.min` or its lower bound above `bounds.max`.

    The bounds are exact and one-sided at `confidence`. Pass is quiet, NoData is fewer than `min_samples` observations.
    Reasons: OutsideBounds, WithinBounds, NotYetClear (outside, but not with confidence: Pass as well), TooFewSamples.
    Raises ValueError for a confidence outside (0, 1).
    """
    needed, text = max(min_samples, 1), bounds_text(bounds)
    if counts.total < needed:
        share = shown(counts.events / counts.total) if counts.total else ""
        message = f"{counted(counts.total)} samples, {counted(needed)} are needed"
        return Finding(Verdict.NO_DATA, "TooFewSamples", message, samples=counts.total, candidate=share, bound=text)
    value = counts.events / counts.total
    seen = f"{shown(value)} from {counted(counts.total)} samples"
    sure = f"with {shown(confidence)} confidence"
    # Each costs a search, and only the one that a bound is held against is needed.
    low = lower_bound(counts, float(confidence)) if bounds.max is not None else 0.0
    high = upper_bound(counts, float(confidence)) if bounds.min is not None else 1.0
    verdict, reason = Verdict.PASS, "WithinBounds"
    if bounds.min is not None and high < float(bounds.min):
        verdict, reason = Verdict.FAIL, "OutsideBounds"
        message = f"{seen}, {sure} at most {shown(high)}, below {bounds.min:f}"
    elif bounds.max is not None and low > float(bounds.max):
        verdict, reason = Verdict.FAIL, "OutsideBounds"
        message = f"{seen}, {sure} at least {shown(low)}, above {bounds.max:f}"
    elif bounds.min is not None and value < float(bounds.min):
        reason, message = "NotYetClear", f"{seen}, below {bounds.min:f} but {sure} only at most {shown(high)}"
    elif bounds.max is not None and value > float(bounds.max):
        reason, message = "NotYetClear", f"{seen}, above {bounds.max:f} but {sure} only at least {shown(low)}"
    else:
        message = f"{seen}, within {text}"
    return Finding(verdict, reason, message, samples=counts.total, candidate=shown(value), bound=text)


def mean_outside(moments: Moments, mean: Mean, bounds: Bounds, *, confidence: Decimal, min_samples: int) -> Finding:
    """As outside_with_confidence, for a mean within known bounds (window_means.py).

    Reasons besides: OutOfBounds (Error: sums that no observations within the metric's own bounds have).
    """
    needed, text = max(min_samples, 1), bounds_text(bounds)
    if moments.count < needed:
        message = f"{counted(moments.count)} samples, {counted(needed)} are needed"
        return Finding(Verdict.NO_DATA, "TooFewSamples", message, samples=moments.count, bound=text)
    if not is_possible(moments, mean):
        message = f"the sums are impossible for observations between {mean.min:f} and {mean.max:f}"
        return Finding(Verdict.ERROR, "OutOfBounds", message, samples=moments.count, bound=text)
    found = mean_bounds(moments, mean, float(confidence))
    seen, sure = f"{shown(found.value)} from {counted(moments.count)} samples", f"with {shown(confidence)} confidence"
    verdict, reason, message = Verdict.PASS, "WithinBounds", f"{seen}, within {text}"
    if bounds.min is not None and found.value < float(bounds.min):
        clear = found.high < float(bounds.min)
        message = f"{seen}, below {bounds.min:f}, {sure} at most {shown(found.high)}"
        verdict, reason = (Verdict.FAIL, "OutsideBounds") if clear else (Verdict.PASS, "NotYetClear")
    elif bounds.max is not None and found.value > float(bounds.max):
        clear = found.low > float(bounds.max)
        message = f"{seen}, above {bounds.max:f}, {sure} at least {shown(found.low)}"
        verdict, reason = (Verdict.FAIL, "OutsideBounds") if clear else (Verdict.PASS, "NotYetClear")
    return Finding(verdict, reason, message, samples=moments.count, candidate=shown(found.value), bound=text)


def value_outside(value: float, samples: int | None, bounds: Bounds, *, min_samples: int) -> Finding:
    """The same for a value metric, whose uncertainty is unknown: Fail (fires) iff `value` itself is outside.

    A policy that names a samples query is held to `min_samples`; one without cannot be, and is judged by its value.
    Reasons as of threshold.within.
    """
    return within(value, samples, bounds, min_samples if samples is not None else 0)
