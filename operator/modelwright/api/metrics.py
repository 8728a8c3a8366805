"""How specs describe a metric: its shape, what it is compared with, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True)
class Proportion:
    """Two counter selectors with `$(selector)` or `$(champion)`. `window` only in triggers."""

    events: str
    total: str
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
    """Exactly one is set: the absolute increase or decrease that is still accepted, 0.005 meaning half a point."""

    max_increase: Decimal | None = None
    max_decrease: Decimal | None = None


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


@dataclass(frozen=True)
class Metric:
    """One guardrail of a rollout. Exactly one of `proportion` and `value`; `stable` only with a proportion."""

    name: str
    proportion: Proportion | None = None
    value: Value | None = None
    stable: AgainstStable | None = None
    threshold: Bounds | None = None
    fast_limit: FastLimit | None = None
    required_for: RequiredFor = RequiredFor.PROMOTION
    mode: Mode = Mode.DECIDE
    consecutive_failures: int = 1  # spec: limits.fail, only for thresholds
