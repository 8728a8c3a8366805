"""Months of a noisy year: what fires without need, what a decline that lasts leads to, and limits to the second.

Whole years: `python -m benchmarks.year`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.retraining.builders import METRIC, policy
from tests.retraining.year import HOUR, Year

from modelwright.api.budget import GPU_HOURS, Allowance, Budget
from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits, OnRejected
from modelwright.api.pipelines import Gpu, Resources
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Schedule, Trigger

DAY = timedelta(days=1)
BERLIN = "Europe/Berlin"
OFFICE = Blackout(Cron("0 8 * * 1-5", BERLIN), 10 * HOUR)
# Does not come on 2026-03-29, and comes twice on 2026-10-25.
NIGHTLY = Trigger("nightly", schedule=Schedule(Cron("30 2 * * *", BERLIN)))


def watching(confidence: str = "0.99", **spec: object) -> RetrainPolicy:
    assert METRIC.proportion is not None
    window = replace(METRIC.proportion, window=24 * HOUR)
    metric = replace(METRIC, confidence=Decimal(confidence), min_samples=200, hold=HOUR, proportion=window)
    limits = Limits(cooldown=6 * HOUR, blackouts=(OFFICE,))
    return policy(**{"triggers": (Trigger("accuracy", metric),), "limits": limits, **spec})


def test_a_healthy_model_with_noise_fires_by_its_number_and_not_by_its_bound() -> None:
    start = datetime(2026, 2, 1, tzinfo=UTC)
    by_number, by_bound = (
        Year(watching(confidence), start, labels_per_hour=20, accuracy=0.905) for confidence in ("0.5", "0.99")
    )
    for year in (by_number, by_bound):
        year.live(30)
    assert len(by_number.launched) >= 5
    assert len(by_bound.launched) <= 1


def test_a_decline_that_no_run_mends_fires_again_after_each_back_off_and_never_before() -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rests = OnRejected(backoff=DAY, double_up_to=7 * DAY)
    year = Year(watching(on_rejected=rests), start, decline=(start + 10 * DAY, start + 50 * DAY))
    year.live(60)
    names = list(year.created)
    gaps = [
        (run.created_at or start) - year.ended[before]
        for before, run in zip(names, list(year.created.values())[1:], strict=False)
    ]
    assert gaps[:4] == [DAY, 2 * DAY, 4 * DAY, 7 * DAY], "to the second"
    assert set(gaps[4:]) == {7 * DAY}
    first, last = year.created[names[0]].created_at, year.created[names[-1]].created_at
    assert first is not None
    assert last is not None
    assert timedelta(0) < first - (start + 10 * DAY) < DAY, "it was not overlooked"
    assert last > start + 43 * DAY, "it did not fall silent"
    assert last < start + 52 * DAY, "nor went on when it was over"
    assert year.late == []


def test_slots_through_a_change_of_clocks_keep_cooldown_blackouts_and_budget_to_the_second() -> None:
    budget = Budget(per_day=Allowance(Decimal(6), GPU_HOURS), time_zone=BERLIN)
    limits = Limits(cooldown=20 * HOUR, blackouts=(OFFICE,), budget=budget)
    pipeline = replace(policy().spec.pipeline, resources=Resources(Gpu("a100", 2)))
    for start, missing in ((datetime(2026, 3, 20, tzinfo=UTC), 1), (datetime(2026, 10, 16, tzinfo=UTC), -1)):
        of = watching(triggers=(NIGHTLY,), limits=limits, pipeline=pipeline)
        year = Year(of, start, takes=4 * HOUR)
        year.live(20)
        slots = [run.spec.evidence[0].occasion for run in year.created.values()]
        assert len(slots) == len(set(slots)) >= 12
        local = {datetime.fromisoformat(slot).astimezone(ZoneInfo(BERLIN)) for slot in slots}
        assert {(at.hour, at.minute) for at in local} == {(2, 30)}
        if missing == 1:
            assert not any(at.date().isoformat() == "2026-03-29" for at in local)
        # Two GPUs for three hours are what a day allows: no run lasts for four, unless midnight comes.
        for name, launched in year.launched.items():
            berlin = launched.astimezone(ZoneInfo(BERLIN))
            began = OFFICE.cron.newest(launched)
            assert began is not None
            assert launched >= began + OFFICE.duration, f"{name} was launched in a blackout"
            ended = year.ended.get(name)
            if ended and berlin.hour < 20:
                assert ended - launched == 3 * HOUR
        rests = [
            later - year.ended[name]
            for (name, _), later in zip(year.launched.items(), list(year.launched.values())[1:], strict=False)
        ]
        assert min(rests) >= 20 * HOUR
        assert year.late == []
