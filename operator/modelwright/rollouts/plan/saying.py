"""What a step waits for, in words that change when the situation does: no countdown, no live number."""

from __future__ import annotations

from collections.abc import Sequence

from modelwright.analysis.verdict import Verdict
from modelwright.api.rollout import Stage
from modelwright.rollouts.plan.course import said_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.forecast import remaining
from modelwright.rollouts.plan.freezing import not_compared
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.obstacles import route_obstacle
from modelwright.rollouts.plan.spending import allocation_of

DOUBTS = ("StableUnhealthy", "PerhapsWorse")
"""Reasons for which more evidence is not all that is needed."""


def where(draft: Draft) -> str:
    step, candidate = draft.status.step, draft.candidate
    assert step is not None
    place = "baking" if draft.status.stage is Stage.BAKING else f"step {step.number} of {step.of}"
    if (names := not_compared(draft)) and not draft.hurries:
        place = f"{place}, {names} not compared with {draft.stable.model.version}"
    if draft.holds_back:
        place = f"holdback beside {draft.stable.model.version}"
    return f"{said_of(draft.spec, draft.given)} to {candidate.model.version}, {place}"


def said(draft: Draft, item: Judged) -> str:
    """What status says of a metric: the numbers of its last transition, as those of now change with every look."""
    known = next((status.message for status in draft.status.metrics if status.name == item.metric.name), "")
    return f"{item.metric.name}: {known or item.finding.message}"


def say_what_is_awaited(draft: Draft, judged: Sequence[Judged], *, to_promote: bool) -> None:
    """`to_promote`: the hold is over, and nothing but the verdicts for 100 % is awaited."""
    blocking = next((item for item in judged if not item.lets_hold), None)
    undecided = [item for item in judged if not item.lets_promote]
    if blocking is None and to_promote and undecided:
        say_not_decided(draft, undecided)
    elif blocking is None or blocking.finding.reason == "NotYetMeasured":
        draft.say(Mood.MOVING, "StepRunning", where(draft))
    elif blocking.finding.verdict in (Verdict.NO_DATA, Verdict.ERROR):
        reason = "MetricsUnavailable" if blocking.finding.verdict is Verdict.ERROR else blocking.finding.reason
        draft.say(Mood.HOLDING, reason, f"{where(draft)}: {said(draft, blocking)}; weight held")
    elif blocking.finding.verdict is Verdict.FAIL or blocking.finding.reason in DOUBTS:
        draft.say(Mood.HOLDING, blocking.finding.reason, f"{where(draft)}: {said(draft, blocking)}; weight held")
    else:
        say_not_decided(draft, [blocking])


def say_not_decided(draft: Draft, blocking: Sequence[Judged]) -> None:
    """With a forecast of the moment in which waiting began."""
    names = ", ".join(item.metric.name for item in blocking)
    message = f"{where(draft)}: not enough evidence yet for {names}"
    before = next((condition for condition in draft.status.conditions if condition.type == "Progressing"), None)
    if before and before.reason == "NotYetDecided" and before.message.startswith(message):
        message = before.message
    elif forecast := remaining(blocking, lambda metric: allocation_of(draft.status, draft.spec, metric.name)):
        message = f"{message}; {forecast}"
    draft.say(Mood.MOVING, "NotYetDecided", message)


def is_obstructed(draft: Draft) -> bool:
    """Whether a person has to do something about the route; what that is is then said."""
    obstacle = route_obstacle(draft)
    if obstacle:
        draft.say(Mood.STALLED, obstacle.reason, obstacle.message)
    return obstacle is not None


def say_route(draft: Draft) -> None:
    if not is_obstructed(draft):
        draft.say(Mood.MOVING, "WaitingForRoute", f"{where(draft)}: the route has not confirmed its weights yet")
