"""Repeated attempts on the same rows: each is one more chance for a model that is not better to look so.

The error rate of each comparison is spent evenly over the attempts that the policy allows (Bonferroni): with three,
each may err with a third of it, and a fourth never passes. How sure comparisons have to be is therefore known before
the pipeline starts, and it is told.
"""

from __future__ import annotations

from decimal import Decimal

from modelwright.api.gate import Gate
from modelwright.api.run import GateLine
from modelwright.retraining.plan.gate.given import GateInput, fails, passes, short

NAME = "AttemptsPerData"


def attempts_line(given: GateInput) -> GateLine:
    allowed = given.gate.attempts_per_data
    message = (
        f"attempt {given.attempt} of {allowed} on the rows {short(given.evaluation.evaluate.rows.digest)}"
        if given.attempt <= allowed
        else f"attempt {given.attempt} on the same evaluation rows, {allowed} allowed: newer rows are needed, or a "
        "higher gate.attemptsPerData"
    )
    return (passes if given.attempt <= allowed else fails)(NAME, message)


def spent(confidence: Decimal, gate: Gate) -> Decimal:
    """The one-sided confidence that one attempt needs, so that all of them together keep `confidence`."""
    return 1 - (1 - confidence) / gate.attempts_per_data


def needed_confidence(gate: Gate) -> Decimal | None:
    """The one-sided confidence that the strictest comparison of a gate needs, None where it compares nothing."""
    compared = [check.confidence for check in gate.checks if check.champion or check.slices]
    return spent(max(compared), gate) if compared else None
