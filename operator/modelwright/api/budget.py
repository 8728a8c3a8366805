"""What retraining may cost, what a run costs by the hour, and what was spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

GPU_HOURS = "GPU-hours"


@dataclass(frozen=True)
class Allowance:
    """At most `limit` in a period, in `unit`: a currency, or `GPU_HOURS`."""

    limit: Decimal
    unit: str


@dataclass(frozen=True)
class Budget:
    """`rates` names a price list of the platform, "" where nothing is reckoned in money. Days and months are those of
    `time_zone`, an IANA name."""

    rates: str = ""
    per_day: Allowance | None = None
    per_month: Allowance | None = None
    time_zone: str = "UTC"


@dataclass(frozen=True)
class Price:
    """What a run costs for each hour that its pipeline takes: a decimal number, in `currency`."""

    per_hour: str
    currency: str


@dataclass(frozen=True)
class SpentOnDay:
    """Decimal numbers; `currency` "" where nothing was reckoned in money. `day` is like 2026-11-21."""

    day: str
    amount: str = "0"
    currency: str = ""
    gpu_hours: str = "0"


@dataclass(frozen=True)
class Metered:
    """A run whose pipeline runs: what is spent with every hour since `since`."""

    run: str
    number: int
    since: datetime
    gpus: int = 0
    price: Price | None = None


@dataclass(frozen=True)
class Spending:
    """All runs up to the number `accounted_to` are in `days`, which go back to the begin of the month before.

    `running` is kept so that a run that is deleted in the middle is charged all the same.
    """

    accounted_to: int = 0
    this_month: str = ""
    days: tuple[SpentOnDay, ...] = ()
    running: Metered | None = None
