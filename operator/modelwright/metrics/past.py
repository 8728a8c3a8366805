"""Reads a value's past: the hours around now, whole seasons ago. Each season is a short range query of its own.

A source need not read ten weeks of samples for seventy numbers: a week apart, only the hours that count are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import isfinite

from modelwright.analysis.history import HOUR, NEIGHBOURS
from modelwright.api.metrics import Season
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import HistoryLook, HistoryQuestion, PastQuery


def past_look(question: HistoryQuestion, source: Source, at: float) -> HistoryLook:
    """What each query yields for the spans in which it is asked for. A season without samples is left out.

    Raises Unanswered as soon as one of the queries has no usable answer: a part of the past may not be all of it.
    """
    now = datetime.fromtimestamp(at, UTC)
    points: list[tuple[datetime, float]] = []
    for asked in question.queries:
        for begin, end in _spans(question, now):
            first, last = _clipped(asked, begin, end)
            if first > last:
                continue
            found = source.values(asked.query, first.timestamp(), last.timestamp(), HOUR.total_seconds())
            points += [(datetime.fromtimestamp(time, UTC), value) for time, value in found if isfinite(value)]
    return HistoryLook(tuple(sorted(points)), now)


def _spans(question: HistoryQuestion, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """First and last of the hours that count, in each season; one span for all where seasons are days."""
    around = NEIGHBOURS * HOUR
    seasons = int(question.window / question.season.length)
    if question.season is Season.DAILY:
        yield now - seasons * question.season.length - around, now - question.season.length + around
        return
    for season in range(seasons, 0, -1):
        middle = now - season * question.season.length
        yield middle - around, middle + around


def _clipped(asked: PastQuery, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The whole hours from `begin` on that lie in the span for which this query was right."""
    late = max(timedelta(0), (asked.since or begin) - begin)
    first = begin + -(-late // HOUR) * HOUR
    return first, min(end, asked.until or end)
