"""By replica ratio pods are traffic: they are added only when the step may have it, not while it is still asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import ReplicaRatio, Step
from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Heard, Outcome

STEPS = tuple(Step(weight, timedelta(seconds=20)) for weight in (20, 50))
BY_PODS = replace(SPEC, route=ReplicaRatio(), steps=STEPS, before_step=("freeze",))
ALLOWED, DENIED = Heard(Outcome.ALLOWED), Heard(Outcome.DENIED, "webhook 'freeze' denies it (HTTP 403)")


def in_first_step() -> World:
    world = serving_v1(spec=BY_PODS)
    world.webhooks, world.heard = {"freeze": Webhook("freeze", "https://freeze", "/key")}, ALLOWED
    world.edit(model=V2)
    return world.until(in_step(1))


def pods(world: World) -> int:
    assert world.status.candidate
    return world.deployments[world.status.candidate.revision].wanted


def test_a_step_that_a_webhook_denies_gets_no_pods_beforehand() -> None:
    world = in_first_step()
    assert pods(world) == 1
    world.heard = DENIED
    world.tick(120)
    assert world.condition("Ready") == ("False", "WebhookDenied")
    assert pods(world) == 1
    world.heard = ALLOWED
    world.until(in_step(2))
    assert pods(world) == 4
    world.until(lambda w: w.live_version == "v2")


def test_without_fresh_looks_the_next_step_gets_no_pods() -> None:
    world = in_first_step()
    world.heard = DENIED
    world.until(lambda w: w.condition("Ready") == ("False", "WebhookDenied"), limit=120)
    world.metrics.up, world.heard = False, ALLOWED
    world.tick(120)
    assert pods(world) == 1
    world.metrics.up = True
    world.until(in_step(2))
    assert pods(world) == 4


def test_pods_that_were_added_for_a_step_stay_while_they_start() -> None:
    world = in_first_step()
    seen = []
    while not in_step(2)(world):
        world.tick(1)
        seen.append(pods(world))
    assert seen == sorted(seen)


def test_an_autoscaler_that_scales_between_two_steps_is_followed() -> None:
    world = in_first_step()
    world.heard = DENIED
    world.until(lambda w: w.condition("Ready") == ("False", "WebhookDenied"), limit=120)
    world.edit(replicas=8)
    world.tick(10)
    assert pods(world) == 2
