"""Webhooks around steps, in simulated rollouts: a denial holds, silence holds, and nobody stands in the way back."""

from __future__ import annotations

import json
from dataclasses import replace

from tests.simulation.rollout_world import SPEC, V2, World, in_step, serving_v1

from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome

HOOKED = replace(SPEC, before_step=("freeze",), after_step=("chat",))
ALLOWED = Heard(Outcome.ALLOWED)
DENIED = Heard(Outcome.DENIED, "webhook 'freeze' denies it (HTTP 403)")
SILENT = Heard(Outcome.UNANSWERED, "webhook 'freeze': did not answer within 5s")


def hooked(heard: Heard | None = ALLOWED) -> World:
    world = serving_v1(spec=HOOKED)
    world.webhooks = {name: Webhook(name, f"https://{name}", "/key") for name in ("freeze", "chat")}
    world.heard = heard
    world.edit(model=V2)
    return world


def calls(world: World, moment: Moment) -> list[Call]:
    return [call for call in world.told if call.moment is moment]


def test_every_step_is_asked_for_and_told_of() -> None:
    world = hooked().until(lambda w: w.live_version == "v2")
    asked = dict.fromkeys(call.body for call in calls(world, Moment.BEFORE_STEP))
    assert [json.loads(body)["step"]["weight"] for body in asked] == [10, 50, 100]
    told = [json.loads(call.body) for call in calls(world, Moment.AFTER_STEP)]
    assert [(body["step"]["number"], body["step"]["weight"]) for body in told] == [(1, 10), (2, 50)]
    assert told[0]["candidate"]["version"] == "v2"


def test_a_denial_holds_until_it_is_lifted() -> None:
    world = hooked(DENIED)
    world.tick(120)
    assert world.weight == 0
    assert world.status.rejected == ()
    assert world.condition("Ready") == ("False", "WebhookDenied")
    world.heard = ALLOWED
    world.until(in_step(1))
    world.heard = DENIED
    world.tick(120)
    assert world.weight == 10
    world.heard = ALLOWED
    world.until(lambda w: w.live_version == "v2")


def test_silence_holds() -> None:
    world = hooked(None)
    world.tick(60)
    assert world.condition("Ready") == ("False", "WebhookUnanswered")
    world.heard = SILENT
    world.tick(60)
    assert world.weight == 0
    assert world.condition("Ready") == ("False", "WebhookUnanswered")


def test_nobody_stands_in_the_way_of_a_rollback() -> None:
    world = hooked().until(in_step(2))
    world.heard = DENIED
    world.error_rate["v2"] = 0.6
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.weight == 0


def test_nobody_stands_in_the_way_back_by_command() -> None:
    world = serving_v1(spec=SPEC)
    v1 = world.status.stable
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.spec = HOOKED
    world.webhooks, world.heard = {name: Webhook(name, "https://x", "/key") for name in ("freeze", "chat")}, DENIED
    assert v1
    world.command("rollback", "1", v1.revision)
    world.until(lambda w: w.live_version == "v1")


def test_a_webhook_that_nobody_configured_is_told_and_holds() -> None:
    world = hooked()
    world.webhooks = {}
    world.tick(60)
    assert world.weight == 0
    assert world.condition("Stalled") == ("True", "InvalidSpec")
    world.error_rate["v2"] = 0.0
    assert world.told == []
