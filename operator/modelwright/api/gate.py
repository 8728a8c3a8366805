"""The gate of a RetrainPolicy as frozen types: what a new model must be worth, and who has to agree."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from modelwright.api.approval import NOBODY_IS_ASKED, Approval
from modelwright.api.metrics import Bounds


class Severity(StrEnum):
    """How bad a finding of the pipeline is, in rising order."""

    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"


class WhenNoChampion(StrEnum):
    """What lets the first model through: its floors alone, or floors and a person."""

    FLOOR_ONLY = "FloorOnly"
    REQUIRE_APPROVAL = "RequireApproval"


@dataclass(frozen=True)
class AgainstChampion:
    """Exactly one is set: how much worse the model may be, or how much better it must be, in the metric's own unit."""

    max_decrease: Decimal | None = None
    min_increase: Decimal | None = None


@dataclass(frozen=True)
class DeclaredSlices:
    """Bounds that every slice which the pipeline declares must surely meet, all of them together.

    `names` ("feature=value") have to be among them; `min_samples` is how many rows each must have.
    """

    bounds: Bounds
    min_samples: int = 200
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class FindingsCheck:
    """No finding may be worse than `worst_severity`, and those named in `required` must have been looked for."""

    worst_severity: Severity = Severity.WARNING
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One line of the gate. Exactly one of `bounds`, `champion`, `slices` and `findings`; all but findings name a
    metric of the evaluation.

    `dataset` is the URI of a frozen, curated set that bounds or comparison are about instead of the fresh rows;
    `rows_digest` pins what it holds. `confidence` is one-sided, for `champion` and `slices`.
    """

    name: str
    metric: str = ""
    bounds: Bounds | None = None
    champion: AgainstChampion | None = None
    slices: DeclaredSlices | None = None
    findings: FindingsCheck | None = None
    dataset: str = ""
    rows_digest: str = ""
    confidence: Decimal = Decimal("0.95")


@dataclass(frozen=True)
class Gate:
    """`attempts_per_data`: over how many attempts on the same evaluation rows the error rate is spent."""

    checks: tuple[Check, ...] = ()
    attempts_per_data: int = 1
    when_no_champion: WhenNoChampion = WhenNoChampion.FLOOR_ONLY
    approval: Approval = NOBODY_IS_ASKED


BUILT_IN_ONLY = Gate()
"""Of a policy that declares none."""
