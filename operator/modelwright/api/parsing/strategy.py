"""Reading the strategy of a ModelRollout: the union of ways to full traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from modelwright.api.ab_test import ABTest, Bucket
from modelwright.api.fields import Fields
from modelwright.api.parsing.ab_test import ab_test, bucket
from modelwright.api.rollout import BlueGreen, HeaderMatch, MatchType, OnPassed, Pause, Promote, Shadow, Step

DEFAULT_STEPS = (Step(10, timedelta(minutes=5)), Step(50, timedelta(minutes=5)))


@dataclass(frozen=True)
class Strategy:
    """Exactly one of them is set; `sticky_by` goes with `steps`."""

    steps: tuple[Step, ...] = ()
    sticky_by: Bucket | None = None
    blue_green: BlueGreen | None = None
    shadow: Shadow | None = None
    ab_test: ABTest | None = None


def strategy_of(fields: Fields) -> Strategy:
    match fields.exactly_one("canary", "blueGreen", "shadow", "abTest"):
        case "canary":
            canary = fields.section("canary")
            by = canary.maybe_section("stickyBy")
            return Strategy(_steps(canary), bucket(by) if by else None)
        case "blueGreen":
            return Strategy(blue_green=_blue_green(fields.section("blueGreen")))
        case "abTest":
            return Strategy(ab_test=ab_test(fields.section("abTest")))
        case _:
            return Strategy(shadow=_shadow(fields.section("shadow")))


def _steps(canary: Fields) -> tuple[Step, ...]:
    steps = tuple(_step(step) for step in canary.some_sections("steps"))
    weights = [step.weight for step in steps if step.weight is not None]
    if any(later <= earlier for earlier, later in pairwise(weights)):
        raise canary.refuse("steps", f"must rise in `weight` from step to step, found {weights}")
    weighted = [step.weight is not None for step in steps if not step.pause]
    if weighted != sorted(weighted):
        raise canary.refuse("steps", "must have every `shadow` and `match` before the first `weight`")
    if not any(step.weight or step.shadow for step in steps):
        raise canary.refuse("steps", "must have a step with `weight` or `shadow`")
    return steps


def _step(fields: Fields) -> Step:
    kind = fields.exactly_one("weight", "shadow", "match", "pause")
    if kind == "pause":
        if fields.has("hold"):
            raise fields.refuse("hold", "must not stand beside `pause`, which has its own")
        return Step(pause=Pause(fields.section("pause").maybe_duration("hold")))
    return Step(
        weight=fields.maybe_integer("weight"),
        hold=_hold(fields),
        shadow=fields.maybe_integer("shadow"),
        match=headers(fields.section("match")) if kind == "match" else (),
    )


def _hold(fields: Fields) -> timedelta:
    # A rule of the schema asks for it, as a pause has none.
    hold = fields.maybe_duration("hold")
    if hold is None:
        raise fields.refuse("hold", "must be set beside anything but `pause`")
    return hold


def headers(fields: Fields) -> tuple[HeaderMatch, ...]:
    return tuple(
        HeaderMatch(header.text("name"), header.text("value"), header.choice("type", MatchType, HeaderMatch.type))
        for header in fields.some_sections("headers")
    )


def _blue_green(fields: Fields) -> BlueGreen:
    return BlueGreen(
        preview_hold=fields.duration("previewHold", BlueGreen.preview_hold),
        promote=fields.choice("promote", Promote, BlueGreen.promote),
    )


def _shadow(fields: Fields) -> Shadow:
    return Shadow(
        percent=fields.integer("percent"),
        hold=fields.duration("hold"),
        on_passed=fields.choice("onPassed", OnPassed, Shadow.on_passed),
    )
