"""How small an increase a goal will show by the end, and how long the one seen so far needs: decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import intervals
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.sequence import confidence_sequence

_HALVINGS = 40


@dataclass(frozen=True)
class Foreseen:
    """`smallest` is the increase that will about show once there are `growth` times the observations.

    `growth_needed` is how many times the observations so far the increase seen so far needs to show, None where it is
    not enough at any number.
    """

    smallest: float
    growth_needed: float | None


def foresee(
    evidence: Evidence | MeanEvidence, min_increase: Decimal, alpha: Allocation, *, growth: float
) -> Foreseen | None:
    """As intervals shrink by about the root of the observations; None before both arms have some."""
    if isinstance(evidence, MeanEvidence):
        if evidence.out_of_bounds or min(evidence.stable.seen.count, evidence.candidate.seen.count) == 0:
            return None
        (of_stable, of_candidate), both = evidence.means(), evidence.intervals(alpha.pass_)
    else:
        if min(evidence.stable.total, evidence.candidate.total) == 0:
            return None
        of_stable, of_candidate = (arm.events / arm.total for arm in (evidence.stable, evidence.candidate))
        both = intervals(evidence, alpha.pass_)
    stable, candidate = both
    seen, wanted = of_candidate - of_stable, float(min_increase)
    width = seen - (candidate.low - stable.high)
    needed = max((width / (seen - wanted)) ** 2, 1.0) if seen > wanted else None
    return Foreseen(wanted + width / sqrt(max(growth, 1.0)), needed)


def smallest_increase(
    base: float, min_increase: Decimal, alpha: Allocation, *, stable: int, candidate: int
) -> float | None:
    """The smallest increase of a proportion from `base` that on average shows within so many observations per arm.

    None if none does.
    """
    ceiling = confidence_sequence(_expected(base, stable), alpha.pass_ / 2).high

    def shows(proportion: float) -> bool:
        floor = confidence_sequence(_expected(proportion, candidate), alpha.pass_ / 2).low
        return floor > ceiling + float(min_increase)

    low, high = base, 1.0
    if not shows(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high - base


def _expected(proportion: float, total: int) -> Counts:
    return Counts(min(round(proportion * total), total), total)
