"""Which margin a comparison with stable asks for, and how status keeps margins and bounds."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.api.metrics import AgainstStable, Bounds, Comparison

FIELDS = {
    Comparison.MAX_INCREASE: "max_increase",
    Comparison.MAX_DECREASE: "max_decrease",
    Comparison.MAX_RATIO: "max_ratio",
    Comparison.MIN_RATIO: "min_ratio",
}


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


def margin_written(against: AgainstStable | None) -> tuple[Comparison | None, str]:
    """The one bound of `against` as status keeps it; None and "" without any."""
    for comparison, name in FIELDS.items():
        bound = getattr(against, name, None)
        if bound is not None:
            return comparison, f"{bound:f}"
    return None, ""


def margin_read(comparison: Comparison | None, margin: str) -> AgainstStable | None:
    """What `margin_written` wrote, None for anything else."""
    if comparison is None:
        return None
    try:
        return AgainstStable(**{FIELDS[comparison]: Decimal(margin)})
    except InvalidOperation:
        return None


def bounds_written(bounds: Bounds | None) -> tuple[str, str]:
    """Both ends of `bounds` as status keeps them, "" for none."""
    low, high = (bounds.min, bounds.max) if bounds else (None, None)
    return ("" if low is None else f"{low:f}", "" if high is None else f"{high:f}")


def bounds_read(low: str, high: str) -> Bounds | None:
    """What `bounds_written` wrote, None for anything else."""
    try:
        ends = [Decimal(end) if end else None for end in (low, high)]
    except InvalidOperation:
        return None
    return Bounds(*ends) if low or high else None
