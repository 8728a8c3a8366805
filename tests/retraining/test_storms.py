"""Crashes between any two writes, webhooks many times over, clocks that jump, two operators at once: never two pipeline
runs for one trigger, and never a lost one. A thousand crashes: `python -m benchmarks.crashes`."""

from __future__ import annotations

import itertools

import pytest
from tests.retraining.storms import Storm, weathered

from modelwright.retraining.plan import creating


@pytest.mark.parametrize("seed", range(4))
def test_fifty_crashes_in_a_storm_of_webhooks_lose_nothing_and_double_nothing(seed: int) -> None:
    storm = weathered(seed, crashes=50)
    # It was one: processes died inside of passes, webhooks came many times over, clocks jumped, runs were started.
    assert storm.within > 10
    assert storm.deliveries > 3 * storm.sent > 0
    assert storm.jumps > 0
    assert len(storm.world.runs()) > 1


def test_a_storm_finds_an_operator_that_names_its_runs_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    monkeypatch.setattr(creating, "run_name", lambda policy, key: f"{policy.name}-{next(numbers):08x}")
    found: list[str] = []
    for seed in range(4):
        storm = Storm(seed)
        storm.rage(crashes=10)
        storm.calm_down()
        found += storm.violations()
    assert any("several runs" in violation for violation in found)
