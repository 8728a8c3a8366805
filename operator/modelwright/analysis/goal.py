"""Judges the goal of an A/B test: improved, harmful, or not worth waiting for. Undecided is an outcome, no failure.

What is randomised must be what is counted: a test by user counts users, not their requests.
"""

from __future__ import annotations

from decimal import Decimal
from math import sqrt

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import alpha_spent, difference_text, intervals
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Interval
from modelwright.analysis.verdict import Finding, Verdict


def judge_goal(
    evidence: Evidence | MeanEvidence,
    *,
    min_increase: Decimal,
    max_decrease: Decimal | None,
    alpha: Allocation,
    stop_if_futile: bool = False,
    growth: float | None = None,
) -> Finding:
    """Pass once candidate − stable surely exceeds `min_increase`, Fail once it is surely below −`max_decrease`.

    A candidate that does not improve by so much ever passes with probability at most `alpha.pass_`. `stop_if_futile`
    names an Inconclusive Futile when so large an increase is ruled out, or when even the largest one that is still
    possible would not show by the end: `growth` is how many times the observations so far there will be then, at least
    1. Reasons: Improved, Harmful, Futile, NotYetDecided, NoSamples, OutsideBounds. Evidence has to be folded with
    max_decrease(`max_decrease` or 0).
    """
    bound = f"≥ stable + {min_increase:f}"
    if isinstance(evidence, MeanEvidence):
        if evidence.out_of_bounds:
            message = f"sums that no observations between {shown(evidence.lowest)} and {shown(evidence.highest)} have"
            return Finding(Verdict.ERROR, "OutsideBounds", message, bound=bound)
        samples = min(evidence.stable.seen.count, evidence.candidate.seen.count)
    else:
        samples = min(evidence.stable.total, evidence.candidate.total)
    if samples == 0:
        return Finding(Verdict.NO_DATA, "NoSamples", "a goal needs observations of both arms", bound=bound)
    values, both = _seen(evidence, alpha.pass_)
    seen = values[1] - values[0]
    low, high = both[1].low - both[0].high, both[1].high - both[0].low
    wanted = float(min_increase)
    if max_decrease is not None and alpha_spent(evidence, alpha.fail):
        verdict, reason, message = Verdict.FAIL, "Harmful", f"worse by more than {max_decrease:f}"
    elif low > wanted:
        verdict, reason, message = Verdict.PASS, "Improved", f"better by more than {min_increase:f}"
    elif stop_if_futile and _is_futile(seen, low, high, wanted, growth):
        verdict, reason = Verdict.INCONCLUSIVE, "Futile"
        message = f"an increase of more than {min_increase:f} will not show any more"
    else:
        verdict, reason = Verdict.INCONCLUSIVE, "NotYetDecided"
        message = f"not yet clear of {min_increase:f} after {counted(samples)} observations of the smaller arm"
    text = f"{difference_text(values, both)}, {message}"
    return Finding(verdict, reason, text, samples, shown(values[0]), shown(values[1]), bound)


def _seen(evidence: Evidence | MeanEvidence, alpha: float) -> tuple[tuple[float, float], tuple[Interval, Interval]]:
    if isinstance(evidence, MeanEvidence):
        return evidence.means(), evidence.intervals(alpha)
    stable, candidate = evidence.stable, evidence.candidate
    return (stable.events / stable.total, candidate.events / candidate.total), intervals(evidence, alpha)


def _is_futile(seen: float, low: float, high: float, wanted: float, growth: float | None) -> bool:
    if high <= wanted:
        return True
    if growth is None:
        return False
    grown = max(growth, 1.0)
    # If from now on the difference were the largest one possible: what would be seen, and how far below it the bound.
    at_best = (seen + (grown - 1) * high) / grown
    return at_best - (seen - low) / sqrt(grown) <= wanted
