"""Crashes between any two writes, webhooks many times over, clocks that jump, two operators at once: never two pipeline
runs for one trigger, and never a lost one. A thousand crashes: `python -m benchmarks.crashes`."""

from __future__ import annotations

import pytest
from tests.retraining.storms import Storm, weathered

from modelwright.retraining.plan import policy_plan
from modelwright.retraining.plan.triggers import received


@pytest.mark.parametrize("seed", range(4))
def test_fifty_crashes_in_a_storm_of_webhooks_lose_nothing_and_double_nothing(seed: int) -> None:
    storm = weathered(seed, crashes=50)
    # It was one: processes died inside of passes, webhooks came many times over, clocks jumped, runs were started.
    assert storm.within > 10
    assert storm.deliveries > 3 * storm.sent > 0
    assert storm.jumps > 0
    assert len(storm.world.runs()) > 1


def test_a_storm_finds_an_operator_that_forgets_for_which_events_it_has_started_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (policy_plan, received):
        monkeypatch.setattr(module, "with_runs", lambda events, runs: events)
    storm = Storm(0)
    storm.rage(crashes=10)
    with pytest.raises(AssertionError, match="does not come to rest"):
        storm.calm_down(rounds=20)
    assert any("started several runs" in violation for violation in storm.violations())
