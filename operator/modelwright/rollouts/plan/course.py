"""From any strategy to the one list of legs that the planner knows: what the candidate is given, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from modelwright.api.ab_test import Audience
from modelwright.api.audience import match_of, percent_of
from modelwright.api.rollout import BlueGreen, MatchType, OnPassed, Promote, RolloutSpec, Shadow, StepStatus
from modelwright.api.steering import Waived
from modelwright.traffic.route import HEADER_MATCH, MIRROR, REGULAR_EXPRESSION_MATCH, Split

PAUSED = "Paused"
APPROVAL_REQUIRED = "ApprovalRequired"
PERSONS = (PAUSED, APPROVAL_REQUIRED)
"""Reasons for which a leg itself waits for a person."""


@dataclass(frozen=True)
class Leg:
    """One leg of the way to 100 %.

    `hold` counts only while every guardrail that is due passes. In a pause it is plain time, and a pause with `awaits`,
    the reason why a person is needed, ends when that person promotes. `full_scale`: all pods at once. In the holdback,
    the last leg if there is one, stable keeps a share as a control.
    """

    split: Split
    hold: timedelta
    is_pause: bool = False
    awaits: str = ""
    full_scale: bool = False
    is_holdback: bool = False


@dataclass(frozen=True)
class Course:
    """`legs` are gone through in order; then come 100 % and `bake_time`, unless it `concludes` there."""

    legs: tuple[Leg, ...]
    bake_time: timedelta
    concludes: bool = False

    @property
    def stretches(self) -> int:
        """How often evidence begins anew on the way to 100 %: a pause goes on with that of the leg before."""
        return sum(1 for leg in self.legs if not leg.is_pause)

    @property
    def needs(self) -> frozenset[str]:
        """What the router has to support."""
        testers = [match for leg in self.legs for match in leg.split.testers]
        found = {MIRROR} if any(leg.split.mirror for leg in self.legs) else set()
        found |= {HEADER_MATCH} if testers else set()
        patterns = any(match.type is MatchType.REGULAR_EXPRESSION for match in testers)
        return frozenset(found | ({REGULAR_EXPRESSION_MATCH} if patterns else set()))


def course_of(spec: RolloutSpec) -> Course:
    """The way that the strategy of `spec` goes, and the holdback after it."""
    course, holdback = _of_strategy(spec), spec.promotion.holdback
    if holdback is None or course.concludes:
        return course
    control = Leg(_share(spec, 100 - holdback.weight), holdback.lasts, full_scale=True, is_holdback=True)
    return replace(course, legs=(*course.legs, control))


def without_holdback(course: Course) -> Course:
    return replace(course, legs=tuple(leg for leg in course.legs if not leg.is_holdback))


def _of_strategy(spec: RolloutSpec) -> Course:
    bake_time = spec.promotion.bake_time
    if spec.blue_green:
        return Course(_blue_green(spec.blue_green), bake_time)
    if spec.shadow:
        return Course(_shadow(spec.shadow), bake_time, concludes=spec.shadow.on_passed is OnPassed.CONCLUDE)
    if spec.ab_test:
        testers = (match_of(spec.ab_test.audience),)
        return Course((Leg(Split(testers=testers), spec.ab_test.min_duration),), bake_time)
    # A last step of 100 % is what the bake time is, and adds its hold to it.
    at_100 = sum((step.hold for step in spec.steps if step.weight == 100), timedelta(0))
    return Course(_canary(spec), bake_time + at_100)


def shortened(course: Course, waived: Waived) -> Course:
    """What is left of `course` for a rollout that is spared something: 100 % at once, and the bake time or not."""
    return Course((), timedelta(0) if waived is Waived.STEPS_AND_BAKE else course.bake_time)


def new_step(course: Course, number: int, split: Split, now: datetime, before: StepStatus | None = None) -> StepStatus:
    """The step of leg `number`, before anything was asked of the route for it.

    While its pods come up, it is judged on the evidence of the step `before`.
    """
    return StepStatus(
        number,
        max(1, len(course.legs)),
        split.weight,
        now,
        mirror=split.mirror or None,
        testers=split.testers,
        evidence_since=before.evidence_since if before else None,
        stretch=before.stretch if before else 0,
    )


def audience_of(spec: RolloutSpec, split: Split) -> int:
    """The percent of all users that `split` gives, in an A/B test or a sticky canary; 0 where it has no such share."""
    if spec.sticky_by:
        return percent_of(split.testers, spec.sticky_by)
    test = spec.ab_test
    return test.audience.percent if test and split.testers == (match_of(test.audience),) else 0


def share_of(spec: RolloutSpec, split: Split) -> int:
    """The percent of all answers that `split` gives, be it of requests or of users. Testers are no share."""
    return split.weight or audience_of(spec, split)


def said_of(spec: RolloutSpec, split: Split) -> str:
    """`split` in words."""
    percent = audience_of(spec, split)
    return f"{percent} % of the audience" if percent else str(split)


def split_of(step: StepStatus) -> Split:
    """What the running step asks for."""
    return Split(step.weight, step.mirror or 0, step.testers)


def _canary(spec: RolloutSpec) -> tuple[Leg, ...]:
    legs: list[Leg] = []
    for step in (step for step in spec.steps if step.weight != 100):
        if step.pause:
            before = legs[-1].split if legs else Split()
            hold = step.pause.hold
            legs.append(Leg(before, hold or timedelta(0), is_pause=True, awaits="" if hold else PAUSED))
        else:
            split = _share(spec, step.weight) if step.weight else Split(0, step.shadow or 0, step.match)
            legs.append(Leg(split, step.hold))
    return tuple(legs)


def _share(spec: RolloutSpec, percent: int) -> Split:
    """`percent` of all requests; of the users where the canary is sticky: of those from the first bucket up.

    So each step has all users of the step before, and nobody who met the candidate leaves it on the way up.
    """
    by = spec.sticky_by
    return Split(testers=(match_of(Audience(percent, by.header, by.cookie)),)) if by else Split(percent)


def _blue_green(strategy: BlueGreen) -> tuple[Leg, ...]:
    preview = Leg(Split(), strategy.preview_hold, full_scale=True)
    if strategy.promote is Promote.WHEN_PASSED:
        return (preview,)
    return (preview, Leg(Split(), timedelta(0), is_pause=True, awaits=APPROVAL_REQUIRED, full_scale=True))


def _shadow(strategy: Shadow) -> tuple[Leg, ...]:
    return (Leg(Split(mirror=strategy.percent), strategy.hold),)
