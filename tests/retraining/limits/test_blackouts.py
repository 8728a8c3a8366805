"""Blackouts and the runs of a day hold a created run back to the second, and say until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.retraining.builders import NOW, counts, finished_run, policy, run
from tests.retraining.passes import GOOD, after, look
from tests.retraining.run_passes import outcome, plan

from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits
from modelwright.api.policy import Launch
from modelwright.retraining.plan.limits.blackouts import end_of_blackout

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
OFFICE = Blackout(Cron("0 8 * * 1-5", "Europe/Berlin"), timedelta(hours=10))
MONDAY = datetime(2026, 11, 23, 7, tzinfo=UTC)  # 8:00 in Berlin


def limited(**limits: object) -> Limits:
    return Limits(cooldown=timedelta(0), **limits)  # type: ignore[arg-type]


def test_nothing_launches_from_the_first_to_the_last_second_of_a_blackout() -> None:
    of = policy(limits=limited(blackouts=(OFFICE,)))
    assert outcome(plan(run(), MONDAY - SECOND, of)) == ("Unknown", "Launching")
    held = plan(run(), MONDAY, of)
    assert outcome(held) == ("Unknown", "Blackout")
    assert held.status.conditions[0].message == "no pipeline starts before 2026-11-23T17:00:00Z"
    assert outcome(plan(run(), MONDAY + 10 * HOUR - SECOND, of)) == ("Unknown", "Blackout")
    assert outcome(plan(run(), MONDAY + 10 * HOUR, of)) == ("Unknown", "Launching")


def test_blackouts_that_touch_are_one() -> None:
    evening = Blackout(Cron("0 17 * * *", "Europe/Berlin"), timedelta(hours=4))
    assert end_of_blackout((OFFICE, evening), MONDAY) == datetime(2026, 11, 23, 20, tzinfo=UTC)


def test_a_blackout_over_a_change_of_clocks_lasts_as_long_as_it_says() -> None:
    night = Blackout(Cron("0 1 * * *", "Europe/Berlin"), timedelta(hours=4))
    assert end_of_blackout((night,), datetime(2026, 10, 25, 0, tzinfo=UTC)) == datetime(2026, 10, 25, 3, tzinfo=UTC)


def test_blackouts_that_leave_no_time_say_so() -> None:
    always = Blackout(Cron("0 0 * * *"), timedelta(hours=24))
    held = plan(run(), MONDAY, policy(limits=limited(blackouts=(always,))))
    assert outcome(held) == ("Unknown", "Blackout")
    assert "leave no time" in held.status.conditions[0].message


def test_the_policy_says_what_its_run_waits_for_since_when_and_until_when() -> None:
    of = policy(limits=limited(blackouts=(OFFICE,)))
    first = look(of, MONDAY, counts(*GOOD), runs=(run(),)).status.pending
    assert first is not None
    assert (first.reason, first.run, first.since) == ("Blackout", "churn-run1", MONDAY)
    assert first.until == MONDAY + 10 * HOUR
    told = after(of, look(of, MONDAY, counts(*GOOD), runs=(run(),)))
    assert look(told, MONDAY + HOUR, counts(*GOOD), runs=(run(),)).status.pending == first
    assert look(told, MONDAY + 10 * HOUR, counts(*GOOD), runs=(run(),)).status.pending is None


def test_only_so_many_runs_launch_in_any_24_hours() -> None:
    of = policy(limits=limited(max_runs_per_day=2))
    earlier = tuple(finished_run(number, NOW - timedelta(hours=number)) for number in (1, 2))
    third = run(3)
    launched = NOW - 2 * HOUR - timedelta(minutes=5)
    held = plan(third, NOW, of, siblings=earlier)
    assert outcome(held) == ("Unknown", "RunsPerDay")
    assert outcome(plan(third, launched + 24 * HOUR - SECOND, of, siblings=earlier)) == ("Unknown", "RunsPerDay")
    assert outcome(plan(third, launched + 24 * HOUR, of, siblings=earlier)) == ("Unknown", "Launching")


def test_runs_that_were_deleted_still_count_for_their_day() -> None:
    of = policy(limits=limited(max_runs_per_day=1))
    seen = look(of, NOW, counts(*GOOD), runs=(finished_run(1, NOW),)).status
    assert seen.launches == (Launch("churn-run1", NOW - timedelta(minutes=5)),)
    assert outcome(plan(run(2), NOW + HOUR, replace(of, status=seen))) == ("Unknown", "RunsPerDay")
    tomorrow = look(replace(of, status=seen), NOW + 24 * HOUR, counts(*GOOD))
    assert tomorrow.status.launches == ()
