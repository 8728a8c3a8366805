"""Reading the limits of a policy."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from modelwright.api.budget import GPU_HOURS, Allowance, Budget
from modelwright.api.fields import Fields
from modelwright.api.limits import Blackout, Concurrency, Failures, Limits, OnRejected, OnRolledBack
from modelwright.api.parsing.triggers import cron


def limits(fields: Fields) -> Limits:
    failures = fields.maybe_section("failures")
    return Limits(
        cooldown=fields.duration("cooldown", Limits.cooldown),
        settle=fields.duration("settle", Limits.settle),
        concurrency=fields.choice("concurrency", Concurrency, Limits.concurrency),
        max_runs_per_day=fields.maybe_integer("maxRunsPerDay"),
        blackouts=tuple(Blackout(cron(each), each.duration("duration")) for each in fields.sections("blackouts")),
        failures=_failures(failures) if failures else None,
        budget=_budget(fields.maybe_section("budget")),
    )


def on_rejected(fields: Fields | None) -> OnRejected | None:
    if fields is None:
        return None
    return OnRejected(
        backoff=fields.duration("backoff", OnRejected.backoff),
        double_up_to=fields.duration("doubleUpTo", OnRejected.double_up_to),
        new_rows=fields.integer("newRows", OnRejected.new_rows),
    )


def on_rolled_back(fields: Fields | None) -> OnRolledBack | None:
    return OnRolledBack(fields.duration("backoff", OnRolledBack.backoff)) if fields else None


def _failures(fields: Fields) -> Failures:
    return Failures(
        backoff=fields.duration("backoff", Failures.backoff),
        suspend_after=fields.integer("suspendAfter", Failures.suspend_after),
    )


def _budget(fields: Fields | None) -> Budget | None:
    if fields is None:
        return None
    found = Budget(
        rates=fields.text("rates", Budget.rates),
        per_day=_allowance(fields.maybe_section("perDay")),
        per_month=_allowance(fields.maybe_section("perMonth")),
        time_zone=_zone(fields),
    )
    allowances = [each for each in (found.per_day, found.per_month) if each]
    if not found.rates and not allowances:
        raise fields.refuse("rates", "must be set, or `perDay` or `perMonth`")
    if not found.rates and any(each.unit != GPU_HOURS for each in allowances):
        raise fields.refuse("rates", "must be set beside an `amount`, which is reckoned by it")
    return found


def _allowance(fields: Fields | None) -> Allowance | None:
    if fields is None:
        return None
    name = fields.exactly_one("amount", "gpuHours")
    limit = fields.decimal(name)
    if limit <= 0:
        raise fields.refuse(name, "must be above 0; to start nothing, set `state: Suspended`")
    return Allowance(limit, fields.text("currency") if name == "amount" else GPU_HOURS)


def _zone(fields: Fields) -> str:
    name = fields.text("timeZone", Budget.time_zone)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise fields.refuse("timeZone", f"must be a time zone such as 'Europe/Berlin', found {name!r}") from None
    return name
