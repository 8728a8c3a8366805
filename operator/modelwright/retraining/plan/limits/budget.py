"""What may be spent in a day and in a month: no pipeline starts when it is, and one that runs then is stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from modelwright.api.budget import Allowance, Budget
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.api.times import format_time
from modelwright.retraining.plan.limits.periods import begin_of, day_of, next_day, next_month
from modelwright.retraining.plan.limits.situation import Hold, Situation
from modelwright.retraining.plan.limits.spending import Spent, hourly, meter_of, money, spent

HOUR_IN_MICROSECONDS = timedelta(hours=1) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Period:
    """Days or months, with what may be spent in each."""

    name: str
    allowance: Allowance
    spent_in: Callable[[Spent, date, str], Decimal]
    after: Callable[[date], date]


def over_budget(situation: Situation) -> Hold | None:
    """Of several that are used up the one that lasts longest."""
    budget, now = situation.policy.spec.limits.budget, situation.now
    if budget is None:
        return None
    today = day_of(now, budget.time_zone)
    known = spent(situation.policy, situation.others, now)
    holds = []
    for period in _periods(budget):
        used, unit = period.spent_in(known, today, period.allowance.unit), period.allowance.unit
        if used < period.allowance.limit:
            continue
        until = begin_of(period.after(today), budget.time_zone)
        message = f"{money(used)} {unit} of {money(period.allowance.limit)} {unit} per {period.name} are spent"
        holds.append(Hold("Budget", f"{message}; the next pipeline run may start at {format_time(until)}", until))
    return max(holds, key=lambda hold: hold.until or now, default=None)


def spent_out(policy: RetrainPolicy, run: RetrainRun, others: tuple[RetrainRun, ...]) -> tuple[datetime, str] | None:
    """When `run`, whose pipeline has begun, will have used up what the policy allows, and which allowance that is; None
    where it does not come to that within the run's timeout.

    It follows from the begin of the run alone, whenever it is asked.
    """
    budget, meter = policy.spec.limits.budget, meter_of(run)
    if budget is None or meter is None:
        return None
    rates, known = hourly(meter), spent(policy, others, meter.since)
    latest = meter.since + run.spec.pipeline.timeout
    found = []
    for period in _periods(budget):
        unit, limit = period.allowance.unit, period.allowance.limit
        at, rate = meter.since, rates.get(unit, Decimal(0))
        left = limit - period.spent_in(known, day_of(at, budget.time_zone), unit)
        while rate > 0 and at <= latest:
            # Rounded down: at that moment no more than the allowance is spent.
            lasts = max(left, Decimal(0)) * HOUR_IN_MICROSECONDS / rate
            end = begin_of(period.after(day_of(at, budget.time_zone)), budget.time_zone)
            if lasts < (end - at) // timedelta(microseconds=1):
                out = at + timedelta(microseconds=int(lasts.to_integral_value(ROUND_DOWN)))
                found.append((out, f"{money(limit)} {unit} per {period.name}"))
                break
            at, left = end, limit
    return min(found, default=None)


def _periods(budget: Budget) -> Iterator[Period]:
    if budget.per_day:
        yield Period("day", budget.per_day, Spent.on, next_day)
    if budget.per_month:
        yield Period("month", budget.per_month, Spent.in_month, next_month)
