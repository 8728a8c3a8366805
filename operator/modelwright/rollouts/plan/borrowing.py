"""A route that is somebody else's is borrowed: no weight before a finalizer stands for its return, and back it goes.

A managed route needs none of this: it is ours, and goes with the rollout.
"""

from __future__ import annotations

from datetime import timedelta

from modelwright.rollouts.actions import ReleaseRoute, SetFinalizer, TidyModel, WriteRoute
from modelwright.rollouts.plan.behind import is_behind
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.obstacles import SILENCE
from modelwright.rollouts.plan.passed_by import behind_git
from modelwright.traffic.route import Split

FINALIZER = "modelwright.dev/return-to-stable"


def is_secured(draft: Draft) -> bool:
    """Whether a weight may be raised: whoever deletes the rollout then gets the route back first.

    Otherwise the finalizer is asked for, and the next pass sees whether the API server took it.
    """
    route = draft.seen.route
    if route is None or not route.is_theirs or FINALIZER in draft.seen.rollout.finalizers:
        return True
    draft.do(SetFinalizer(FINALIZER, wanted=True))
    draft.say(Mood.MOVING, "WaitingForFinalizer", "the way back to stable is secured before the first weight")
    return False


def hand_back(draft: Draft) -> None:
    """At rest the route is its owner's again, and nothing is left to undo."""
    route = draft.seen.route
    if draft.writes_route or not _is_tidy(draft):
        return
    # While Git is behind, a conflict is what tells its tool so before it puts the old weights back.
    if route and route.is_held and not (is_behind(draft.spec, draft.status) or behind_git(draft)):
        draft.do(ReleaseRoute())
    elif FINALIZER in draft.seen.rollout.finalizers:
        draft.do(SetFinalizer(FINALIZER, wanted=False))


def _is_tidy(draft: Draft) -> bool:
    """Whether nothing is left of a candidate where pods are not ours to remove."""
    service = draft.seen.inference_service
    return service is None or service.facts.tidy


def _let_go(draft: Draft) -> None:
    route = draft.seen.route
    if route and route.is_held:
        draft.do(ReleaseRoute())
    else:
        draft.do(SetFinalizer(FINALIZER, wanted=False))


def plan_deletion(draft: Draft) -> None:
    """The rollout is being deleted: all traffic back to stable, confirmed, then the object may go."""
    route, status = draft.seen.route, draft.status
    if FINALIZER not in draft.seen.rollout.finalizers:
        # Everything that we made has an owner reference, and nothing of ours outlives it.
        return
    stable, candidate = status.stable, status.candidate
    if route is None or route.split == Split():
        if not _is_tidy(draft) and not (route and _nobody_answers(draft)):
            draft.do(TidyModel())
            draft.say(Mood.ROLLING_BACK, "Deleting", "the InferenceService gets back what it was before the rollout")
        elif route is None or route.accepted or _nobody_answers(draft):
            _let_go(draft)
        else:
            draft.say(Mood.ROLLING_BACK, "Deleting", "waits until the route confirms that stable has all traffic")
    elif stable and candidate and draft.seen.ready(candidate.revision) and not draft.seen.ready(stable.revision):
        message = f"stable {stable.model.version} has no ready endpoint: {candidate.model.version} is left serving"
        draft.say(Mood.ROLLING_BACK, "StableUnavailable", f"{message}; deletion waits")
    else:
        draft.do(WriteRoute())
        draft.urgent = True
        draft.say(Mood.ROLLING_BACK, "Deleting", "all traffic goes back to stable")
        if candidate:
            draft.give(Split())


def _nobody_answers(draft: Draft) -> bool:
    """A route whose Gateway is gone must not keep the object, and its namespace, for ever."""
    route = draft.seen.route
    assert route is not None
    left = (route.written_at or draft.now) + SILENCE - draft.now
    if left > timedelta(0):
        draft.look_again(left)
        return False
    return True
