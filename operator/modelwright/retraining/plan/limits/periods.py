"""Days and months by the clocks of a zone, and how a span of time falls into its days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


def day_of(at: datetime, zone: str) -> date:
    return at.astimezone(ZoneInfo(zone)).date()


def begin_of(day: date, zone: str) -> datetime:
    """When the day begins, in UTC; where midnight is left out, the moment at which clocks go on."""
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def next_day(day: date) -> date:
    return day + timedelta(days=1)


def next_month(day: date) -> date:
    """The first day of the month after that of `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def by_day(start: datetime, end: datetime, zone: str) -> Iterator[tuple[date, timedelta]]:
    """How much of the span lies in each of its days, oldest first."""
    at = start
    while at < end:
        day = day_of(at, zone)
        until = min(end, begin_of(next_day(day), zone))
        yield day, until - at
        at = until
