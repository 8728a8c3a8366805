"""What a verdict that lasts leads to, and what waits for a person: limits, missing data, the deadline, a suspension.

None of them rejects the revision: nothing was shown to be wrong with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modelwright.analysis.verdict import Verdict
from modelwright.api.durations import format_duration
from modelwright.api.rollout import OnDeadline, OnNoData, Stage, State
from modelwright.rollouts.plan.course import PERSONS
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.pinning import goes_back

SUSPENDED = "Suspended"
CONCLUDED = "Concluded"
DEADLINE = "ProgressDeadlineExceeded"


def pause(draft: Draft, reason: str, message: str) -> None:
    """Wait until somebody resumes."""
    stop_counting(draft)
    draft.change(paused=reason, paused_message=message, stage_since=draft.now)
    draft.tell("Paused", message, warn=True)


def resume(draft: Draft) -> None:
    """Go on. A pause that the strategy itself asked for is over with that, and a deadline that passed begins anew."""
    stop_counting(draft)
    if draft.status.paused == DEADLINE and draft.status.stage is not None:
        draft.change(started_at=draft.now)
    if draft.status.paused in PERSONS and draft.status.step:
        draft.change_step(released_at=draft.now)
    draft.change(paused="", paused_message="", stage_since=draft.now)


def stop_counting(draft: Draft) -> None:
    """Keep the time since `stage_since` from the progress deadline if it was a pause, a person's or the strategy's, or
    the holdback."""
    status = draft.status
    if (status.paused or _in_pause(draft)) and status.started_at and status.stage_since:
        draft.change(started_at=status.started_at + (draft.now - status.stage_since), stage_since=draft.now)


def heed_pause(draft: Draft, where: str) -> None:
    """A leg that waits for a person does so once it is reached; after an edit that took it away it does not."""
    leg, step, paused = draft.leg, draft.status.step, draft.status.paused
    awaits = leg.awaits if leg and step and step.confirmed_at and step.released_at is None else ""
    if awaits and not paused:
        message = f"{where}: waits for the command promote"
        stop_counting(draft)
        draft.change(paused=awaits, paused_message=message, stage_since=draft.now)
        draft.tell(awaits, message)
    elif paused in PERSONS and paused != awaits:
        resume(draft)


def conclude(draft: Draft, message: str) -> None:
    """The strategy has shown what it was for, and promotes nothing: what follows is somebody's word."""
    version = draft.candidate.model.version
    leave(draft, Stage.CONCLUDING, CONCLUDED, message, reject=False)
    draft.change(paused=CONCLUDED, paused_message=f"{version}: {message}")


def _in_pause(draft: Draft) -> bool:
    """Whether the leg itself keeps time from the deadline."""
    return draft.leg is not None and (draft.leg.is_pause or draft.leg.is_holdback)


def heed_suspension(draft: Draft, where: str) -> None:
    """`spec.state: Suspended` is a pause like any other, which ends when the state is Active again."""
    suspended, paused = draft.spec.state is State.SUSPENDED, draft.status.paused
    if goes_back(draft, draft.candidate.revision):
        # A freeze never blocks a rollback.
        suspended = False
    if suspended and not paused:
        stop_counting(draft)
        draft.change(paused=SUSPENDED, paused_message=f"{where}: held by spec.state Suspended", stage_since=draft.now)
    elif not suspended and paused == SUSPENDED:
        resume(draft)


def deadline_passed(draft: Draft) -> bool:
    """Whether the rollout took too long, pauses, queue, holdback and bake time left out; what follows is then done."""
    status, analysis = draft.status, draft.spec.analysis
    if analysis.progress_deadline is None or status.paused or status.queued_at:
        return False
    if status.stage is Stage.BAKING or _in_pause(draft):
        return False
    assert status.started_at is not None
    left = status.started_at + analysis.progress_deadline - draft.now
    if left > timedelta(0):
        draft.look_again(left)
        return False
    message = f"no promotion within {format_duration(analysis.progress_deadline)} of analysis"
    _end(draft, DEADLINE, message, go_back=analysis.on_deadline is OnDeadline.ROLL_BACK)
    return True


def patience_ended(draft: Draft, judged: Sequence[Judged]) -> bool:
    """Whether a verdict lasted longer than the spec allows; what that means is then done."""
    if draft.status.paused:
        return False
    return _limit_reached(draft, judged) or _without_data(draft, judged)


def _limit_reached(draft: Draft, judged: Sequence[Judged]) -> bool:
    for item in judged:
        limits, verdict = item.metric.limits, item.finding.verdict
        allowed = {Verdict.INCONCLUSIVE: limits.inconclusive, Verdict.ERROR: limits.error}.get(verdict)
        if item.awaited and allowed is not None and item.in_a_row >= allowed:
            message = f"{item.metric.name}: {verdict} at {allowed} looks in a row: {item.finding.message}"
            pause(draft, f"{verdict}Limit", message)
            return True
    return False


def _without_data(draft: Draft, judged: Sequence[Judged]) -> bool:
    analysis = draft.spec.analysis
    if analysis.on_no_data is OnNoData.HOLD:
        return False
    since = {status.name: status.no_data_since for status in draft.status.metrics}
    for item in (item for item in judged if item.lacks_data):
        began = since.get(item.metric.name) or draft.now
        # A step or a resumed pause begins its own wait.
        began = max(began, draft.status.stage_since or began)
        left = began + analysis.no_data_grace - draft.now
        if left > timedelta(0):
            draft.look_again(left)
            continue
        message = f"{item.metric.name}: no number for {format_duration(analysis.no_data_grace)}: {item.finding.message}"
        _end(draft, "NoData", message, go_back=analysis.on_no_data is OnNoData.ROLL_BACK)
        return True
    return False


def _end(draft: Draft, reason: str, message: str, *, go_back: bool) -> None:
    """Not a rejection: the same revision may be tried again, but only when somebody asks for it."""
    if go_back:
        leave(draft, Stage.ROLLING_BACK, reason, message, reject=False)
    pause(draft, reason, message)
