"""When a rollout counts as healthy, degraded or still under way."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.cli.outcomes import Outcome, outcome_of


def rollout(observed: int = 2, **conditions: str) -> dict[str, Any]:
    """A rollout of generation 2 whose conditions are given as `Type="Status Reason"`."""
    listed = [
        {"type": type_, "status": text.split()[0], "reason": text.split()[1], "message": ""}
        for type_, text in conditions.items()
    ]
    return {"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "conditions": listed}}


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (rollout(Ready="True Promoted", Progressing="False Promoted"), Outcome.HEALTHY),
        (rollout(Ready="True Serving", Progressing="True StepRunning"), Outcome.PROGRESSING),
        (rollout(Ready="False Progressing", Reconciling="True Progressing"), Outcome.PROGRESSING),
        (rollout(Ready="False RolledBack", Stalled="True RolledBack"), Outcome.DEGRADED),
        (rollout(Ready="True Serving", RolledBack="True RolledBack"), Outcome.DEGRADED),
        (rollout(Ready="False Paused", Paused="True WeightLowered"), Outcome.DEGRADED),
        (rollout(Ready="False StableUnavailable"), Outcome.DEGRADED),
        (rollout(), Outcome.PROGRESSING),
        (rollout(observed=1, Ready="True Promoted"), Outcome.PROGRESSING),
    ],
)
def test_the_outcome_follows_from_the_conditions(body: dict[str, Any], outcome: Outcome) -> None:
    assert outcome_of(body)[0] is outcome


def test_an_object_without_a_status_is_under_way() -> None:
    assert outcome_of({"metadata": {"generation": 1}})[0] is Outcome.PROGRESSING
