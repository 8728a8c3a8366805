"""Splits the error rate that a rollout promises over its decisions, so that all of them together keep it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Allocation:
    """The error rates of one guardrail in one step, over all looks: of a false Fail, and of a false Pass."""

    fail: float
    pass_: float

    def __post_init__(self) -> None:
        for alpha in (self.fail, self.pass_):
            if not 0 < alpha < 1:
                raise ValueError(f"an error rate is between 0 and 1, found {alpha}")


def allocate(error_rate: Decimal, *, deciding_guardrails: int, steps: int) -> Allocation:
    """What each (guardrail, step) may spend so that a whole rollout keeps `error_rate`.

    Fail: any of them may roll back falsely, so by the union bound they share it. Within one, the evidence that begins
    with the step and that which begins later (harm.py) are parts of one mixture and need no further split. Pass is not
    shared: 100 % needs a Pass of every guardrail in the same step, so a bad candidate gets there only past the
    guardrail that it breaks. Counts of zero are read as one. Raises ValueError for an error rate outside (0, 1).
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"the error rate must be between 0 and 1, found {error_rate}")
    share = max(deciding_guardrails, 1) * max(steps, 1)
    return Allocation(float(error_rate) / share, float(error_rate))
