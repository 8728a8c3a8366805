"""The A/B test: an audience split between two versions for days, until a goal is reached or given up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class OnUndecided(StrEnum):
    KEEP_STABLE = "KeepStable"
    PROMOTE = "Promote"
    PAUSE = "Pause"


@dataclass(frozen=True)
class Bucket:
    """Where a request carries the bucket of its user: exactly one of `header` and `cookie`."""

    header: str = ""
    cookie: str = ""


@dataclass(frozen=True)
class Audience:
    """`percent` of all buckets are the candidate's. Exactly one of `header` and `cookie` names where the bucket is."""

    percent: int
    header: str = ""
    cookie: str = ""


@dataclass(frozen=True)
class ABTest:
    """Nothing but harm decides before every guardrail has passed for `min_duration`; it ends at `max_duration`."""

    audience: Audience
    min_duration: timedelta = timedelta(hours=24)
    max_duration: timedelta = timedelta(days=14)
    on_undecided: OnUndecided = OnUndecided.KEEP_STABLE
