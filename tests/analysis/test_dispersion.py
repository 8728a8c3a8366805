"""Dispersion is about 1 for independent errors, about the size of bursts, and not fooled by the time of day."""

from __future__ import annotations

import numpy as np
import pytest

from modelwright.analysis.dispersion import Dispersion


def of_counts(events: list[int], count: int) -> float:
    dispersion = Dispersion()
    for one in events:
        dispersion = dispersion.added(one, count)
    p = sum(events) / (count * len(events))
    return dispersion.factor(p * (1 - p))


@pytest.mark.parametrize("p", [0.002, 0.05, 0.5])
def test_independent_errors_have_a_dispersion_of_about_one(p: float) -> None:
    events = np.random.default_rng(1).binomial(500, p, 720)
    assert 1 <= of_counts([int(x) for x in events], 500) < 1.6


@pytest.mark.parametrize("size", [5, 20])
def test_bursts_within_a_block_are_about_as_dispersed_as_they_are_large(size: int) -> None:
    events = size * np.random.default_rng(2).poisson(500 * 0.01 / size, 720)
    assert 0.7 * size < of_counts([int(x) for x in events], 500) < 1.6 * size


def test_bursts_that_last_for_minutes_are_seen_at_a_longer_length() -> None:
    rng = np.random.default_rng(3)
    events = np.repeat(rng.binomial(1, 0.1, 120) * 20, 6)
    one_block = of_counts([20 * int(x) for x in rng.binomial(1, 0.1, 720)], 500)
    assert of_counts([int(x) for x in events], 500) > 2 * one_block


def test_a_rate_that_follows_the_hour_is_not_a_burst() -> None:
    hours = np.arange(8640) / 360
    events = np.random.default_rng(4).binomial(450, 0.01 * (1 + 0.5 * np.sin(2 * np.pi * hours / 24)))
    assert of_counts([int(x) for x in events], 450) < 2.5


def test_few_stretches_or_none_say_nothing() -> None:
    assert Dispersion().factor(0.01) == 1
    assert of_counts([0, 100, 0], 100) == 1
    assert Dispersion().added(3, 100).factor(0.0) == 1


def test_it_reads_back_as_it_was_written() -> None:
    dispersion = Dispersion()
    for events in range(50):
        dispersion = dispersion.added(events % 7, 90 + events)
    assert Dispersion.of(dispersion.numbers()) == dispersion
    with pytest.raises(ValueError, match="lengths"):
        Dispersion.of(dispersion.numbers()[:1])
