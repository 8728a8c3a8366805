"""How specs describe a metric: its shape, what it is compared with, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from modelwright.api.goals import Goal


@dataclass(frozen=True)
class Proportion:
    """Two counter selectors with `$(selector)` or `$(champion)`. `window` only in triggers."""

    events: str
    total: str
    window: timedelta | None = None


@dataclass(frozen=True)
class Mean:
    """Three counter selectors with `$(selector)` or `$(champion)`: how many were observed, their sum, and the sum of
    their squares. `window` only in triggers.

    No observation lies outside `min` and `max`, in the metric's own unit, and none is negative.
    """

    count: str
    sum: str
    sum_of_squares: str
    min: Decimal
    max: Decimal
    window: timedelta | None = None


@dataclass(frozen=True)
class Value:
    """A PromQL expression that yields one number, and one that yields the samples behind it ("" if not given)."""

    query: str
    samples: str = ""


@dataclass(frozen=True)
class Bounds:
    """`min` and `max`, at least one of them, in the metric's own unit."""

    min: Decimal | None = None
    max: Decimal | None = None


@dataclass(frozen=True)
class AgainstStable:
    """Exactly one is set: the absolute increase or decrease that is still accepted, 0.005 meaning half a point, or how
    many times stable's the candidate may or must be."""

    max_increase: Decimal | None = None
    max_decrease: Decimal | None = None
    max_ratio: Decimal | None = None
    min_ratio: Decimal | None = None


class Comparison(StrEnum):
    """The forms of AgainstStable, as status names them."""

    MAX_INCREASE = "MaxIncrease"
    MAX_DECREASE = "MaxDecrease"
    MAX_RATIO = "MaxRatio"
    MIN_RATIO = "MinRatio"


class Season(StrEnum):
    """How long it takes until an hour is like this one again."""

    DAILY = "Daily"
    WEEKLY = "Weekly"

    @property
    def length(self) -> timedelta:
        return timedelta(days=1 if self is Season.DAILY else 7)


@dataclass(frozen=True)
class History:
    """A comparison with stable's own past at the same hour, in the seasons of the last `window`.

    A number is outside if it is more than so many `deviations` from what was usual; two thirds of the past are within
    one.
    """

    window: timedelta = timedelta(days=70)
    season: Season = Season.WEEKLY
    deviations: Decimal = Decimal(4)


@dataclass(frozen=True)
class FastLimit:
    """An absolute bound on the candidate's proportion, outside the statistics."""

    max: Decimal
    min_events: int


class RequiredFor(StrEnum):
    EVERY_STEP = "EveryStep"
    PROMOTION = "Promotion"


class Mode(StrEnum):
    DECIDE = "Decide"
    DRY_RUN = "DryRun"


class During(StrEnum):
    """What the candidate gets while a metric is due.

    `PREVIEW`: nothing that the route sends it. `SHADOW`: copies of requests. `MATCH`: requests of testers. `CANARY`: a
    share of traffic, while stable has the rest to compare with. `HOLDBACK`: all but the share that stays on stable as a
    control. `BAKE`: all of it.
    """

    PREVIEW = "Preview"
    SHADOW = "Shadow"
    MATCH = "Match"
    CANARY = "Canary"
    HOLDBACK = "Holdback"
    BAKE = "Bake"


@dataclass(frozen=True)
class StableLimit:
    """A proportion beyond which stable is unhealthy too: neither arm can then be judged, nor is a way back any good."""

    max: Decimal


@dataclass(frozen=True)
class Limits:
    """Consecutive looks with one verdict until something follows: a rollback after `fail`, a pause after the others.

    None means never. `fail` only with thresholds: a comparison with stable has its patience in its statistics.
    """

    fail: int = 1
    inconclusive: int | None = None
    error: int | None = None


@dataclass(frozen=True)
class Metric:
    """One metric of a rollout: a guardrail, or with `goal` what an A/B test is about.

    Exactly one of `proportion`, `mean` and `value`; `stable` not with a value, `history` only with one, and without
    `stable` no mean.

    `during` says where it is due, if its comparison can be made there. `horizon` is how late the labels behind it are,
    zero for metrics without labels.
    """

    name: str
    proportion: Proportion | None = None
    mean: Mean | None = None
    value: Value | None = None
    stable: AgainstStable | None = None
    threshold: Bounds | None = None
    history: History | None = None
    fast_limit: FastLimit | None = None
    required_for: RequiredFor = RequiredFor.PROMOTION
    mode: Mode = Mode.DECIDE
    limits: Limits = Limits()
    stable_limit: StableLimit | None = None
    during: tuple[During, ...] = (
        During.SHADOW,
        During.MATCH,
        During.CANARY,
        During.HOLDBACK,
        During.BAKE,
    )
    horizon: timedelta = timedelta(0)  # spec: labels.horizon
    goal: Goal | None = None  # its `stable` is then the decrease that is harm
    requests: str = ""  # what counts every request at the server that the preset names; "" without a preset
