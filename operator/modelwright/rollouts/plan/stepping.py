"""A leg on the way to 100 %, and the bake time after the last one: pods ready → split → confirmed → held → next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from modelwright.api.durations import format_duration
from modelwright.api.rollout import Stage, StepStatus
from modelwright.api.steering import Shortcut, Waived
from modelwright.rollouts.plan import hold
from modelwright.rollouts.plan.course import Leg, new_step, share_of, split_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.endpoints import candidate_runs, lost_endpoints
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.judging import judge
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.obstacles import source_obstacle
from modelwright.rollouts.plan.pausing import (
    conclude,
    deadline_passed,
    heed_pause,
    heed_suspension,
    patience_ended,
    stop_counting,
)
from modelwright.rollouts.plan.raising import await_acceptance, await_traffic, raise_when_ready
from modelwright.rollouts.plan.recording import record
from modelwright.rollouts.plan.running import ensure_stable
from modelwright.rollouts.plan.saying import said, say_not_decided, say_what_is_awaited, where
from modelwright.rollouts.plan.telling import tell_passed
from modelwright.rollouts.plan.testing import heed_end_of_test, say_test
from modelwright.traffic.route import Split


def first_step(draft: Draft) -> StepStatus:
    legs = draft.course.legs
    return new_step(draft.course, 1, legs[0].split if legs else Split(100), draft.now)


def plan_step(draft: Draft) -> None:
    """One pass of Stepping or Baking."""
    ensure_stable(draft)
    _follow_edited_strategy(draft)
    if not candidate_runs(draft) or lost_endpoints(draft):
        return
    judged = judge(draft)
    record(draft, judged)
    failing = next((item for item in judged if item.fails), None)
    if failing:
        reason = f"{failing.metric.name}: {failing.finding.message}"
        leave(draft, Stage.ROLLING_BACK, "RollingBack", reason, reject=True)
        return
    heed_suspension(draft, where(draft))
    heed_pause(draft, where(draft))
    ended = not draft.hurries and (deadline_passed(draft) or patience_ended(draft, judged))
    if (ended and draft.status.stage not in (Stage.STEPPING, Stage.BAKING)) or _waits_for_a_person(draft, judged):
        return
    step = draft.status.step
    assert step is not None
    if step.asked_at is None:
        raise_when_ready(draft, judged)
    elif step.accepted_at is None:
        await_acceptance(draft)
    elif step.confirmed_at is None:
        await_traffic(draft)
    elif not draft.hurries and heed_end_of_test(draft, judged):
        return
    elif draft.hurries or _is_over(draft, judged):
        _advance(draft, judged)
    else:
        last = draft.leg is not None and step.number == step.of
        to_promote = last and hold.is_over(draft, _hold_of_step(draft))
        if not say_test(draft, judged):
            say_what_is_awaited(draft, judged, to_promote=to_promote)


def _follow_edited_strategy(draft: Draft) -> None:
    """After an edit the split stays, and the rollout goes on at the first leg that does not give less."""
    step, legs = draft.status.step, draft.course.legs
    assert step is not None
    if draft.status.stage is Stage.BAKING:
        return
    split = split_of(step)
    if not legs:
        # All that is left is 100 %, on the evidence of this leg.
        last = new_step(draft.course, 1, Split(100), step.started_at, step)
        draft.change(stage=Stage.BAKING, step=last)
        return
    there = [number for number, leg in enumerate(legs, 1) if leg.split == split]
    if step.number in there and step.of == len(legs):
        return
    upward = (number for number, leg in enumerate(legs, 1) if _gives_no_less(draft, leg, split))
    number = step.number if step.number in there else next(iter(there), None) or next(upward, len(legs))
    if step.asked_at is None:
        # Nothing was asked for yet: then nothing has to stay.
        wanted = legs[number - 1]
        split = wanted.split if _gives_no_less(draft, wanted, draft.given) else draft.given
    fresh = new_step(draft.course, number, split, step.started_at)
    draft.change_step(number=fresh.number, of=fresh.of, weight=fresh.weight, mirror=fresh.mirror, testers=fresh.testers)


def _gives_no_less(draft: Draft, leg: Leg, split: Split) -> bool:
    return share_of(draft.spec, leg.split) >= share_of(draft.spec, split)


def _waits_for_a_person(draft: Draft, judged: Sequence[Judged]) -> bool:
    status = draft.status
    permanent = next((item for item in judged if item.permanent), None)
    if (obstacle := source_obstacle(draft)) and not draft.hurries:
        draft.say(Mood.STALLED, "InvalidSpec", f"{obstacle}; the weight is held")
    elif permanent and not draft.hurries:
        draft.say(Mood.STALLED, permanent.finding.reason, said(draft, permanent))
    elif status.paused:
        draft.say(Mood.WAITING_FOR_A_PERSON, status.paused, status.paused_message)
    else:
        return False
    if status.step and status.step.passing_since:
        draft.change_step(passing_since=None)
    return True


def _hold_of_step(draft: Draft) -> timedelta:
    return draft.leg.hold if draft.leg else draft.course.bake_time


def _is_over(draft: Draft, judged: Sequence[Judged]) -> bool:
    """Whether the leg is done: a pause by time or by word, all others by what was seen."""
    leg, step = draft.leg, draft.status.step
    assert step is not None
    if leg is None or not leg.is_pause:
        return hold.count(draft, judged, _hold_of_step(draft))
    if step.released_at is not None:
        return True
    left = step.started_at + leg.hold - draft.now
    if not leg.awaits and left > timedelta(0):
        draft.look_again(left)
    return not leg.awaits and left <= timedelta(0)


def _advance(draft: Draft, judged: Sequence[Judged]) -> None:
    """The leg is over and the looks after it let go on."""
    step, course = draft.status.step, draft.course
    assert step is not None
    leg = draft.leg
    if leg is None:
        draft.change(stage=Stage.PROMOTING, stage_since=draft.now, step=None, switched_at=None)
        draft.tell("Promoting", f"{draft.candidate.model.version} passed; from here on only forward")
        draft.say(Mood.MOVING, "Promoting", f"{draft.candidate.model.version} becomes stable")
        return
    if not draft.seen.may_raise:
        draft.say(Mood.HOLDING, "LeaseNotRenewed", "the operator's lease is too old to raise a weight")
        draft.look_again(timedelta(seconds=1))
        return
    split, edited = split_of(step), leg.split != split_of(step) and _gives_no_less(draft, leg, split_of(step))
    blocking = [item for item in judged if not item.lets_promote]
    if edited or step.number < len(course.legs):
        number = step.number if edited else step.number + 1
        if course.legs[number - 1].is_holdback and blocking:
            # All but a control is as good as all.
            say_not_decided(draft, blocking)
            return
        following = _following(draft, step, course.legs[number - 1], number)
        _go_on(draft, Stage.STEPPING, following)
        return
    if blocking:
        say_not_decided(draft, blocking)
    elif course.concludes:
        says = f"{split} for {format_duration(leg.hold)} passed; {draft.stable.model.version} goes on serving"
        conclude(draft, says)
    else:
        following = new_step(course, step.number, Split(100), draft.now, step)
        # What was waived for the end of a test or of a holdback stays waived on the way to 100 %.
        released_at = step.released_at if draft.spec.ab_test or leg.is_holdback else None
        _go_on(draft, Stage.BAKING, replace(following, released_at=released_at))


def _following(draft: Draft, step: StepStatus, leg: Leg, number: int) -> StepStatus:
    """The step of the next leg. A pause goes on with all that was confirmed."""
    following = new_step(draft.course, number, leg.split, draft.now, step)
    if leg.is_holdback and draft.spec.ab_test:
        return replace(following, released_at=step.released_at)
    if not leg.is_pause or leg.split != split_of(step):
        return following
    return replace(
        following,
        asked_at=step.asked_at,
        accepted_at=step.accepted_at,
        confirmed_at=step.confirmed_at,
        saved_at=step.saved_at,
        restarts=step.restarts,
    )


def _go_on(draft: Draft, stage: Stage, step: StepStatus) -> None:
    draft.tell("StepPassed", f"{where(draft)} passed")
    assert draft.status.step is not None
    tell_passed(draft, draft.status.step)
    stop_counting(draft)
    draft.change(stage=stage, stage_since=draft.now, step=step)
    draft.say(Mood.MOVING, "StepRunning", where(draft))


def skip_leg(draft: Draft) -> bool:
    """To the next leg at once, on the evidence of this one. False where none follows."""
    step, legs = draft.status.step, draft.course.legs
    assert step is not None
    if draft.leg is None:
        return False
    if step.number < len(legs):
        _go_on(draft, Stage.STEPPING, _following(draft, step, legs[step.number], step.number + 1))
        return True
    if draft.course.concludes:
        return False
    _go_on(draft, Stage.BAKING, new_step(draft.course, step.number, Split(100), draft.now, step))
    return True


def take_shortcut(draft: Draft, waived: Waived, actor: str) -> None:
    """From wherever the rollout stands to 100 %, over nothing."""
    step = draft.status.step
    assert step is not None
    draft.change(shortcut=Shortcut(waived, draft.now, actor))
    if draft.status.stage is not Stage.BAKING:
        last = new_step(draft.course, 1, Split(100), draft.now, step)
        draft.change(stage=Stage.BAKING, stage_since=draft.now, step=last)


def end_holdback(draft: Draft, version: str) -> None:
    """The rest of the control's time is waived, as `version` waits for it."""
    step = draft.status.step
    if step and step.released_at is None:
        without_hold(draft)
        draft.tell("HoldbackEnded", f"{version} waits: {draft.candidate.model.version} is promoted before it begins")


def without_hold(draft: Draft) -> None:
    """What `promote` means in a step: the rest of its hold is waived, the look after it is not. A pause is over."""
    draft.change_step(held=_hold_of_step(draft), released_at=draft.now)
