"""What a measurement says, with its reason: the vocabulary that analysis, gates and plans share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The five outcomes. Only PASS lets weight reach 100 %, only FAIL rolls back, all others hold."""

    PASS = "Pass"
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"
    NO_DATA = "NoData"
    ERROR = "Error"


@dataclass(frozen=True)
class Finding:
    """One verdict that explains itself.

    `reason` is PascalCase, `message` a sentence with the numbers. `stable`, `candidate` and `bound` are those numbers
    for display (decimal strings in the metric's own unit), `samples` the observations of the smaller arm.
    """

    verdict: Verdict
    reason: str
    message: str
    samples: int = 0
    stable: str = ""
    candidate: str = ""
    bound: str = ""
