"""Cron expressions in zones that change their clocks, as a CronJob reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim

from modelwright.api.cron import Cron

SECOND = timedelta(seconds=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def slots(cron: Cron, start: datetime, end: datetime) -> list[datetime]:
    found, slot = [], cron.next(start - SECOND)
    while slot and slot <= end:
        found.append(slot)
        slot = cron.next(slot)
    return found


def test_a_slot_in_the_hour_that_does_not_exist_is_left_out() -> None:
    found = slots(Cron("30 2 * * *", "Europe/Berlin"), at("2026-03-28T00:00"), at("2026-03-30T12:00"))
    assert found == [at("2026-03-28T01:30"), at("2026-03-30T00:30")]


def test_a_slot_in_the_hour_that_comes_twice_comes_twice() -> None:
    found = slots(Cron("30 2 * * *", "Europe/Berlin"), at("2026-10-24T12:00"), at("2026-10-26T00:00"))
    assert found == [at("2026-10-25T00:30"), at("2026-10-25T01:30")]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia", "UTC"]
)
@pytest.mark.parametrize("expression", ["30 2 * * *", "*/20 1-3 * * 0", "45 1 29 3 *", "0 */5 1 */2 *"])
def test_slots_are_the_minutes_at_which_the_clock_on_the_wall_fits(expression: str, zone: str) -> None:
    """Around every change of the clocks in 2026, against a walk over all minutes."""
    cron, wall, fields = Cron(expression, zone), ZoneInfo(zone), CronSim(expression, datetime(2026, 1, 1))  # noqa: DTZ001
    for start in (at("2026-02-13T00:00"), at("2026-03-06T00:00"), at("2026-04-02T00:00"), at("2026-10-03T00:00")):
        end = start + timedelta(days=4)
        minutes = (start + timedelta(minutes=n) for n in range(4 * 24 * 60 + 1))
        fits = [
            minute
            for minute in minutes
            for local in [minute.astimezone(wall)]
            if local.minute in fields.minutes and local.hour in fields.hours
            if local.month in fields.months and fields.match_day(local.date())
        ]
        assert slots(cron, start, end) == fits
        backwards, slot = [], cron.newest(end)
        while slot and slot >= start:
            backwards.append(slot)
            slot = cron.newest(slot - SECOND)
        assert backwards[::-1] == fits


def test_a_slot_may_be_years_away() -> None:
    assert Cron("0 0 29 2 *").next(at("2097-01-01T00:00")) == at("2104-02-29T00:00")
    assert Cron("0 0 29 2 *").newest(at("2027-01-01T00:00")) == at("2024-02-29T00:00")


def test_the_day_is_of_the_month_or_of_the_week_where_both_are_given() -> None:
    found = slots(Cron("0 0 13 * FRI"), at("2026-11-01T00:00"), at("2026-11-14T00:00"))
    assert [slot.day for slot in found] == [6, 13]


@pytest.mark.parametrize(
    ("expression", "zone", "message"),
    [
        ("61 * * * *", "UTC", "bad minute in"),
        ("0 0 30 2 *", "UTC", "bad day-of-month in"),
        ("@daily", "UTC", "must have five fields"),
        ("0 0 * * *", "Europe/Atlantis", "must be a time zone such as 'Europe/Berlin'"),
        ("0 0 * * *", "../etc/passwd", "must be a time zone such as 'Europe/Berlin'"),
    ],
)
def test_what_never_comes_is_refused(expression: str, zone: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Cron(expression, zone)
