"""What the gate is given, and how its lines are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from modelwright.analysis.verdict import Verdict
from modelwright.api.gate import Gate
from modelwright.api.policy import Champion
from modelwright.api.run import GateLine
from modelwright.kubeflow.evaluation import Comparison, Evaluation


@dataclass(frozen=True)
class GateInput:
    """`model_digest` is what we computed over the model's files. `rejected` maps digests of models, and
    `rejected_recipes` those of recipes, to why they were rejected. `attempt` counts from 1: which one this is of those
    judged on the same evaluation rows."""

    run_uid: str
    evaluation: Evaluation
    model_digest: str
    champion: Champion | None
    rejected: Mapping[str, str]
    gate: Gate
    recipe: str = ""
    rejected_recipes: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1


def passes(check: str, message: str) -> GateLine:
    return GateLine(check, Verdict.PASS, message)


def fails(check: str, message: str) -> GateLine:
    return GateLine(check, Verdict.FAIL, message)


def no_data(check: str, message: str) -> GateLine:
    return GateLine(check, Verdict.NO_DATA, message)


def interval_text(found: Comparison) -> str:
    return f"{signed(found.difference)} [{signed(found.low)}, {signed(found.high)}]"


def signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−")


def exactly(value: float) -> Decimal:
    """The shortest decimal that reads back equal: 0.9 meets a floor of "0.90", which its binary expansion may not."""
    return Decimal(repr(value))


def one_sided(level: float) -> Decimal:
    """How sure one end of an interval is, of which the whole covers `level`."""
    return (1 + exactly(level)) / 2


def short(digest: str) -> str:
    return digest[:19]


def share(confidence: Decimal) -> str:
    """A confidence to six digits: 1 − 0.05 / 3 has no end."""
    return f"{confidence:.6f}".rstrip("0")
