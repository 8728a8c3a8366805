"""Months of a policy, hour by hour: a change of clocks, a decline that no retraining mends, and limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.retraining.builders import METRIC, answered, counts, described, policy, policy_seen
from tests.retraining.passes import BAD
from tests.retraining.run_passes import plan as plan_of_run

from modelwright.api.conditions import Condition
from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits, OnRejected
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun, RunStatus
from modelwright.api.triggers import Schedule, Trigger
from modelwright.retraining.plan import plan_policy

HOUR = timedelta(hours=1)
OFFICE = Blackout(Cron("0 8 * * 1-5", "Europe/Berlin"), 10 * HOUR)
TRAINS_FOR = 2 * HOUR


def live(of: RetrainPolicy, start: datetime, days: int, phase: str) -> tuple[list[RetrainRun], list[datetime]]:
    """The runs of so many days, oldest first, and when their pipelines were asked for. Every run ends as `phase`."""
    runs: list[RetrainRun] = []
    launched: list[datetime] = []
    now, outcome = start, ("True" if phase == "Approved" else "False")
    while now < start + timedelta(days=days):
        for number, run in enumerate(runs):
            asked = run.status.pipeline_run.requested_at
            if run.status.phase == phase:
                continue
            if asked and now >= asked + TRAINS_FOR:
                ended = Condition("Succeeded", outcome, "Approved" if outcome == "True" else "GateRejected", "", 1, now)
                runs[number] = replace(run, status=replace(run.status, phase=phase, conditions=(ended,)))
            elif asked is None:
                siblings = tuple(other for other in runs if other is not run)
                status: RunStatus = plan_of_run(run, now, of, siblings=siblings).status
                runs[number] = replace(run, status=status)
                launched += [now] if status.pipeline_run.requested_at else []
        questions = plan_policy(policy_seen(of, runs=tuple(runs)), now).questions[1:]
        answers = {**described(now), **{question: answered(counts(*BAD), now) for question in questions}}
        plan = plan_policy(policy_seen(of, runs=tuple(runs), answers=answers), now)
        of = replace(of, status=plan.status)
        if plan.create_run:
            runs.append(replace(plan.create_run, uid=plan.create_run.name, created_at=now))
        now += HOUR
    return runs, launched


def test_every_slot_of_a_month_with_a_change_of_clocks_has_one_run_outside_of_blackouts() -> None:
    nightly = Trigger("nightly", schedule=Schedule(Cron("0 2 * * *", "Europe/Berlin")))
    limits = Limits(cooldown=HOUR, blackouts=(OFFICE,), max_runs_per_day=2)
    of = policy(triggers=(nightly,), limits=limits)
    for month, more in ((datetime(2026, 3, 15, tzinfo=UTC), -1), (datetime(2026, 10, 10, 23, tzinfo=UTC), 1)):
        runs, launched = live(of, month, 28, "Approved")
        slots = [run.spec.evidence[0].occasion for run in runs]
        assert len(slots) == len(set(slots)) == 28 + more
        assert len(launched) == len(runs)
        began = [(at, OFFICE.cron.newest(at)) for at in launched]
        assert all(slot is not None and at >= slot + OFFICE.duration for at, slot in began)


def test_a_decline_that_no_retraining_mends_fires_again_after_each_rest_and_never_before() -> None:
    accuracy = Trigger("accuracy", replace(METRIC, hold=timedelta(0)))
    rests = OnRejected(backoff=24 * HOUR, double_up_to=7 * 24 * HOUR)
    of = policy(triggers=(accuracy,), limits=Limits(cooldown=6 * HOUR, blackouts=(OFFICE,)), on_rejected=rests)
    runs, launched = live(of, datetime(2026, 11, 1, tzinfo=UTC), 60, "Rejected")
    ended = [run.status.conditions[0].last_transition_time for run in runs]
    created = [run.created_at for run in runs]
    pairs = zip(ended, created[1:], strict=False)
    gaps = [(later - end) / HOUR for end, later in pairs if end is not None and later is not None]
    assert gaps[:4] == [24, 48, 96, 168]
    assert set(gaps[4:]) == {168}
    assert len(runs) == len(launched) >= 9
