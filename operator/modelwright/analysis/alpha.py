"""Splits the error rate that a rollout promises over its decisions, so that all of them together keep it."""

from __future__ import annotations

from decimal import Decimal


def per_decision(error_rate: Decimal, deciding_guardrails: int, steps: int) -> float:
    """The alpha of one guardrail in one step: each (guardrail, step) is evidence of its own and may fail falsely once.

    By the union bound the whole rollout then fails falsely with probability at most `error_rate`. Counts of zero are
    read as one. Raises ValueError for an error rate outside (0, 1).
    """
    if not 0 < error_rate < 1:
        raise ValueError(f"the error rate must be between 0 and 1, found {error_rate}")
    return float(error_rate) / (max(deciding_guardrails, 1) * max(steps, 1))
