"""What only a person can remove: the rollout says what it found and what it needs, and holds what it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.simulation.rollout_world import SPEC, V1, V2, World, in_step, serving_v1

from modelwright.api.rollout import Confirm, ManagedRoute, ModelRollout
from modelwright.metrics.configuration import MetricSource
from modelwright.traffic import managed_route

SOURCES = {
    "not configured": (MetricSource("other", "http://prometheus"),),
    "not for us": (MetricSource("default", "http://prometheus", namespaces=("another",)),),
}


def stalled(world: World) -> tuple[str, str]:
    condition = next(c for c in world.status.conditions if c.type == "Stalled")
    return condition.reason, condition.message


@pytest.mark.parametrize("sources", SOURCES.values(), ids=SOURCES)
def test_a_metric_source_that_cannot_be_used_starts_no_rollout(sources: tuple[MetricSource, ...]) -> None:
    world = serving_v1()
    world.sources = sources
    world.edit(model=V2)
    world.tick(60)
    assert world.at_rest()
    assert world.weight == 0
    reason, message = stalled(world)
    assert reason == "InvalidSpec"
    assert message.startswith("spec.analysis.source: metric source 'default' ")
    assert "usable here: " in message


@pytest.mark.parametrize("sources", SOURCES.values(), ids=SOURCES)
def test_a_metric_source_that_is_taken_away_in_a_step_holds_the_weight(sources: tuple[MetricSource, ...]) -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    before, world.sources = world.sources, sources
    world.tick(120)
    assert world.weight == 10
    assert stalled(world)[0] == "InvalidSpec"
    world.sources = before
    world.until(lambda w: w.live_version == "v2")


def test_a_first_version_goes_live_without_its_metric_source() -> None:
    world = World()
    world.sources = ()
    world.until(World.at_rest)
    assert world.live_version == "v1"
    assert stalled(world)[0] == "InvalidSpec"


def test_who_asks_no_metric_needs_no_source() -> None:
    spec = replace(SPEC, confirm=Confirm.ROUTE_ACCEPTED, analysis=replace(SPEC.analysis, metrics=()))
    world = World(spec=spec)
    world.sources = ()
    world.until(World.at_rest)
    assert world.condition("Ready") == ("True", "Promoted")


def test_a_gateway_that_never_answers_is_told_after_a_grace_and_forgotten_once_it_does() -> None:
    world = World()
    world.gateway_exists = False
    world.until(lambda w: w.weight == 0)
    world.tick(20)
    assert world.condition("Ready") == ("False", "Progressing")
    assert world.condition("Stalled") is None
    world.tick(15)
    reason, message = stalled(world)
    assert reason == "RouteNotAccepted"
    assert message.startswith("no Gateway has answered for parentRefs 'public': create it")
    world.gateway_exists = True
    world.until(World.at_rest)
    assert world.condition("Stalled") is None


def test_a_gateway_that_vanishes_at_rest_starts_no_rollout() -> None:
    world = serving_v1()
    world.tick(60)
    world.gateway_exists = False
    world.edit(model=V2)
    world.tick(5)
    assert stalled(world)[0] == "RouteNotAccepted"
    assert world.at_rest()
    world.gateway_exists = True
    world.until(lambda w: w.live_version == "v2")


def test_what_is_under_way_is_looked_at_again_even_if_nothing_wakes_it() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.tick()
    while not world.at_rest():
        again = world.plan().requeue_after
        assert again is not None
        assert again <= timedelta(seconds=30)
        world.tick()


ROUTE = {
    "metadata": {
        "name": "churn",
        "namespace": "ml",
        "generation": 2,
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-21T08:00:00Z",
        "managedFields": [
            {"manager": "modelwright", "time": "2026-11-21T08:01:00Z"},
            {"manager": "gateway", "time": "2026-11-21T08:09:00Z", "subresource": "status"},
        ],
    },
    "status": {
        "parents": [{"parentRef": {"name": "public", "namespace": "ml"}, "controllerName": "c", "conditions": []}]
    },
}


def test_a_parent_is_silent_until_somebody_answered_for_exactly_it() -> None:
    parents = ({"name": "public"}, {"name": "public", "sectionName": "https"}, {"name": "public", "namespace": "infra"})
    rollout = ModelRollout("ml", "churn", "uid", 1, "1", replace(SPEC, model=V1, route=ManagedRoute(parents)))
    seen = managed_route.read(rollout, ROUTE, "modelwright")
    assert seen.silent == ("'public'", "'public'")
    assert seen.written_at == datetime(2026, 11, 21, 8, 1, tzinfo=UTC)
    assert seen.accepted is None
