"""Judges a number by bounds that hold by themselves, without stable: no statistics, so no known error rate."""

from __future__ import annotations

from math import isfinite

from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds, FastLimit


def within(value: float, samples: int | None, bounds: Bounds, min_samples: int = 0) -> Finding:
    """Pass if `value` is within `bounds` (ends included), else Fail; NoData if it cannot be judged.

    `samples` None means unknown, which is not enough where `min_samples` > 0. Reasons: WithinBounds, OutsideBounds,
    NotANumber, SamplesUnknown, TooFewSamples.
    """
    text, known = bounds_text(bounds), samples or 0
    if not isfinite(value):
        return Finding(Verdict.NO_DATA, "NotANumber", "the value is not a finite number", samples=known, bound=text)
    number = shown(value)
    if min_samples > 0 and samples is None:
        message = f"value {number} with an unknown number of samples, {counted(min_samples)} are needed: give `samples`"
        return Finding(Verdict.NO_DATA, "SamplesUnknown", message, candidate=number, bound=text)
    if samples is not None and samples < max(min_samples, 1):
        message = f"value {number} from {counted(samples)} samples, {counted(max(min_samples, 1))} are needed"
        return Finding(Verdict.NO_DATA, "TooFewSamples", message, samples=known, candidate=number, bound=text)
    behind = "" if samples is None else f", n = {counted(samples)}"
    too_low = bounds.min is not None and value < float(bounds.min)
    too_high = bounds.max is not None and value > float(bounds.max)
    if too_low or too_high:
        broken = f"< {bounds.min:f}" if too_low else f"> {bounds.max:f}"
        message = f"value {number} {broken}{behind}"
        return Finding(Verdict.FAIL, "OutsideBounds", message, samples=known, candidate=number, bound=text)
    message = f"value {number}, within {text}{behind}"
    return Finding(Verdict.PASS, "WithinBounds", message, samples=known, candidate=number, bound=text)


def fast_limit(candidate: Counts, limit: FastLimit) -> Finding:
    """Fail as soon as the candidate's proportion is above `limit.max` on at least `limit.min_events` events.

    Outside the statistics: it exists to stop a disaster within seconds, not to keep an error rate. Above the limit on
    fewer events it is Inconclusive. Reasons: WithinFastLimit, FastLimitExceeded, TooFewEvents, NoSamples.
    """
    bound = f"≤ {limit.max:f}"
    if candidate.total == 0:
        return Finding(Verdict.NO_DATA, "NoSamples", "no observations of candidate yet", bound=bound)
    share = candidate.events / candidate.total
    seen = f"{counted(candidate.events)} of {counted(candidate.total)} ({shown(share)})"
    if share <= float(limit.max):
        verdict, reason, message = Verdict.PASS, "WithinFastLimit", f"{seen}, within the fast limit {limit.max:f}"
    elif candidate.events >= limit.min_events:
        verdict, reason, message = Verdict.FAIL, "FastLimitExceeded", f"{seen}, beyond the fast limit {limit.max:f}"
    else:
        verdict, reason = Verdict.INCONCLUSIVE, "TooFewEvents"
        message = (
            f"{seen}, beyond the fast limit {limit.max:f}, which decides from {counted(limit.min_events)} events on"
        )
    return Finding(verdict, reason, message, samples=candidate.total, candidate=shown(share), bound=bound)


def bounds_text(bounds: Bounds) -> str:
    """The bounds for display: "≥ 0.90", "≤ 0.30" or "0.01 to 0.30"."""
    if bounds.min is not None and bounds.max is not None:
        return f"{bounds.min:f} to {bounds.max:f}"
    if bounds.min is not None:
        return f"≥ {bounds.min:f}"
    return f"≤ {bounds.max:f}" if bounds.max is not None else "unbounded"
