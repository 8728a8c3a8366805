"""A year of a policy whose slots meet cooldown, blackouts and budgets, and what they should have come to.

What should be is worked out a second time here: from the zone's own clock, not by the planner nor by its cron.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.retraining.builders import policy
from tests.retraining.year import HOUR, SECOND, Year

from modelwright.api.budget import GPU_HOURS, Allowance, Budget
from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits
from modelwright.api.pipelines import Gpu, Resources
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Schedule, Trigger

MINUTE = timedelta(minutes=1)
COOLDOWN, TAKES, DEADLINE = HOUR, 2 * HOUR, 24 * HOUR
OFFICE, SUNDAY = 10 * HOUR, 4 * HOUR
"""How long blackouts last: from 8:00 on workdays, and from midnight on Sundays, in which clocks change."""
PER_DAY, PER_MONTH = 3 * HOUR, 50 * HOUR
"""What of the two GPUs may be used."""


@dataclass(frozen=True)
class Kept:
    """What a year came to. `breaches` name what should not have been; `waited` counts launches by what held them until
    the very second, `cut` those whose budget ran out, also to the second."""

    slots: int
    launched: int
    waited: dict[str, int]
    cut: int
    breaches: tuple[str, ...]


@dataclass(frozen=True)
class Slots:
    """Twice a day, once in the hours that a change of clocks leaves out or repeats, in a time zone."""

    zone: str
    minute: int = 30
    hours: tuple[int, int] = (2, 19)

    def policy(self) -> RetrainPolicy:
        cron = Cron(f"{self.minute} {','.join(map(str, self.hours))} * * *", self.zone)
        blackouts = Blackout(Cron("0 8 * * 1-5", self.zone), OFFICE), Blackout(Cron("0 0 * * 0", self.zone), SUNDAY)
        day, month = (Allowance(Decimal(2 * span // HOUR), GPU_HOURS) for span in (PER_DAY, PER_MONTH))
        budget = Budget(per_day=day, per_month=month, time_zone=self.zone)
        return policy(
            triggers=(Trigger("twice", schedule=Schedule(cron)),),
            limits=Limits(cooldown=COOLDOWN, blackouts=blackouts, budget=budget),
            pipeline=replace(policy().spec.pipeline, resources=Resources(Gpu("a100", 2))),
        )

    def lived(self, start: datetime, days: int) -> Year:
        year = Year(self.policy(), start, takes=TAKES)
        year.live(days)
        return year

    def kept(self, year: Year, start: datetime, days: int) -> Kept:
        """Hold every run against the limits: when it was launched, a second before that, and when it ended."""
        end = start + timedelta(days=days)
        waited = {"Cooldown": 0, "Blackout": 0, "Budget": 0}
        for name, at in year.launched.items():
            if at > (year.created[name].created_at or at) + SECOND:
                for reason in held(self, year, name, at - SECOND):
                    waited[reason] += 1
        cut = sum(ended - year.launched[name] < TAKES for name, ended in year.ended.items())
        return Kept(len(self.of(start, end)), len(year.launched), waited, cut, tuple(breaches(self, year, start, end)))

    def of(self, start: datetime, end: datetime) -> list[datetime]:
        """Every minute in which the zone's clock shows the time of a slot."""
        zone, at, found = ZoneInfo(self.zone), start, []
        while at < end:
            local = at.astimezone(zone)
            if local.minute == self.minute and local.hour in self.hours:
                found.append(at)
            at += MINUTE
        return found

    def blacked_out(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        if local.weekday() < 5 and self._midnight(local.date()) + 8 * HOUR <= at:
            return at < self._midnight(local.date()) + 8 * HOUR + OFFICE
        return local.weekday() == 6 and at < self._midnight(local.date()) + SUNDAY

    def spent(self, year: Year, at: datetime) -> bool:
        """Whether the day or the month of `at` has nothing left by then."""
        day = at.astimezone(ZoneInfo(self.zone)).date()
        return (
            self.used(year, day, day + timedelta(days=1), at) >= PER_DAY
            or self.used(year, day.replace(day=1), _next_month(day), at) >= PER_MONTH
        )

    def used(self, year: Year, first: date, last: date, until: datetime) -> timedelta:
        """How long pipelines ran from the midnight of one day to that of another, as far as `until`."""
        begin, end = self._midnight(first), min(self._midnight(last), until)
        spans = ((at, year.ended.get(name, until)) for name, at in year.launched.items())
        return sum((max(min(b, end) - max(a, begin), timedelta(0)) for a, b in spans), timedelta(0))

    def _midnight(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


def held(slots: Slots, year: Year, name: str, at: datetime) -> list[str]:
    """What forbids the launch of a run at this time."""
    before = [end for other, end in year.ended.items() if other != name and year.launched[other] < year.launched[name]]
    found = {
        "Cooldown": bool(before) and at < max(before) + COOLDOWN,
        "Blackout": slots.blacked_out(at),
        "Budget": slots.spent(year, at),
    }
    return [reason for reason, holds in found.items() if holds]


def breaches(slots: Slots, year: Year, start: datetime, end: datetime) -> Iterator[str]:
    """Sentences about slots without a run or with one too many, launches that were a second too early or too late, and
    runs that were not stopped when their budget was used up, or before that."""
    yield from _of_slots(year, slots.of(start, end), end)
    for name, at in year.launched.items():
        if reasons := held(slots, year, name, at):
            yield f"{name} was launched at {at} in spite of {reasons}"
        created = year.created[name].created_at or at
        if at > created + SECOND and not held(slots, year, name, at - SECOND):
            yield f"{name} could have been launched before {at}"
    for name, ended in year.ended.items():
        day = (ended - SECOND).astimezone(ZoneInfo(slots.zone)).date()
        left = (
            PER_DAY - slots.used(year, day, day + timedelta(days=1), end),
            PER_MONTH - slots.used(year, day.replace(day=1), _next_month(day), end),
        )
        took = ended - year.launched[name]
        if took > TAKES or min(left) < timedelta(0):
            yield f"{name} was stopped too late, at {ended}"
        if took < TAKES and min(left) > timedelta(0):
            yield f"{name} was stopped too early, at {ended}"


def _of_slots(year: Year, slots: list[datetime], end: datetime) -> Iterator[str]:
    """A slot has its run at once or when the run before it ends; none where another slot came, or a day went by,
    before that."""
    started = [
        (datetime.fromisoformat(run.spec.evidence[0].occasion), run.created_at or end, year.ended.get(name, end))
        for name, run in year.created.items()
    ]
    occasions = [slot for slot, _, _ in started]
    if len(set(occasions)) < len(occasions) or not set(occasions) <= set(slots):
        yield "there are two runs for a slot, or one for none"
    ends = [None, *(ended for _, _, ended in started)]
    for (slot, created, _), before in zip(started, ends, strict=False):
        if created != max(slot, before or slot):
            yield f"the run of {slot} was created at {created}"
    for slot, following in zip(slots, [*slots[1:], end], strict=True):
        too_late = min(following, slot + DEADLINE)
        busy = any(created <= slot and ended >= too_late for _, created, ended in started)
        if slot not in occasions and not busy:
            yield f"{slot} has no run"


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
