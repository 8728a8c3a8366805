"""Webhooks around steps, in simulated rollouts: a denial holds, silence holds, and nobody stands in the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.simulation.rollout_world import SPEC, V2, V3, World, in_step, serving_v1

from modelwright.api.models import Model
from modelwright.api.rollout import Rejection
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.history import record
from modelwright.rollouts.plan.telling import tell_ended
from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome

HOOKED = replace(SPEC, before_step=("freeze",), after_step=("chat",))
ENDS = replace(SPEC, after_rollout=("chat",))
ALLOWED = Heard(Outcome.ALLOWED)
DENIED = Heard(Outcome.DENIED, "webhook 'freeze' denies it (HTTP 403)")
SILENT = Heard(Outcome.UNANSWERED, "webhook 'freeze': did not answer within 5s")


def hooked(heard: Heard | None = ALLOWED) -> World:
    world = serving_v1(spec=HOOKED)
    world.webhooks = {name: Webhook(name, f"https://{name}", "/key") for name in ("freeze", "chat")}
    world.heard = heard
    world.edit(model=V2)
    return world


def replace_spec(world: World, **fields: Any) -> World:
    world.edit(**fields)
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


def test_a_restarted_operator_tells_nobody_again() -> None:
    world = hooked().until(in_step(2))
    assert len(calls(world, Moment.AFTER_STEP)) == 1
    world.restart()
    world.tick(10)
    assert len(calls(world, Moment.AFTER_STEP)) == 1
    assert world.status.untold == ()


def test_who_did_not_answer_is_told_again_under_the_same_id_also_when_the_rollout_is_over() -> None:
    world = replace_spec(hooked(), before_step=())
    world.heard = SILENT
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.restart()
    world.tick(30)
    told = calls(world, Moment.AFTER_STEP)
    ids = list(dict.fromkeys(call.id for call in told))
    assert len(ids) == len(world.status.untold) == 2
    assert len(told) > 4
    world.heard = ALLOWED
    world.tick(30)
    assert not world.status.untold
    before = len(world.told)
    world.tick(60)
    assert len(world.told) == before


def test_after_an_hour_it_is_no_news_any_more() -> None:
    world = replace_spec(hooked(), before_step=())
    world.webhooks = {"freeze": world.webhooks["freeze"], "chat": Webhook("chat", "https://chat", "/key")}
    world.heard = SILENT
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.step = 30
    world.tick(3600)
    assert world.status.untold == ()
    warned = [message for _, reason, message in world.news if reason == "WebhookNotTold"]
    assert warned == [f"{SILENT.message}: it was not told that a step has passed"] * 2


def test_a_revision_that_is_tried_again_has_calls_of_its_own() -> None:
    world = hooked().until(in_step(2))
    world.command("abort")
    world.until(World.at_rest, limit=120)
    world.command("retry", id_="2", revision=world.status.history[0].revision)
    world.until(in_step(2))
    told = calls(world, Moment.AFTER_STEP)
    assert len({call.id for call in told}) == len(told) == 2


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


def ends(world: World) -> list[tuple[str, str, str]]:
    told = [json.loads(call.body) for call in calls(world, Moment.AFTER_ROLLOUT)]
    return [(body["candidate"]["version"], body["result"], body["stable"]["version"]) for body in told]


def told_at_the_end(**fields: Any) -> World:
    world = World(spec=ENDS, **fields)
    world.webhooks, world.heard = {"chat": Webhook("chat", "https://chat", "/key")}, ALLOWED
    return world


def test_how_each_rollout_ends_is_told_once_with_the_reason_of_a_rejection() -> None:
    world = told_at_the_end(error_rate={"v3": 0.6})
    world.until(lambda w: w.live_version == "v1")
    world.edit(model=V2)
    world.until(lambda w: w.live_version == "v2" and w.at_rest())
    world.edit(model=V3)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    world.restart()
    world.tick(30)
    assert ends(world) == [("v1", "Promoted", "v1"), ("v2", "Promoted", "v2"), ("v3", "RolledBack", "v2")]
    assert world.status.untold == ()
    reasons = [json.loads(call.body)["reason"] for call in calls(world, Moment.AFTER_ROLLOUT)]
    assert [bool(reason) for reason in reasons] == [False, False, True]
    assert reasons[2] == world.status.rejected[0].reason


def test_an_end_by_a_person_or_by_a_newer_model_is_told_too_also_without_steps() -> None:
    world = told_at_the_end().until(lambda w: w.live_version == "v1")
    world.edit(model=V2)
    world.until(in_step(1))
    world.edit(model=V3)
    world.until(lambda w: bool(w.status.candidate and w.status.candidate.model == V3))
    world.until(in_step(1))
    world.command("promote-full")
    world.until(lambda w: w.live_version == "v3")
    world.tick(5)
    assert ends(world)[1:] == [("v2", "Superseded", "v1"), ("v3", "Promoted", "v3")]


def test_a_way_back_does_not_wait_for_who_is_told_of_its_end() -> None:
    world = told_at_the_end(error_rate={"v2": 0.6}).until(lambda w: w.live_version == "v1")
    world.heard = SILENT
    world.edit(model=V2)
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.weight == 0
    assert [untold.webhook for untold in world.status.untold][-1:] == ["chat"]
    world.edit(model=V3)
    world.until(lambda w: w.live_version == "v3")


def test_what_is_still_to_be_told_always_fits_into_status() -> None:
    world = told_at_the_end().until(lambda w: w.live_version == "v1")
    longest = {"version": "v" * 63, "uri": "s3://" + "ü" * 1019, "digest": "sha256:" + "0" * 64}
    assert world.status.stable
    world.status = replace(world.status, stable=replace(world.status.stable, model=Model(**longest)))
    world.heard = SILENT
    world.edit(model=Model("w" * 63, longest["uri"], longest["digest"]))
    world.until(in_step(1))
    assert world.status.candidate
    revision = world.status.candidate.revision
    told = Rejection(revision, longest["digest"], world.now, '"' * 4096)
    draft = Draft(world.observe(), world.now, world.status)
    draft.change(rejected=(told,))
    record(draft, revision, "w" * 63, "RolledBack")
    tell_ended(draft)
    assert draft.status.untold
    assert max(len(untold.body) for untold in draft.status.untold) <= 4096
