"""What the runs of a policy have spent, day by day: a ledger in status, and the runs that are not in it yet.

A run enters the ledger in the pass that first sees it finished, in the order of the numbers, so that none is counted
twice, however often its policy is planned, and none is forgotten when it is deleted afterwards.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from modelwright.api.budget import GPU_HOURS, Budget, Metered, Spending, SpentOnDay
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.periods import by_day, day_of

HOUR = timedelta(hours=1)
STORED = Decimal("0.000001")
NOTHING = Decimal(0)


@dataclass(frozen=True)
class Spent:
    """By day and unit: a currency, or `GPU_HOURS`."""

    by_day: Mapping[tuple[date, str], Decimal] = field(default_factory=dict)

    def on(self, day: date, unit: str) -> Decimal:
        return self.by_day.get((day, unit), NOTHING)

    def in_month(self, of: date, unit: str) -> Decimal:
        found = (
            amount
            for (day, known), amount in self.by_day.items()
            if known == unit and (day.year, day.month) == (of.year, of.month)
        )
        return sum(found, NOTHING)


def hourly(meter: Metered) -> dict[str, Decimal]:
    """What is spent in an hour, by unit."""
    money = {meter.price.currency: Decimal(meter.price.per_hour)} if meter.price else {}
    return {**money, **({GPU_HOURS: Decimal(meter.gpus)} if meter.gpus else {})}


def meter_of(run: RetrainRun) -> Metered | None:
    """None as long as the server has not begun the pipeline."""
    since, gpu = run.status.pipeline_run.started_at, run.spec.pipeline.resources.gpu
    return Metered(run.name, run.spec.number, since, gpu.count if gpu else 0, run.spec.price) if since else None


def ended_at(run: RetrainRun) -> datetime | None:
    """When its pipeline stopped to cost: its end by the server or, where that never told, that of the run."""
    known = run.status.pipeline_run
    return known.finished_at or lineage.finished_at(run) if known.started_at else None


def spent(policy: RetrainPolicy, runs: Iterable[RetrainRun], now: datetime) -> Spent:
    """What the ledger and `runs` come to, up to `now`."""
    budget, ledger = policy.spec.limits.budget or Budget(), policy.status.spending or Spending()
    found = _known(ledger)
    for meter, end in _meters(ledger, tuple(runs), now):
        _add(found, meter, end, budget.time_zone)
    return Spent(found)


def accounted(policy: RetrainPolicy, runs: tuple[RetrainRun, ...], now: datetime) -> Spending | None:
    """The ledger with all that has finished since, None where there is no budget."""
    budget, ledger = policy.spec.limits.budget, policy.status.spending or Spending()
    if budget is None:
        return None
    found, accounted_to = _known(ledger), ledger.accounted_to
    gone = ledger.running
    if gone and gone.number > accounted_to and all(run.name != gone.run for run in runs):
        # Its record was deleted: when it stopped nobody knows, so it is charged up to now.
        _add(found, gone, now, budget.time_zone)
        accounted_to = gone.number
    running = None
    for run in sorted(runs, key=lambda run: run.spec.number):
        if run.spec.number <= accounted_to:
            continue
        meter = meter_of(run)
        if not lineage.finished(run):
            running = meter
            break
        if meter:
            _add(found, meter, ended_at(run) or now, budget.time_zone)
        accounted_to = run.spec.number
    today = day_of(now, budget.time_zone)
    oldest = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    kept = {key: amount for key, amount in found.items() if key[0] >= oldest}
    return Spending(accounted_to, _this_month(Spent(kept), today), tuple(_days(kept)), running)


def money(amount: Decimal) -> str:
    """With two digits after the point, and up to four where they say something."""
    whole, _, rest = f"{amount:.4f}".partition(".")
    return f"{whole}.{rest.rstrip('0').ljust(2, '0')}"


def _meters(ledger: Spending, runs: tuple[RetrainRun, ...], now: datetime) -> Iterator[tuple[Metered, datetime]]:
    for run in runs:
        meter = meter_of(run)
        if meter and run.spec.number > ledger.accounted_to:
            yield meter, ended_at(run) or now


def _add(found: dict[tuple[date, str], Decimal], meter: Metered, end: datetime, zone: str) -> None:
    for day, span in by_day(meter.since, end, zone):
        for unit, rate in hourly(meter).items():
            found[day, unit] = found.get((day, unit), NOTHING) + rate * Decimal(span // timedelta(microseconds=1)) / (
                HOUR // timedelta(microseconds=1)
            )


def _known(ledger: Spending) -> dict[tuple[date, str], Decimal]:
    found: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for each in ledger.days:
        day = date.fromisoformat(each.day)
        if each.currency:
            found[day, each.currency] += Decimal(each.amount)
        found[day, GPU_HOURS] += Decimal(each.gpu_hours)
    return dict(found)


def _days(found: Mapping[tuple[date, str], Decimal]) -> Iterator[SpentOnDay]:
    for day in sorted({day for day, _ in found}):
        hours = found.get((day, GPU_HOURS), NOTHING)
        currencies = sorted(unit for known, unit in found if known == day and unit != GPU_HOURS)
        for currency in currencies or [""]:
            amount = found.get((day, currency), NOTHING)
            yield SpentOnDay(day.isoformat(), _stored(amount), currency, _stored(hours))
            hours = NOTHING


def _stored(amount: Decimal) -> str:
    return f"{amount.quantize(STORED).normalize():f}"


def _this_month(found: Spent, today: date) -> str:
    units = sorted({unit for (day, unit) in found.by_day if (day.year, day.month) == (today.year, today.month)})
    sums = [(found.in_month(today, unit), unit) for unit in units]
    return ", ".join(f"{money(amount)} {unit}" for amount, unit in sums if amount)
