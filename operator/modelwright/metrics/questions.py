"""What plans ask of a metric source, and the shape of the answers. Pure data: no client, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Season

PAST_INTERVAL = timedelta(minutes=20)
"""How often a past is asked for: its answer holds for hours."""
_NOTHING = Counts(0, 0)
_NOTHING_MEASURED = Moments(0, 0.0, 0.0)


@dataclass(frozen=True)
class _Question:
    """`metric` and `arm` are only labels for the asker: who asks the same otherwise shares the answer."""

    source: str
    metric: str
    arm: str

    @property
    def pool(self) -> str:
        return f"prometheus/{self.source}"


@dataclass(frozen=True)
class CountsQuestion(_Question):
    """Counts of `events` and `total` (raw counter selectors, rendered) since `since`, or over the last `window`.

    Exactly one of `since` and `window` is set. With `since` there may be an `until`, of a past that is over.
    """

    events: str
    total: str
    interval: timedelta
    since: datetime | None = None
    window: timedelta | None = None
    until: datetime | None = None

    @property
    def every(self) -> timedelta:
        return self.interval if self.until is None else PAST_INTERVAL

    @property
    def expressions(self) -> tuple[str, ...]:
        # Of two selectors at the same moment the second may see a scrape more. Events first: there are never too many.
        return (self.events, self.total)


@dataclass(frozen=True)
class MeanQuestion(_Question):
    """The moments of something measured: three counters that grow by 1, x and x² with each observation x ≥ 0."""

    count: str
    sum: str
    squares: str
    interval: timedelta
    since: datetime | None = None
    window: timedelta | None = None
    until: datetime | None = None

    @property
    def every(self) -> timedelta:
        return self.interval if self.until is None else PAST_INTERVAL

    @property
    def expressions(self) -> tuple[str, ...]:
        return (self.count, self.sum, self.squares)


@dataclass(frozen=True)
class ValueQuestion(_Question):
    """One number from a PromQL expression, and the number of samples behind it (a second expression, or "")."""

    query: str
    samples: str
    interval: timedelta

    @property
    def every(self) -> timedelta:
        return self.interval


@dataclass(frozen=True)
class PastQuery:
    """The PromQL expression whose past is wanted from `since` until `until`; None is as far as the window goes."""

    query: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class HistoryQuestion(_Question):
    """What was usual at this hour: each query's values around now, whole seasons ago, as far back as `window`.

    Its answer holds for hours, so it is asked seldom.
    """

    queries: tuple[PastQuery, ...]
    season: Season
    window: timedelta
    interval: timedelta = PAST_INTERVAL

    @property
    def every(self) -> timedelta:
        return self.interval


@dataclass(frozen=True)
class CountsBlock:
    """What was counted by scrapes in [at, until). Only finished blocks, only those in which something was counted."""

    at: datetime
    until: datetime
    counts: Counts


@dataclass(frozen=True)
class MomentsBlock:
    """As CountsBlock, for a mean."""

    at: datetime
    until: datetime
    moments: Moments


@dataclass(frozen=True)
class CountsLook:
    """Deltas since the question's `since` (or over its `window`). `until` is the timestamp of the newest sample.

    `asked_at` is when the query that measured it was sent: a look that is shared is as old for everybody. `blocks` is
    part of `counts`, for questions with `since`: those finished by `blocks_until`. What was counted before
    `blocks_since` is only known as a whole, `earlier`.
    """

    counts: Counts
    until: datetime
    asked_at: datetime | None = None
    blocks: tuple[CountsBlock, ...] = ()
    blocks_since: datetime | None = None
    blocks_until: datetime | None = None
    earlier: Counts = _NOTHING


@dataclass(frozen=True)
class MeanLook:
    """As CountsLook, for a mean."""

    moments: Moments
    until: datetime
    asked_at: datetime | None = None
    blocks: tuple[MomentsBlock, ...] = ()
    blocks_since: datetime | None = None
    blocks_until: datetime | None = None
    earlier: Moments = _NOTHING_MEASURED


@dataclass(frozen=True)
class ValueLook:
    value: float
    samples: int | None
    until: datetime
    asked_at: datetime | None = None


@dataclass(frozen=True)
class HistoryLook:
    """`points` are times and values of the past, in order; `until` is the time that they lie whole seasons before."""

    points: tuple[tuple[datetime, float], ...]
    until: datetime
    asked_at: datetime | None = None


@dataclass(frozen=True)
class NoLook:
    """No number, and why: verdict is NO_DATA or ERROR, reason PascalCase, message without any response body.

    `permanent` marks what a person has to mend (bad PromQL, unknown source, forbidden): 4xx answers. `retry_after` is
    when it makes sense to ask again, None for at the question's own pace.
    """

    verdict: Verdict
    reason: str
    message: str
    permanent: bool = False
    asked_at: datetime | None = None
    retry_after: timedelta | None = None

    @property
    def keeps_last_answer(self) -> bool:
        """Nothing was counted since the last look: it still stands, and only grows older."""
        return self.reason == "NotGrown"


Question = CountsQuestion | MeanQuestion | ValueQuestion | HistoryQuestion
Look = CountsLook | MeanLook | ValueLook | HistoryLook | NoLook
Looks = Mapping[Question, Look]
