"""`evaluation.json`, schema v1, as frozen types: what a pipeline says about the model that it trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class EvaluatedModel:
    uri: str
    digest: str


@dataclass(frozen=True)
class EvaluatedChampion:
    """`rescored`: the champion was scored again on the same rows, not quoted from its own old evaluation."""

    digest: str
    rescored: bool


@dataclass(frozen=True)
class Rows:
    """Rows from `start` to `end` by their own time."""

    start: datetime
    end: datetime
    digest: str


@dataclass(frozen=True)
class EvaluatedRows:
    rows: Rows
    n: int
    sampling: str
    label_horizon: timedelta


@dataclass(frozen=True)
class MetricInterval:
    """A confidence interval around a metric's value; `level` is what the whole of it covers."""

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class MetricResult:
    value: float
    n: int
    higher_is_better: bool
    unit: str = ""
    interval: MetricInterval | None = None


@dataclass(frozen=True)
class Comparison:
    """Candidate minus champion on the same rows, with its confidence interval at `level`."""

    difference: float
    low: float
    high: float
    level: float
    method: str
    unit: str = ""


@dataclass(frozen=True)
class SliceResult:
    """The rows with `value` in `feature`. Only slices that were declared before anybody saw the rows decide."""

    feature: str
    value: str
    n: int
    declared: bool
    metrics: Mapping[str, MetricResult]

    @property
    def name(self) -> str:
        return f"{self.feature}={self.value}"


@dataclass(frozen=True)
class FoundFinding:
    check: str
    severity: str
    message: str


@dataclass(frozen=True)
class DatasetResult:
    """A curated set, beside the fresh rows: what it held, and what both models are worth on it."""

    uri: str
    rows_digest: str
    n: int
    overlap_rows: int
    metrics: Mapping[str, MetricResult]
    comparisons: Mapping[str, Comparison]


@dataclass(frozen=True)
class Recipe:
    """What the model was made with, beside its training rows: the same recipe on the same rows is the same attempt."""

    code: str
    parameters: tuple[tuple[str, str], ...] = ()
    seed: str = ""


@dataclass(frozen=True)
class Evaluation:
    """Signature and golden rows have to be there, but decide nothing: they are not read."""

    run_uid: str
    model: EvaluatedModel
    champion: EvaluatedChampion | None
    train: Rows
    evaluate: EvaluatedRows
    overlap_rows: int
    overlap_entities: int
    metrics: Mapping[str, MetricResult] = field(default_factory=dict)
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    slices: tuple[SliceResult, ...] = ()
    findings: tuple[FoundFinding, ...] = ()
    datasets: tuple[DatasetResult, ...] = ()
    recipe: Recipe | None = None
