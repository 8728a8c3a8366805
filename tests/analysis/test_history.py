"""Stable's own past gives bounds that fit the hour, and none where too little is known."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from modelwright.analysis.history import PastValue, history_bounds
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds


def past(rng: np.random.Generator, seasons: int = 8, slots: int = 24, noise: float = 0.1) -> list[PastValue]:
    """A value that differs from hour to hour, and a little from week to week."""
    return [
        PastValue(season, slot, 10 + slot + float(rng.normal(0, noise)))
        for season in range(1, seasons + 1)
        for slot in range(slots)
    ]


def test_bounds_lie_around_the_same_hour_and_not_around_others() -> None:
    bounds = history_bounds(past(np.random.default_rng(1)))
    assert isinstance(bounds, Bounds)
    assert bounds.min is not None
    assert bounds.max is not None
    assert 9.4 < bounds.min < 9.9 < 10.1 < bounds.max < 10.6


def test_a_value_like_the_past_is_outside_about_as_often_as_alpha() -> None:
    rng, outside, runs = np.random.default_rng(2), 0, 400
    for _ in range(runs):
        bounds = history_bounds(past(rng), alpha=0.05)
        assert isinstance(bounds, Bounds)
        assert bounds.min is not None
        assert bounds.max is not None
        outside += not float(bounds.min) <= 10 + rng.normal(0, 0.1) <= float(bounds.max)
    assert outside <= 1.5 * 0.05 * runs


def test_one_wild_season_neither_moves_nor_widens_the_bounds_much() -> None:
    known = [
        PastValue(p.season, p.slot, 500.0 if (p.season, p.slot) == (3, 0) else p.value)
        for p in past(np.random.default_rng(3), slots=48)
    ]
    bounds = history_bounds(known)
    assert isinstance(bounds, Bounds)
    assert bounds.max is not None
    assert bounds.max < 11


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        ([], "TooFewSeasons"),
        (past(np.random.default_rng(4), seasons=7), "TooFewSeasons"),
        ([PastValue(season, 0, nan) for season in range(1, 20)], "TooFewSeasons"),
        (past(np.random.default_rng(5), slots=2), "TooLittleHistory"),
    ],
)
def test_too_little_history_is_no_data(known: list[PastValue], reason: str) -> None:
    finding = history_bounds(known)
    assert isinstance(finding, Finding)
    assert (finding.verdict, finding.reason) == (Verdict.NO_DATA, reason)


def test_an_alpha_that_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="alpha"):
        history_bounds([], alpha=0)
