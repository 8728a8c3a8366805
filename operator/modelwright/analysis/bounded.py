"""Judges a growing proportion by bounds that hold by themselves: Pass, Fail or not yet, at known error rates.

It uses the confidence sequence of sequence.py, so it may be asked at every look. It takes observations as independent:
errors that come in bursts fail it more often than `alpha` says.
"""

from __future__ import annotations

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Interval, confidence_sequence
from modelwright.analysis.threshold import bounds_text
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds


def proportion_within(counts: Counts, bounds: Bounds, alpha: Allocation) -> Finding:
    """Fail iff the proportion is surely outside `bounds`, Pass iff it is surely within, over all looks together.

    Reasons: WithinBounds, OutsideBounds, NotYetDecided, NoSamples.
    """
    text = bounds_text(bounds)
    if counts.total == 0:
        return Finding(Verdict.NO_DATA, "NoSamples", "no observations of candidate yet", bound=text)
    share = shown(counts.events / counts.total)
    for_fail, for_pass = (confidence_sequence(counts, rate) for rate in (alpha.fail, alpha.pass_))
    if _outside(for_fail, bounds):
        verdict, reason, rest, interval = Verdict.FAIL, "OutsideBounds", f"outside {text}", for_fail
    elif _inside(for_pass, bounds):
        verdict, reason, rest, interval = Verdict.PASS, "WithinBounds", f"within {text}", for_pass
    else:
        verdict, reason, rest, interval = Verdict.INCONCLUSIVE, "NotYetDecided", f"not yet clear of {text}", for_pass
    between = f"[{shown(interval.low)}, {shown(interval.high)}]"
    message = f"{share} {between} after {counted(counts.total)} observations, {rest}"
    return Finding(verdict, reason, message, samples=counts.total, candidate=share, bound=text)


def _outside(interval: Interval, bounds: Bounds) -> bool:
    too_low = bounds.min is not None and interval.high < float(bounds.min)
    return too_low or (bounds.max is not None and interval.low > float(bounds.max))


def _inside(interval: Interval, bounds: Bounds) -> bool:
    high_enough = bounds.min is None or interval.low >= float(bounds.min)
    return high_enough and (bounds.max is None or interval.high <= float(bounds.max))
