"""Months of a noisy year: what fires without need, what a decline that lasts leads to, and limits to the second.

Whole years: `python -m benchmarks.year`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.retraining.builders import METRIC, policy
from tests.retraining.year import HOUR, SECOND, Year
from tests.retraining.year_of_slots import Slots

from modelwright.api.cron import Cron
from modelwright.api.limits import Blackout, Limits, OnRejected
from modelwright.api.policy import RetrainPolicy
from modelwright.api.triggers import Trigger

DAY = timedelta(days=1)
OFFICE = Blackout(Cron("0 8 * * 1-5", "Europe/Berlin"), 10 * HOUR)


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


@pytest.mark.parametrize("start", [datetime(2026, 3, 14, tzinfo=UTC), datetime(2026, 10, 14, tzinfo=UTC)], ids=str)
def test_slots_through_a_change_of_clocks_keep_cooldown_blackouts_and_budgets_to_the_second(start: datetime) -> None:
    slots = Slots("Europe/Berlin")
    year = slots.lived(start, 20)
    kept = slots.kept(year, start, 20)
    assert kept.breaches == ()
    assert kept.launched >= 30
    assert min(kept.waited.values()) >= 1, "each limit was met"
    assert kept.cut >= 10

    name, launched = list(year.launched.items())[-2]
    for wrong in (launched - SECOND, launched + SECOND):
        year.launched[name] = wrong
        assert slots.kept(year, start, 20).breaches != (), "a second is noticed"
    del year.created[name], year.launched[name], year.ended[name]
    assert any("has no run" in breach for breach in slots.kept(year, start, 20).breaches)
