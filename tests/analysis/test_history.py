"""Stable's own past gives bounds that fit the hour, and none where too little is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from modelwright.analysis.history import HOUR, Past, PastValue, Span, history_bounds, past_of
from modelwright.analysis.reigns import Reign, reigns, rollouts
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds, History, Season
from modelwright.api.models import Model
from modelwright.api.rollout import Arm, HistoryEntry, RolloutStatus

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
FOUR = Decimal(4)
WEEK = timedelta(days=7)


def past(rng: np.random.Generator, seasons: int = 8, slots: int = 7, noise: float = 0.1) -> Past:
    """A value that differs from hour to hour, and a little from week to week."""
    return Past(
        tuple(
            PastValue(season, slot, 10 + slot + float(rng.normal(0, noise)))
            for season in range(1, seasons + 1)
            for slot in range(-(slots // 2), slots // 2 + 1)
        )
    )


def bounds_of(known: Past, deviations: Decimal = FOUR) -> tuple[float, float]:
    found = history_bounds(known, deviations)
    assert isinstance(found, Bounds), found
    assert found.min is not None
    assert found.max is not None
    return float(found.min), float(found.max)


def hours(weeks: int = 10, value: float = 1.0) -> list[tuple[datetime, float]]:
    """Every hour of the last weeks."""
    return [(AT - n * HOUR, value + n % 5) for n in range(1, weeks * 7 * 24 + 1)]


def test_bounds_lie_around_the_same_hour_and_not_around_others() -> None:
    low, high = bounds_of(past(np.random.default_rng(1)))
    assert 9.3 < low < 9.8 < 10.2 < high < 10.7


def test_one_deviation_is_what_two_thirds_of_the_past_stay_within() -> None:
    rng, inside, runs = np.random.default_rng(2), 0, 400
    for _ in range(runs):
        low, high = bounds_of(past(rng), Decimal(1))
        inside += low <= 10 + rng.normal(0, 0.1) <= high
    assert 0.6 * runs <= inside <= 0.78 * runs


@pytest.mark.parametrize("heavy", [False, True])
def test_four_deviations_are_left_seldom_by_a_value_like_the_past(heavy: bool) -> None:
    rng, outside, runs = np.random.default_rng(3), 0, 1000
    for _ in range(runs):
        noise = rng.standard_t(4, (8, 7)) if heavy else rng.normal(0, 1, (8, 7))
        known = Past(tuple(PastValue(s + 1, n - 3, float(noise[s, n])) for s in range(8) for n in range(7)))
        low, high = bounds_of(known)
        outside += not low <= (rng.standard_t(4) if heavy else rng.normal()) <= high
    assert outside <= (0.03 if heavy else 0.01) * runs


def test_one_wild_season_neither_moves_nor_widens_the_bounds_much() -> None:
    known = past(np.random.default_rng(4))
    wild = Past(tuple(PastValue(p.season, p.slot, 500.0) if p.season == 3 else p for p in known.values))
    low, high = bounds_of(wild)
    assert 9 < low < high < 11


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (Past(()), "TooFewSeasons"),
        (past(np.random.default_rng(4), seasons=7), "TooFewSeasons"),
        (past(np.random.default_rng(5), slots=1), "TooLittleHistory"),
        (past(np.random.default_rng(6), noise=0.0), "NothingVaries"),
    ],
)
def test_too_little_history_is_no_data(known: Past, reason: str) -> None:
    finding = history_bounds(known, FOUR)
    assert isinstance(finding, Finding)
    assert (finding.verdict, finding.reason) == (Verdict.NO_DATA, reason)


def test_too_few_seasons_are_counted_in_the_message() -> None:
    few = past(np.random.default_rng(7), seasons=5)
    finding = history_bounds(Past(few.values, left_out=2), FOUR)
    assert isinstance(finding, Finding)
    assert finding.message == ("5 past seasons of this hour are known, 8 are needed; 2 more lie in rollouts or alarms")


def seasons_of(points: Iterable[tuple[datetime, float]], history: History, left_out: tuple[Span, ...] = ()) -> set[int]:
    return {known.season for known in past_of(points, AT, history, left_out).values if known.slot == 0}


def test_only_the_hours_around_this_one_count_each_in_its_season() -> None:
    weekly, daily = History(), History(timedelta(days=20), Season.DAILY)
    assert seasons_of(hours(), weekly) == set(range(1, 11))
    assert seasons_of(hours(), daily) == set(range(1, 21))
    slots = {known.slot for known in past_of(hours(), AT, weekly, ()).values}
    assert slots == {-3, -2, -1, 0, 1, 2, 3}
    assert past_of([(AT - 12 * HOUR, 1.0)], AT, daily, ()).values == ()


def test_rollouts_and_what_is_no_number_are_left_out_and_counted() -> None:
    rollout = (AT - 3 * WEEK - HOUR, AT - 3 * WEEK + HOUR)
    known = past_of([*hours(), (AT - 2 * WEEK, float("nan"))], AT, History(), (rollout,))
    assert 3 not in {one.season for one in known.values if one.slot == 0}
    assert known.left_out == 1
    assert {one.season for one in known.values if one.slot == 3} == set(range(1, 11))


def status(*history: HistoryEntry, stable: str = "r2") -> RolloutStatus:
    return RolloutStatus(stable=Arm(stable, Model(f"v-{stable}", "s3://m"), 100), history=history)


def test_the_past_of_stable_is_that_of_whichever_revision_was_stable() -> None:
    entries = (
        HistoryEntry("r2", "v2", "Promoted", AT - WEEK, AT - WEEK - HOUR),
        HistoryEntry("r9", "v9", "RolledBack", AT - 2 * WEEK, AT - 2 * WEEK - HOUR),
        HistoryEntry("r1", "v1", "Promoted", AT - 5 * WEEK),
    )
    assert reigns(status(*entries)) == (
        Reign("r2", "v2", AT - WEEK, None),
        Reign("r1", "v1", AT - 5 * WEEK, AT - WEEK),
    )
    assert rollouts(status(*entries), AT) == (
        (AT - WEEK - HOUR, AT - WEEK),
        (AT - 2 * WEEK - HOUR, AT - 2 * WEEK),
        (AT - 5 * WEEK, AT - 5 * WEEK),
    )


def test_a_stable_revision_that_was_never_promoted_was_there_since_ever() -> None:
    assert reigns(status()) == (Reign("r2", "v-r2"),)
    assert reigns(RolloutStatus()) == ()


def test_a_stable_revision_that_somebody_else_set_is_known_since_the_last_promotion() -> None:
    entry = HistoryEntry("r1", "v1", "Promoted", AT - WEEK)
    assert reigns(status(entry)) == (Reign("r2", "v-r2", AT - WEEK),)
