"""The gate: a readable list of named checks, each with verdict and numbers. What is missing never passes."""

from __future__ import annotations

from modelwright.analysis.verdict import Verdict
from modelwright.api.run import GateLine
from modelwright.retraining.plan.gate.attempts import attempts_line, needed_confidence
from modelwright.retraining.plan.gate.built_in import BUILT_IN, OF_CHAMPION
from modelwright.retraining.plan.gate.checks import check_line
from modelwright.retraining.plan.gate.given import GateInput
from modelwright.retraining.plan.gate.unchecked import not_clearly_worse

__all__ = ["GateInput", "judge", "judge_champion", "needed_confidence", "passed"]


def judge(given: GateInput) -> tuple[GateLine, ...]:
    """All lines, the built-in ones first. The model passes iff every line passes."""
    own = [check_line(check, given) for check in given.gate.checks] or [not_clearly_worse(given)]
    return (*(line(given) for line in (*BUILT_IN, attempts_line)), *own)


def judge_champion(given: GateInput) -> tuple[GateLine, ...]:
    """The lines that say what the champion itself is worth: fair rows, findings, and floors."""
    own = [check_line(check, given) for check in given.gate.checks if check.champion is None]
    return (*(line(given) for line in OF_CHAMPION), *own)


def passed(lines: tuple[GateLine, ...]) -> bool:
    return bool(lines) and all(line.verdict == Verdict.PASS for line in lines)
