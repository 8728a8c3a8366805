"""The candidate's pods: at the scale of the leg, selected by its Service, and weight 0 at once where they are gone."""

from __future__ import annotations

from dataclasses import replace

from modelwright.api.rollout import ReplicaRatio, Stage
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.course import PERSONS, new_step, split_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.pausing import resume, stop_counting
from modelwright.rollouts.plan.running import candidate_scale, enough, ensure_running, point
from modelwright.traffic.route import Split

MAX_RESTARTS = 3
"""How often a candidate may lose its endpoints within one step; the third time is a rollback."""


def scale_of_leg(draft: Draft) -> int:
    """Pods that have to be ready before the running step asks for anything."""
    step, leg = draft.status.step, draft.leg
    assert step is not None
    return candidate_scale(draft.spec, split_of(step), full=leg is not None and leg.full_scale)


def _scale_given(draft: Draft) -> int:
    return candidate_scale(draft.spec, draft.given, full=draft.holds_back)


def adds_traffic(draft: Draft) -> bool:
    """Whether more pods are more traffic, and the step has not begun to have them: then they come after all checks."""
    step, deployment = draft.status.step, draft.seen.deployments.get(draft.candidate.revision)
    if not isinstance(draft.spec.route, ReplicaRatio) or not draft.given.weight or step is None or deployment is None:
        return False
    return step.asked_at is None and deployment.wanted < scale_of_leg(draft)


def candidate_runs(draft: Draft) -> bool:
    """Ask for the candidate's pods at the scale of this step, selected by the candidate Service."""
    candidate, scale = draft.candidate, _scale_given(draft) if adds_traffic(draft) else scale_of_leg(draft)
    if not ensure_running(draft, candidate.revision, candidate.model, scale):
        leave(draft, Stage.SUPERSEDING, "Superseded", "nothing is left from which its pods can be made", reject=False)
        return False
    service, route = draft.seen.candidate_service, draft.seen.route
    if service is None or service.revision != candidate.revision:
        if route is not None and (route.split != Split() or route.accepted is False):
            draft.say(Mood.HOLDING, "Progressing", "waits for weight 0 before the candidate Service is moved")
            return False
        point(draft, "candidate", candidate.revision)
    return True


def lost_endpoints(draft: Draft) -> bool:
    """Availability is observed, not queried: a candidate that holds weight without endpoints gets weight 0 at once."""
    step, candidate, nothing = draft.status.step, draft.candidate, draft.given == Split()
    assert step is not None
    ready = draft.seen.ready(candidate.revision)
    needed = enough(scale_of_leg(draft) if nothing else _scale_given(draft))
    # What waits for its pods with nothing given to it loses nothing. A preview that was ready does.
    if ready >= needed or (nothing and (step.confirmed_at is None or split_of(step) != Split())):
        return False
    message = f"{ready} of at least {needed} endpoints of {candidate.model.version} are ready"
    if step.restarts + 1 >= MAX_RESTARTS:
        times = f"for the {MAX_RESTARTS}rd time in this step" if MAX_RESTARTS == 3 else "too often in this step"
        leave(draft, Stage.ROLLING_BACK, "CandidateUnavailable", f"{message}, {times}", reject=True)
        return True
    if not nothing:
        draft.give(Split())
        draft.do(WriteRoute())
        draft.urgent = True
    begin_again(draft, restarts=step.restarts + 1)
    draft.tell("CandidateUnavailable", f"{message}: weight 0 until they are", warn=True)
    draft.say(Mood.HOLDING, "CandidateUnavailable", f"{message}: weight 0 until they are")
    return True


def begin_again(draft: Draft, *, restarts: int) -> None:
    """After the candidate lost what it was given, the leg starts over, on evidence of its own: legs are never pooled.

    A pause has nothing of its own to start over: the leg before it does. The way back to 100 %, or to all but a
    control, leads over the last leg, not past it.
    """
    step, legs = draft.status.step, draft.course.legs
    assert step is not None
    if draft.status.paused in PERSONS:
        resume(draft)
    stop_counting(draft)
    number = min(step.number, max(1, len(legs)))
    while number > 1 and (legs[number - 1].is_pause or legs[number - 1].is_holdback):
        number -= 1
    fresh = new_step(draft.course, number, legs[number - 1].split if legs else Split(100), draft.now, step)
    since = draft.now if draft.given != Split() else None
    fresh = replace(fresh, evidence_since=since, restarts=restarts, stretch=step.stretch + 1)
    draft.change(step=fresh, stage=Stage.STEPPING if legs else Stage.BAKING)
