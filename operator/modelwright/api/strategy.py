"""The ways from no traffic to all of it, as `spec.strategy` names them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class MatchType(StrEnum):
    EXACT = "Exact"
    REGULAR_EXPRESSION = "RegularExpression"


@dataclass(frozen=True)
class HeaderMatch:
    """A request header, by name in any case, and the value that it must have."""

    name: str
    value: str
    type: MatchType = MatchType.EXACT


@dataclass(frozen=True)
class Pause:
    """Keeps what the step before gave: for the time of `hold`, or until somebody promotes where that is None."""

    hold: timedelta | None = None


@dataclass(frozen=True)
class Step:
    """One step of a canary. Exactly one of `weight`, `shadow`, `match` and `pause` is set.

    `weight` is the candidate's share of answers in percent, `shadow` the percent of requests that are copied to it, and
    `match` the testers whose requests it gets. `hold` counts only while every guardrail that is due passes.
    """

    weight: int | None = None
    hold: timedelta = timedelta(0)
    shadow: int | None = None
    match: tuple[HeaderMatch, ...] = ()
    pause: Pause | None = None


class Promote(StrEnum):
    WHEN_PASSED = "WhenPassed"
    WHEN_APPROVED = "WhenApproved"


@dataclass(frozen=True)
class BlueGreen:
    """The candidate is ready at full scale behind the candidate Service for `preview_hold`, then gets all traffic."""

    preview_hold: timedelta = timedelta(minutes=5)
    promote: Promote = Promote.WHEN_PASSED


class OnPassed(StrEnum):
    CONCLUDE = "Conclude"
    PROMOTE = "Promote"


@dataclass(frozen=True)
class Shadow:
    """`percent` of all requests are copied to the candidate for `hold`; nobody gets its answers."""

    percent: int
    hold: timedelta
    on_passed: OnPassed = OnPassed.CONCLUDE
