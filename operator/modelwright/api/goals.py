"""What makes a metric the goal of an A/B test rather than a guardrail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum


class Role(StrEnum):
    GUARDRAIL = "Guardrail"
    GOAL = "Goal"


class Unit(StrEnum):
    """What one count stands for. Only what an audience is split by may decide a goal: requests are not."""

    USER = "User"
    SESSION = "Session"


class Futility(StrEnum):
    STOP = "Stop"
    IGNORE = "Ignore"


class WholeWeeks(StrEnum):
    REQUIRED = "Required"
    OPTIONAL = "Optional"


@dataclass(frozen=True)
class Goal:
    """The candidate shall lie more than `min_increase` above stable, in the metric's own unit.

    Counts of the first `ignore_first` of the test are left out. With whole weeks required nothing but harm decides in
    the middle of a week: people of weekdays and of weekends count as they come.
    """

    min_increase: Decimal = Decimal(0)
    futility: Futility = Futility.STOP
    ignore_first: timedelta = timedelta(0)
    whole_weeks: WholeWeeks = WholeWeeks.REQUIRED
    unit: Unit = Unit.USER
