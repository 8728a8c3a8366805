"""What a source refuses is a person's to mend: said as such, the weight held, and gone on with once it is mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.analysis.verdict import Verdict
from modelwright.api.rollout import Analysis, OnDeadline
from modelwright.metrics.questions import NoLook


def rolling(**fields: Any) -> World:
    analysis = Analysis(interval=timedelta(seconds=5), metrics=(ERRORS,), **fields)
    world = serving_v1(spec=replace(SPEC, analysis=analysis))
    world.edit(model=V2)
    return world.until(in_step(1))


@pytest.mark.parametrize("reason", ["BadQuery", "Forbidden", "Refused", "Redirected", "CredentialsUnusable"])
def test_a_refused_query_is_stalled_until_it_is_mended(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    world = rolling()
    refusal = NoLook(Verdict.ERROR, reason, "metric source 'default': refuses the query", permanent=True)
    with monkeypatch.context() as broken:
        broken.setattr(world.metrics, "look", lambda *_: refusal)
        world.tick(60)
        assert world.condition("Stalled") == ("True", reason)
        assert world.condition("Ready") == ("False", reason)
        assert (world.weight, world.status.rejected) == (10, ())
    world.until(lambda w: w.condition("Stalled") is None, limit=30)
    world.until(lambda w: w.live_version == "v2")


def test_what_may_answer_later_is_not_a_persons_to_mend() -> None:
    world = rolling()
    world.metrics.up = False
    world.tick(60)
    assert world.condition("Stalled") is None
    assert world.condition("Ready") == ("False", "MetricsUnavailable")


def test_a_deadline_may_pause_instead_and_a_person_gives_it_as_much_time_again() -> None:
    world = rolling(progress_deadline=timedelta(minutes=2), on_deadline=OnDeadline.PAUSE)
    world.metrics.up = False
    world.tick(180)
    assert world.condition("Paused") == ("True", "ProgressDeadlineExceeded")
    assert (world.weight, world.status.rejected) == (10, ())
    world.metrics.up = True
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")
