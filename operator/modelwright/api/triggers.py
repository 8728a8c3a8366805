"""What starts a retraining: triggers as frozen types, one shape each."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from modelwright.api.cron import Cron
from modelwright.api.metrics import Bounds, History, Mean, Proportion, Value


@dataclass(frozen=True)
class AgainstBaseline:
    """How far the metric may be from what it was after the promotion, in its own unit. At least one is set."""

    max_decrease: Decimal | None = None
    max_increase: Decimal | None = None


@dataclass(frozen=True)
class MetricTrigger:
    """Fires when the confidence bound of the metric has been outside `bounds` for `hold` (spec: `for`).

    Exactly one of `proportion` and `mean` (with a window) and `value`. `written` is how it stands in the spec: `drift`
    is a value that a preset asks for. With `history`, which only a value may have, the bounds are those of the
    champion's past instead; with `baseline` they follow from what was measured after its promotion.
    """

    bounds: Bounds = field(default_factory=Bounds)
    history: History | None = None
    baseline: AgainstBaseline | None = None
    proportion: Proportion | None = None
    mean: Mean | None = None
    value: Value | None = None
    source: str = "default"
    confidence: Decimal = Decimal("0.99")
    min_samples: int = 100
    hold: timedelta = timedelta(0)
    written: str = "metric"

    @property
    def window(self) -> timedelta | None:
        """How far back is counted; None for a value."""
        counted = self.proportion or self.mean
        return counted.window if counted else None


@dataclass(frozen=True)
class Schedule:
    """Fires once for each slot of `cron`, unless it is held back for longer than `starting_deadline`."""

    cron: Cron
    starting_deadline: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class EventTrigger:
    """Fires for a received event of `type`, from `source` if that is not ""."""

    type: str
    source: str = ""


@dataclass(frozen=True)
class Label:
    name: str
    value: str


@dataclass(frozen=True)
class AlertTrigger:
    """Fires for a received alert that carries all of `labels`."""

    labels: tuple[Label, ...]


@dataclass(frozen=True)
class MlflowModel:
    """The version that `alias` names in a model registry of the platform, or the newest one ("")."""

    model: str
    alias: str = ""
    registry: str = "default"


@dataclass(frozen=True)
class Objects:
    """The newest file called `marker` below `prefix`, a URI that the platform allows."""

    prefix: str
    marker: str = "_SUCCESS"


@dataclass(frozen=True)
class Data:
    """Fires when `query`, a count, has grown by `grown_by` since the last run, or when something is another one than
    before: the value under `key` of `config_map`, a registered model, or a marker. Exactly one of them is set."""

    query: str = ""
    grown_by: int = 0
    source: str = "default"
    config_map: str = ""
    key: str = ""
    mlflow: MlflowModel | None = None
    objects: Objects | None = None


@dataclass(frozen=True)
class After:
    """Fires for each model that the RetrainPolicy of that name approves."""

    policy: str


@dataclass(frozen=True)
class AllOf:
    """Fires while every one of `triggers`, metrics of the same policy, fires or did within the last `window`."""

    triggers: tuple[str, ...]
    window: timedelta


class RearmAfter(StrEnum):
    """What has to happen before a trigger that started a run may start another: it was quiet once, or another model
    was promoted, or the run has ended."""

    RECOVERY = "Recovery"
    PROMOTION = "Promotion"
    RUN_ENDED = "RunEnded"


@dataclass(frozen=True)
class Rearm:
    """`min_samples` of the champion have to come after that, too."""

    after: RearmAfter = RearmAfter.RUN_ENDED
    min_samples: int = 0


class Action(StrEnum):
    """What a trigger that fires leads to: a run that retrains, one that scores the champion again and retrains only if
    that fails, the way back to the model before, or news and nothing else."""

    RETRAIN = "Retrain"
    EVALUATE = "Evaluate"
    REVERT = "RevertToPrevious"
    NOTIFY = "Notify"


@dataclass(frozen=True)
class Trigger:
    """Exactly one of the shapes is set. Only metrics, and all of several, may have another `action` than a run.

    `within` is for how long after its promotion the champion may be reverted.
    """

    name: str
    metric: MetricTrigger | None = None
    schedule: Schedule | None = None
    data: Data | None = None
    after: After | None = None
    event: EventTrigger | None = None
    alert: AlertTrigger | None = None
    all_of: AllOf | None = None
    rearm: Rearm | None = None
    action: Action = Action.RETRAIN
    within: timedelta = timedelta(days=14)
