"""Cron expressions in time zones, as Kubernetes' CronJob reads them. Pure: the time is always an argument.

Where clocks go forward, slots in the hour that does not exist are left out. Where they go back, slots in the hour that
comes twice come twice. Between two changes of its clock a zone is a fixed distance from UTC, so slots are found with
that distance alone, and the search goes on at the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

# A slot that is further away than eight years (from 29 February to 29 February around 2100) is none.
HORIZON = timedelta(days=3000)
_DAY, _SECOND = timedelta(days=1), timedelta(seconds=1)


@dataclass(frozen=True)
class Cron:
    """Five fields (minute, hour, day of month, month, day of week) in `time_zone`, an IANA name.

    ValueError for an expression or a zone that does not exist, or an expression that never comes.
    """

    expression: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        if len(self.expression.split()) != 5:
            raise ValueError(f"must have five fields, such as '0 3 * * 0', found {self.expression!r}")
        try:
            next(CronSim(self.expression, datetime(2000, 1, 1)))  # noqa: DTZ001
        except CronSimError as error:
            raise ValueError(f"{str(error).lower()} in {self.expression!r}") from None
        except StopIteration:
            raise ValueError(f"{self.expression!r} names a day that never comes") from None
        _zone(self.time_zone)

    def __str__(self) -> str:
        return f"{self.expression} {self.time_zone}"

    def newest(self, until: datetime) -> datetime | None:
        """The last slot at or before `until`."""
        return self._search(until, forward=False)

    def next(self, after: datetime) -> datetime | None:
        """The first slot later than `after`."""
        return self._search(after, forward=True)

    def _search(self, start: datetime, *, forward: bool) -> datetime | None:
        zone = _zone(self.time_zone)
        at = begin = start.replace(microsecond=0)
        horizon = start + (HORIZON if forward else -HORIZON)
        while (at < horizon) == forward:
            offset = _offset(zone, at)
            slot = next(_slots(self.expression, _wall(begin, offset), forward=forward), None)
            found = (slot - offset).replace(tzinfo=UTC) if slot else horizon
            change = _change(zone, at, found)
            if change is None:
                return found if found != horizon else None
            # A search leaves out where it begins when it goes forward, and includes it when it goes back.
            at, begin = (change if forward else change - _SECOND), change - _SECOND
        return None


def _slots(expression: str, wall: datetime, *, forward: bool) -> Iterator[datetime]:
    # The library leaves out where it begins.
    return CronSim(expression, wall if forward else wall + _SECOND, reverse=not forward)


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise ValueError(f"must be a time zone such as 'Europe/Berlin', found {name!r}") from None


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)


def _wall(at: datetime, offset: timedelta) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None) + offset


def _change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime | None:
    """The change of the zone's distance from UTC that is met first on the way from `start` to `end`, if there is one.

    It belongs to what is later: `end` may be the change itself only where it is the later one.
    """
    offset, inside = _offset(zone, start), start
    while inside != end:
        step = max(min(end - inside, _DAY), -_DAY)
        if _offset(zone, inside + step) == offset:
            inside += step
            continue
        outside = inside + step
        while abs(outside - inside) > _SECOND:
            middle = (inside + (outside - inside) / 2).replace(microsecond=0)
            inside, outside = (middle, outside) if _offset(zone, middle) == offset else (inside, middle)
        return max(inside, outside)
    return None
