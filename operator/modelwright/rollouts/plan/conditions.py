"""From the headline of a pass to conditions that kstatus, Flux, Helm and Argo CD read right."""

from __future__ import annotations

from datetime import datetime

from modelwright.api.conditions import Condition, carry_over
from modelwright.api.rollout import ModelRollout, RolloutStatus
from modelwright.rollouts.plan.course import share_of
from modelwright.rollouts.plan.draft import Headline, Mood
from modelwright.traffic.route import Split

READY_REASON = {
    Mood.MOVING: "Progressing",
    Mood.ROLLING_BACK: "RollingBack",
    Mood.ROLLED_BACK: "RolledBack",
}
"""Moods whose Ready condition has one reason; the others show the reason of the headline itself."""

PHASE = {
    Mood.RESTING: "Healthy",
    Mood.MOVING: "Progressing",
    Mood.WAITING_FOR_A_PERSON: "Paused",
    Mood.HOLDING: "Progressing",
    Mood.ROLLING_BACK: "Degraded",
    Mood.ROLLED_BACK: "Degraded",
    Mood.STALLED: "Degraded",
}
"""For the eye only: the words that Argo CD's users know."""


def phase_of(mood: Mood, *, holds_back: bool) -> str:
    return PHASE[Mood.RESTING if holds_back and mood is Mood.MOVING else mood]


def conditions_of(
    rollout: ModelRollout,
    status: RolloutStatus,
    headline: Headline,
    now: datetime,
    *,
    serving: bool,
    holds_back: bool = False,
    behind: str = "",
) -> tuple[Condition, ...]:
    """`serving`: stable has ready endpoints. `holds_back`: all but a control has the candidate, for days.
    `behind`: what to commit that Git does not have, "" where there is nothing.

    Reconciling and Stalled are present only while True.
    """
    generation, mood = rollout.generation, headline.mood

    def condition(type_: str, is_true: bool, reason: str, message: str) -> Condition:
        return Condition(type_, "True" if is_true else "False", reason, message, generation)

    holds_back = holds_back and mood in (Mood.MOVING, Mood.HOLDING)
    moving = mood in (Mood.MOVING, Mood.HOLDING, Mood.ROLLING_BACK)
    stalled = mood in (Mood.ROLLED_BACK, Mood.STALLED)
    reason = READY_REASON.get(mood, headline.reason)
    nobody_released = rollout.spec.model_from is not None and status.stable is not None
    found = []
    if nobody_released and mood is not Mood.STALLED:
        # Nobody applied a release, so no deployment tool may wait for one: ready means that stable serves.
        assert status.stable is not None
        version = status.stable.model.version
        ready_reason = "Serving" if serving else "StableUnavailable"
        found.append(condition("Ready", serving, ready_reason, f"{version} serves" if serving else headline.message))
    elif holds_back:
        # What was released serves, and passed all that was asked before: no deployment tool shall wait for its labels.
        found.append(condition("Ready", True, "Holdback", headline.message))
    else:
        found.append(condition("Ready", mood is Mood.RESTING, reason, headline.message))
        if moving:
            found.append(condition("Reconciling", True, reason, headline.message))
        if stalled:
            found.append(condition("Stalled", True, headline.reason, headline.message))
    found.append(condition("Progressing", moving, headline.reason, headline.message))
    if holds_back and status.stable and status.candidate:
        given = share_of(rollout.spec, Split(status.candidate.weight, testers=status.candidate.testers))
        says = f"{100 - given} % stay on {status.stable.model.version} as a control"
        found.append(condition("Holdback", True, "ControlHeld", says))
    if mood is Mood.WAITING_FOR_A_PERSON:
        found.append(condition("Paused", True, headline.reason, headline.message))
    if mood is Mood.ROLLED_BACK:
        found.append(condition("RolledBack", True, headline.reason, headline.message))
    if status.pin:
        by = f" by {status.pin.actor}" if status.pin.actor else ""
        found.append(condition("Pinned", True, "Pinned", f"to {status.pin.model.version}{by}, until `unpin`"))
    if behind:
        found.append(condition("GitBehind", True, "NotCommitted", behind))
    return carry_over(found, status.conditions, now)
