"""Reading the limits of a policy."""

from __future__ import annotations

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
