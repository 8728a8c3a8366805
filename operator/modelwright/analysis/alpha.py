"""Splits the error rate that a rollout promises over its decisions, so that all of them together keep it.

Evidence is collected in stretches: it begins anew when a weight is asked for, when the traffic seen confirms it, and
whenever a step has to begin again because its candidate lost its endpoints or somebody lowered the weight. Each stretch
is a test of its own and spends a part of the error rate. Those that the steps plan for share most of it evenly; what
comes beyond, however often, shares the rest as 1/2, 1/6, 1/12 and so on, which never adds up to more than all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

RESERVE = 0.2
"""The part of the error rate that is kept for stretches nobody planned for."""


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
