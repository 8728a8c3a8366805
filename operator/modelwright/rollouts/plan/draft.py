"""The sheet of paper of one pass: stages write on it, and `finish` turns it into a frozen plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from modelwright.api.rollout import Arm, Candidate, ManagedRoute, RolloutSpec, RolloutStatus, Stage
from modelwright.api.steering import ROLLBACK, Waived
from modelwright.rollouts.actions import Action, WriteRoute
from modelwright.rollouts.observation import Observation
from modelwright.rollouts.plan.course import Course, Leg, audience_of, course_of, shortened, split_of, without_holdback
from modelwright.traffic.route import Split


class Mood(StrEnum):
    """How a deployment tool shall read the rollout: the rows of the status table in docs/status.md."""

    RESTING = "Resting"
    MOVING = "Moving"
    WAITING_FOR_A_PERSON = "WaitingForAPerson"
    HOLDING = "Holding"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    STALLED = "Stalled"


@dataclass(frozen=True)
class Headline:
    """What `kubectl get` shall say. The message holds no countdown: it changes only when the situation does."""

    mood: Mood
    reason: str
    message: str


@dataclass(frozen=True)
class News:
    """An event to emit once the status that tells the same is saved. `type` is Normal or Warning."""

    type: str
    reason: str
    message: str


@dataclass(frozen=True)
class Plan:
    """What to do, in order; the status to write; what to ask of the metric sources; when to look again.

    `urgent` marks a rollback: route and status are then written side by side, and neither waits for the other.
    """

    actions: tuple[Action, ...]
    status: RolloutStatus
    news: tuple[News, ...] = ()
    questions: tuple[Any, ...] = ()
    requeue_after: timedelta | None = None
    urgent: bool = False


@dataclass
class Draft:
    seen: Observation
    now: datetime
    status: RolloutStatus
    actions: list[Action] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    waits: list[timedelta] = field(default_factory=list)
    headline: Headline | None = None
    urgent: bool = False

    @property
    def spec(self) -> RolloutSpec:
        return self.seen.rollout.spec

    @property
    def stable(self) -> Arm:
        assert self.status.stable is not None, "a stage that needs a stable revision was planned without one"
        return self.status.stable

    @property
    def candidate(self) -> Candidate:
        assert self.status.candidate is not None, "a stage that needs a candidate was planned without one"
        return self.status.candidate

    @property
    def writes_route(self) -> bool:
        """Whether this pass lowers the weight already: then nothing may raise it on what was read before."""
        return any(isinstance(action, WriteRoute) for action in self.actions)

    @property
    def route_is_outdated(self) -> bool:
        """Whether a route that we make is not what the spec asks for, whatever it gives the candidate."""
        route = self.seen.route
        return isinstance(self.spec.route, ManagedRoute) and route is not None and not route.as_wanted

    def change(self, **fields: Any) -> None:
        self.status = replace(self.status, **fields)

    def change_step(self, **fields: Any) -> None:
        assert self.status.step is not None, "there is no step to change"
        self.change(step=replace(self.status.step, **fields))

    @property
    def given(self) -> Split:
        """What the candidate was given last, as recorded."""
        known = self.status.candidate
        return Split(known.weight, known.mirror or 0, known.testers) if known else Split()

    @property
    def course(self) -> Course:
        course, shortcut, pin = course_of(self.spec), self.status.shortcut, self.status.pin
        if shortcut:
            return shortened(course, shortcut.waived)
        # Who goes back keeps nobody on what is left.
        goes_back = pin is not None and pin.verb == ROLLBACK
        left = self.status.stable is not None and self.status.stable.revision in {
            known.revision for known in self.status.rejected
        }
        return without_holdback(course) if goes_back or left else course

    @property
    def hurries(self) -> bool:
        """Whether a person waived all waiting but that for ready endpoints and the route. A Fail still counts."""
        return self.status.shortcut is not None and self.status.shortcut.waived is Waived.STEPS_AND_BAKE

    @property
    def leg(self) -> Leg | None:
        """The leg under way, None at 100 % and where no step is."""
        step, legs = self.status.step, self.course.legs
        if step is None or self.status.stage is not Stage.STEPPING or not legs:
            return None
        return legs[min(step.number, len(legs)) - 1]

    @property
    def holds_back(self) -> bool:
        """Whether all but a control has the candidate: it has shown all that was asked before, and waits for labels."""
        leg, step = self.leg, self.status.step
        return bool(leg and leg.is_holdback and step and step.asked_at and self.given == split_of(step))

    def give(self, split: Split) -> None:
        """Record what the route is asked for. It is saved after the route was written, never before."""
        given = replace(
            self.candidate,
            weight=split.weight,
            mirror=split.mirror or None,
            testers=split.testers,
            audience=audience_of(self.spec, split) or None,
        )
        self.change(candidate=given, stable=replace(self.stable, weight=100 - split.weight))

    def do(self, action: Action) -> None:
        if action not in self.actions:
            self.actions.append(action)

    def tell(self, reason: str, message: str, *, warn: bool = False) -> None:
        self.news.append(News("Warning" if warn else "Normal", reason, message))

    def look_again(self, after: timedelta) -> None:
        self.waits.append(max(after, timedelta(milliseconds=100)))

    def say(self, mood: Mood, reason: str, message: str) -> None:
        self.headline = Headline(mood, reason, message)
