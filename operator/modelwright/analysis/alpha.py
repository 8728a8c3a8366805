"""Splits the error rate that a rollout promises over its decisions, so that all of them together keep it.

Evidence is collected in stretches: it begins anew when a weight is asked for, when the traffic seen confirms it, and
whenever a step has to begin again because its candidate lost its endpoints or somebody lowered the weight. Each stretch
is a test of its own and spends a part of the error rate. Those that the steps plan for share most of it evenly; what
comes beyond, however often, shares the rest as 1/2, 1/6, 1/12 and so on, which never adds up to more than all of it.

Steps and metrics may be edited meanwhile. What was given away stays given away: only what is left is divided anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

RESERVE = 0.2
"""The part of the error rate that is kept for stretches nobody planned for."""

_RESERVED = Decimal(str(RESERVE))
# Less than this is not worth dividing: what comes is then paid from the reserve.
_LEAST = Decimal("0.000001")
_DIGITS = Decimal("0.000000000000001")


@dataclass(frozen=True)
class Allocation:
    """The error rates of one guardrail in one stretch, over all looks: of a false Fail, and of a false Pass."""

    fail: float
    pass_: float

    def __post_init__(self) -> None:
        for alpha in (self.fail, self.pass_):
            if not 0 < alpha < 1:
                raise ValueError(f"an error rate is between 0 and 1, found {alpha}")


def allocate(error_rate: Decimal, *, deciding_guardrails: int, planned: int, stretch: int = 1) -> Allocation:
    """What each guardrail may spend in the rollout's `stretch`-th stretch of evidence, of which `planned` are foreseen.

    Fail: any of them may roll back falsely, so by the union bound they share it. Within one, the evidence that begins
    with the stretch and that which begins later (starts.py) are parts of one mixture and need no further split. Pass is
    shared with unplanned stretches only: 100 % needs a Pass of every guardrail at the end of the last step, so a bad
    candidate gets there only past the guardrail that it breaks. Counts below one are read as one. Raises ValueError for
    an error rate outside (0, 1).
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"the error rate must be between 0 and 1, found {error_rate}")
    planned, rate = max(planned, 1), float(error_rate)
    beyond = stretch - planned
    unplanned = RESERVE / (beyond * (beyond + 1)) if beyond > 0 else 0.0
    share = unplanned or (1 - RESERVE) / planned
    return Allocation(rate * share / max(deciding_guardrails, 1), rate * (unplanned or 1 - RESERVE))


@dataclass(frozen=True)
class Spent:
    """What the stretches of one rollout have been given so far, in parts of its error rate, 1 being all of it.

    `planned` is what came out of the larger part, `unplanned` how often the reserve was used. `nearest` is the smallest
    number of stretches that one of them had before it until 100 %, None before the first. `chances` counts the
    stretches in which a Pass leads to 100 %.
    """

    planned: Decimal = Decimal(0)
    unplanned: int = 0
    nearest: int | None = None
    chances: int = 0

    def next(self, distance: int, ahead: int) -> tuple[Spent, Decimal]:
        """A stretch begins with `distance` stretches to go until 100 %; `ahead` are still planned, it included.

        Only one that is nearer to 100 % than any before it was planned for. What has come back, by a restart or an
        edit, takes from the reserve. Whatever the sequence of calls, all parts together are at most 1.
        """
        left = 1 - _RESERVED - self.planned
        nearer = self.nearest is None or distance < self.nearest
        if not nearer or left < _LEAST:
            after, part = self.beyond()
            return replace(after, nearest=distance if nearer else self.nearest), part
        part = rounded_down(left / max(ahead, 1))
        return replace(self, planned=self.planned + part, nearest=distance), part

    def beyond(self) -> tuple[Spent, Decimal]:
        """Evidence begins that nobody planned for."""
        number = self.unplanned + 1
        return replace(self, unplanned=number), rounded_down(_RESERVED / (number * (number + 1)))

    @property
    def passing(self) -> Decimal:
        """The part for a false Pass: of a chance that was planned for, and ever less for each further one."""
        if self.chances <= 1:
            return 1 - _RESERVED
        return rounded_down(_RESERVED / (self.chances * (self.chances - 1)))


def rounded_down(part: Decimal) -> Decimal:
    """So that parts which are written down never add up to more than there is."""
    return part.quantize(_DIGITS, ROUND_DOWN)
