"""What plans ask of a metric source, and the shape of the answers. Pure data: no client, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict


@dataclass(frozen=True)
class CountsQuestion:
    """Counts of `events` and `total` (raw counter selectors, rendered) since `since`, or over the last `window`.

    Exactly one of `since` and `window` is set. `arm` is only a label for the asker ("stable", "candidate", ...).
    """

    source: str
    metric: str
    arm: str
    events: str
    total: str
    interval: timedelta
    since: datetime | None = None
    window: timedelta | None = None

    @property
    def pool(self) -> str:
        return f"prometheus/{self.source}"

    @property
    def every(self) -> timedelta:
        return self.interval


@dataclass(frozen=True)
class ValueQuestion:
    """One number from a PromQL expression, and the number of samples behind it (a second expression, or "")."""

    source: str
    metric: str
    arm: str
    query: str
    samples: str
    interval: timedelta

    @property
    def pool(self) -> str:
        return f"prometheus/{self.source}"

    @property
    def every(self) -> timedelta:
        return self.interval


@dataclass(frozen=True)
class CountsLook:
    """Deltas since the question's `since` (or over its `window`). `until` is the timestamp of the newest sample."""

    counts: Counts
    until: datetime


@dataclass(frozen=True)
class ValueLook:
    value: float
    samples: int | None
    until: datetime


@dataclass(frozen=True)
class NoLook:
    """No number, and why: verdict is NO_DATA or ERROR, reason PascalCase, message without any response body.

    `permanent` marks what a person has to mend (bad PromQL, unknown source, forbidden): 4xx answers.
    """

    verdict: Verdict
    reason: str
    message: str
    permanent: bool = False

    @property
    def keeps_last_answer(self) -> bool:
        """Nothing was counted since the last look: it still stands, and only grows older."""
        return self.reason == "NotGrown"


Look = CountsLook | ValueLook | NoLook
Looks = Mapping[CountsQuestion | ValueQuestion, Look]
