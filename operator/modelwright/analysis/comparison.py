"""Compares the candidate's proportion with stable's: decides Pass, Fail or not yet, however often it is asked.

Each arm has its own confidence sequence (sequence.py) at alpha/2, so both hold at all looks with probability 1 - alpha,
and so does the interval of their difference, from (candidate low - stable high) to (candidate high - stable low). Fail
needs the whole interval beyond the margin, Pass needs it whole within: "not yet rejected" is not a Pass.
"""

from __future__ import annotations

from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted, shown, signed
from modelwright.analysis.sequence import Interval, confidence_sequence
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import AgainstStable


def compare_with_stable(stable: Counts, candidate: Counts, *, against: AgainstStable, alpha: float) -> Finding:
    """The verdict on candidate − stable with the accepted margin.

    `alpha` is the probability, over all looks at these growing counts, that a candidate within the margin ever fails;
    the same holds for one beyond it that ever passes. Both counts must have begun at the same moment and weight.
    Reasons: WithinMargin, WorseThanStable, NotYetDecided, NoSamples. Raises ValueError for an alpha outside (0, 1).
    """
    smaller = min(stable.total, candidate.total)
    if smaller == 0:
        return _no_samples(stable, candidate, against)
    difference = difference_interval(stable, candidate, alpha)
    seen = candidate.events / candidate.total - stable.events / stable.total
    interval = f"difference {signed(seen)} [{signed(difference.low)}, {signed(difference.high)}]"
    verdict = _verdict(difference, against)
    if verdict is Verdict.PASS:
        reason, message = "WithinMargin", f"{interval}, within {margin_text(against)}"
    elif verdict is Verdict.FAIL:
        reason, message = "WorseThanStable", f"{interval}, beyond {margin_text(against)}"
    else:
        reason = "NotYetDecided"
        message = (
            f"{interval}, not yet clear of {margin_text(against)} "
            f"after {counted(candidate.total)} candidate and {counted(stable.total)} stable observations"
        )
    return Finding(
        verdict,
        reason,
        message,
        samples=smaller,
        stable=shown(stable.events / stable.total),
        candidate=shown(candidate.events / candidate.total),
        bound=_bound_text(against),
    )


def difference_interval(stable: Counts, candidate: Counts, alpha: float) -> Interval:
    """Bounds of (candidate − stable), within [−1, 1], that hold at all looks with probability 1 - `alpha`."""
    s = confidence_sequence(stable, alpha / 2)
    c = confidence_sequence(candidate, alpha / 2)
    return Interval(c.low - s.high, c.high - s.low)


def margin_text(against: AgainstStable) -> str:
    """The margin as users wrote it: "0.005", or "−0.005" where a decrease is bounded."""
    if against.max_increase is not None:
        return format(against.max_increase, "f")
    return f"−{against.max_decrease:f}"


def _verdict(difference: Interval, against: AgainstStable) -> Verdict:
    if against.max_increase is not None:
        margin = float(against.max_increase)
        worst, best = difference.high, difference.low
    elif against.max_decrease is not None:
        margin = float(against.max_decrease)
        worst, best = -difference.low, -difference.high
    else:
        raise ValueError("against must set max_increase or max_decrease, found neither")
    if best > margin:
        return Verdict.FAIL
    if worst <= margin:
        return Verdict.PASS
    return Verdict.INCONCLUSIVE


def _bound_text(against: AgainstStable) -> str:
    if against.max_increase is not None:
        return f"≤ stable + {against.max_increase:f}"
    return f"≥ stable − {against.max_decrease:f}"


def _no_samples(stable: Counts, candidate: Counts, against: AgainstStable) -> Finding:
    missing = " and ".join(name for name, arm in (("stable", stable), ("candidate", candidate)) if arm.total == 0)
    return Finding(
        Verdict.NO_DATA,
        "NoSamples",
        f"no observations of {missing} yet, a comparison needs both",
        bound=_bound_text(against),
    )
