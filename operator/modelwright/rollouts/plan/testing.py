"""The A/B test beside its goal: what it says while it runs, and how it ends undecided.

A goal that passes, and guardrails with it, lead to 100 % as in any strategy; harm leads back as anywhere. Here is what
is left: time that is over, or not worth waiting for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modelwright.analysis.goal_forecast import foresee
from modelwright.analysis.numbers import signed
from modelwright.analysis.weekly import Weekly
from modelwright.api.ab_test import OnUndecided
from modelwright.api.durations import format_duration
from modelwright.rollouts.plan import hold
from modelwright.rollouts.plan.asking import evidence_begins
from modelwright.rollouts.plan.course import audience_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.goals import growth, test_ends
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.pausing import conclude, pause
from modelwright.rollouts.plan.saying import said, where
from modelwright.rollouts.plan.spending import allocation_of

UNDECIDED = "Undecided"


def heed_end_of_test(draft: Draft, judged: Sequence[Judged]) -> bool:
    """Whether the test just ended undecided; what that means is then done."""
    goal, step, test = _goal_under_test(draft, judged), draft.status.step, draft.spec.ab_test
    if goal is None or step is None or test is None or step.released_at:
        return False
    left = test_ends(draft) - draft.now
    if left > timedelta(0):
        draft.look_again(left)
    held = hold.is_over(draft, test.min_duration)
    if left > timedelta(0) and not (held and goal.finding.reason == "Futile"):
        return False
    if all(item.lets_promote for item in judged):
        return False
    if any(item.lacks_data for item in judged):
        # Unknown is not undecided: who cannot see waits, as long as onNoData lets it.
        return False
    why = f"{goal.metric.name}: {goal.finding.message}"
    if left <= timedelta(0):
        why = f"not decided within {format_duration(test.max_duration)}: {_blocking(judged)}"
    _end(draft, test.on_undecided, why)
    return True


def say_test(draft: Draft, judged: Sequence[Judged]) -> bool:
    """Whether nothing but the goal is awaited; with a forecast of the moment in which waiting began."""
    goal, step = _goal_under_test(draft, judged), draft.status.step
    if goal is None or step is None or step.released_at or not all(item.lets_hold for item in judged):
        return False
    if goal.finding.reason == "SampleRatioMismatch":
        draft.say(Mood.HOLDING, "SampleRatioMismatch", f"{where(draft)}: {said(draft, goal)}; nothing but harm decides")
        return True
    if goal.lets_promote:
        return False
    message = f"{where(draft)}: tests {goal.metric.name}"
    before = next((condition for condition in draft.status.conditions if condition.type == "Progressing"), None)
    # A forecast is made once: one that moved with every look would write status with every look.
    if before and before.reason == "Testing" and before.message.startswith(f"{message};"):
        message = before.message
    elif forecast := _forecast(draft, goal):
        message = f"{message}; {forecast}"
    draft.say(Mood.MOVING, "Testing", message)
    return True


def _goal_under_test(draft: Draft, judged: Sequence[Judged]) -> Judged | None:
    if draft.leg is None or not audience_of(draft.spec, draft.given):
        return None
    return next((item for item in judged if item.metric.goal), None)


def _blocking(judged: Sequence[Judged]) -> str:
    return "; ".join(f"{item.metric.name}: {item.finding.message}" for item in judged if not item.lets_promote)


def _end(draft: Draft, on_undecided: OnUndecided, why: str) -> None:
    match on_undecided:
        case OnUndecided.KEEP_STABLE:
            conclude(draft, f"{why}; {draft.stable.model.version} goes on serving")
        case OnUndecided.PAUSE:
            # Who resumes gives it as much time again.
            draft.change_step(extended_at=draft.now)
            message = f"{why}: `promote` takes it as it is, `abort` leaves it, `resume` tests for as long again"
            pause(draft, UNDECIDED, message)
            draft.say(Mood.WAITING_FOR_A_PERSON, UNDECIDED, message)
        case OnUndecided.PROMOTE:
            test = draft.spec.ab_test
            assert test is not None
            draft.change_step(held=test.min_duration, released_at=draft.now)
            draft.tell(UNDECIDED, f"{why}: goes on to 100 %, as onUndecided says")
            draft.look_again(timedelta(0))
            draft.say(Mood.MOVING, "StepRunning", where(draft))


def _forecast(draft: Draft, goal: Judged) -> str:
    """The smallest increase that will show by the end at the traffic seen so far, "" before there is any."""
    evidence, found = goal.evidence, goal.metric.goal
    assert found is not None
    if not isinstance(evidence, Weekly) or evidence.until is None:
        return ""
    begins = evidence_begins(draft, goal.metric)
    if begins is None or evidence.until - begins < timedelta(hours=1):
        return ""
    grown = growth(found, evidence.until, begins, test_ends(draft))
    alpha = allocation_of(draft.status, draft.spec, goal.metric.name)
    foreseen = foresee(evidence.running, found.min_increase, alpha, growth=grown)
    if foreseen is None:
        return ""
    return f"an increase of {signed(foreseen.smallest)} or more will show by the end at the traffic of its first hours"
