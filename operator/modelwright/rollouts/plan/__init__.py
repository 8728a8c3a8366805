"""Decides what a rollout does next, purely: a frozen observation and `now` in, a plan out.

Read `plan_rollout` aloud; each stage has a file of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from modelwright.api.rollout import Stage
from modelwright.rollouts.observation import Observation
from modelwright.rollouts.plan import asking, commands, conditions, following, hooking, hour, smoking, telling
from modelwright.rollouts.plan.behind import is_behind, patch
from modelwright.rollouts.plan.borrowing import plan_deletion
from modelwright.rollouts.plan.desired import Desired, desired, ends_holdback, newer_waits
from modelwright.rollouts.plan.draft import Draft, Headline, Mood, News, Plan
from modelwright.rollouts.plan.leaving import go_back, leave
from modelwright.rollouts.plan.passed_by import behind_git
from modelwright.rollouts.plan.promoting import plan_promotion
from modelwright.rollouts.plan.resting import plan_rest
from modelwright.rollouts.plan.running import find_stable
from modelwright.rollouts.plan.scaling import show_scale
from modelwright.rollouts.plan.spending import spend
from modelwright.rollouts.plan.stepping import end_holdback, plan_step
from modelwright.rollouts.plan.weights import police

__all__ = ["News", "Plan", "plan_rollout"]

ROOMS: tuple[Any, ...] = (asking, hour, following, smoking, hooking, telling)
"""Who has questions: about metrics now and in the hour before, the model that is followed, to pods, to webhooks."""

UNDER_WAY_LOOK = timedelta(seconds=30)
"""What is under way is looked at even if nothing wakes it: a kind that was installed later is watched late."""


def plan_rollout(seen: Observation, now: datetime) -> Plan:
    """The next moves for one ModelRollout."""
    draft = Draft(seen, now, seen.rollout.status)
    if seen.rollout.deleted_at:
        plan_deletion(draft)
        return _finish(draft) if draft.headline else Plan(tuple(draft.actions), seen.rollout.status)
    if seen.foreign:
        # Whatever it is, it was here before us: touching nothing is the only safe plan.
        names = " and ".join(seen.foreign)
        draft.say(Mood.STALLED, "NameTaken", f"{names} exists and is not of this rollout: rename one of the two")
        return _finish(draft)
    for orphan in seen.orphans:
        draft.do(orphan)
    if not find_stable(draft):
        return _finish(draft)
    commands.obey(draft)
    telling.heed_answers(draft)
    police(draft)
    _follow_wish(draft, desired(draft))
    return _finish(draft)


def _follow_wish(draft: Draft, want: Desired | None) -> None:
    match draft.status.stage:
        case None | Stage.STARTING:
            plan_rest(draft, want)
        case Stage.ROLLING_BACK | Stage.ABORTING | Stage.SUPERSEDING | Stage.CONCLUDING:
            go_back(draft)
        case Stage.PROMOTING:
            plan_promotion(draft)
        case Stage.STEPPING | Stage.BAKING:
            if want and want.revision != draft.candidate.revision and not newer_waits(draft, want):
                _make_way(draft, want)
            else:
                if want and ends_holdback(draft, want):
                    end_holdback(draft, want.model.version)
                plan_step(draft)


def _make_way(draft: Draft, want: Desired) -> None:
    if want.held and want.revision == draft.stable.revision:
        leave(draft, Stage.ABORTING, "Aborted", f"a person holds it to {want.model.version}", reject=False)
    else:
        leave(draft, Stage.SUPERSEDING, "Superseded", f"superseded by {want.model.version}", reject=False)


def _behind(draft: Draft) -> str:
    spec, status = draft.spec, draft.status
    return patch(spec, status) if is_behind(spec, status) else behind_git(draft)


def _finish(draft: Draft) -> Plan:
    seen = draft.seen
    headline = draft.headline or Headline(Mood.MOVING, "Progressing", "")
    serving = draft.status.stable is not None and seen.ready(draft.status.stable.revision) > 0
    show_scale(draft)
    spend(draft)
    telling.tell_ended(draft)
    draft.change(
        observed_generation=seen.rollout.generation,
        phase=conditions.phase_of(headline.mood, holds_back=draft.holds_back),
        conditions=conditions.conditions_of(
            seen.rollout,
            draft.status,
            headline,
            draft.now,
            serving=serving,
            holds_back=draft.holds_back,
            behind=_behind(draft),
        ),
    )
    if draft.status.stage is not None:
        draft.look_again(UNDER_WAY_LOOK)
    return Plan(
        actions=tuple(draft.actions),
        status=draft.status,
        news=tuple(draft.news),
        questions=tuple(asked for room in ROOMS for asked in room.questions(draft)),
        requeue_after=min(draft.waits, default=None),
        urgent=draft.urgent,
    )
