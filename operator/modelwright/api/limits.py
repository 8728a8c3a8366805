"""How often a model is retrained at most, and what a setback leads to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from modelwright.api.budget import Budget
from modelwright.api.cron import Cron


class Concurrency(StrEnum):
    """What a trigger that fires for an occasion does while a run of its policy is unfinished."""

    FORBID = "Forbid"
    QUEUE = "Queue"
    REPLACE = "Replace"


@dataclass(frozen=True)
class Blackout:
    """No pipeline is started for `duration` from each time of `cron` on."""

    cron: Cron
    duration: timedelta


@dataclass(frozen=True)
class Failures:
    """`backoff` doubles with each failure in a row; after `suspend_after` of them a person has to look."""

    backoff: timedelta = timedelta(minutes=30)
    suspend_after: int = 3


@dataclass(frozen=True)
class OnRejected:
    """`backoff` doubles with each rejection in a row by the gate, up to `double_up_to`. `new_rows` have to come too, as
    the policy's data trigger counts them."""

    backoff: timedelta = timedelta(hours=24)
    double_up_to: timedelta = timedelta(days=7)
    new_rows: int = 0


@dataclass(frozen=True)
class OnRolledBack:
    backoff: timedelta = timedelta(hours=24)


@dataclass(frozen=True)
class Limits:
    """`failures` None: no more than the cooldown. `max_runs_per_day` None: as many as there are, in any 24 hours.
    `budget` None: nobody counts what is spent."""

    cooldown: timedelta = timedelta(hours=1)
    settle: timedelta = timedelta(0)  # triggers on looks rest this long after a promotion
    concurrency: Concurrency = Concurrency.QUEUE
    max_runs_per_day: int | None = None
    blackouts: tuple[Blackout, ...] = ()
    failures: Failures | None = None
    budget: Budget | None = None


DEFAULT_LIMITS = Limits()
