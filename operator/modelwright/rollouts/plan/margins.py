"""Which margin a comparison with stable asks for."""

from __future__ import annotations

from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.api.metrics import AgainstStable


def margin_of(against: AgainstStable) -> Margin:
    """Raises ValueError where none of its bounds is set."""
    if against.max_increase is not None:
        return max_increase(against.max_increase)
    if against.max_decrease is not None:
        return max_decrease(against.max_decrease)
    if against.max_ratio is not None:
        return max_ratio(against.max_ratio)
    if against.min_ratio is not None:
        return min_ratio(against.min_ratio)
    raise ValueError("a comparison with stable has maxIncrease, maxDecrease, maxRatio or minRatio, found none of them")
