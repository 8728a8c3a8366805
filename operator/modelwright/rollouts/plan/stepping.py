"""A canary step, and the bake time after the last one: pods ready → weight → confirmed → held → next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from modelwright.analysis.verdict import Verdict
from modelwright.api.rollout import Stage, Step, StepStatus
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan import hold
from modelwright.rollouts.plan.borrowing import is_secured
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.judging import judge, judge_share
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.obstacles import source_obstacle
from modelwright.rollouts.plan.pausing import deadline_passed, heed_suspension, patience_ended
from modelwright.rollouts.plan.recording import record
from modelwright.rollouts.plan.running import POD_LOOK, candidate_scale, enough, ensure_running, ensure_stable, point
from modelwright.rollouts.plan.saying import said, say_not_decided, say_route, say_what_is_awaited, where
from modelwright.traffic.route import Split

MAX_RESTARTS = 3
"""How often a candidate may lose its endpoints within one step; the third time is a rollback."""


def steps_of(draft: Draft) -> tuple[Step, ...]:
    """The steps with two arms. A last step of 100 % is what the bake time is, and adds its hold to it."""
    return tuple(step for step in draft.spec.steps if step.weight < 100)


def bake_time(draft: Draft) -> timedelta:
    held_at_100 = sum((step.hold for step in draft.spec.steps if step.weight == 100), timedelta(0))
    return draft.spec.promotion.bake_time + held_at_100


def first_step(draft: Draft) -> StepStatus:
    steps = steps_of(draft)
    weight = steps[0].weight if steps else 100
    return StepStatus(number=1, of=max(1, len(steps)), weight=weight, started_at=draft.now)


def plan_step(draft: Draft) -> None:
    """One pass of Stepping or Baking."""
    ensure_stable(draft)
    _follow_edited_strategy(draft)
    if not _candidate_runs(draft) or _lost_endpoints(draft):
        return
    judged = judge(draft)
    record(draft, judged)
    failing = next((item for item in judged if item.fails), None)
    if failing:
        reason = f"{failing.metric.name}: {failing.finding.message}"
        leave(draft, Stage.ROLLING_BACK, "RollingBack", reason, reject=True)
        return
    heed_suspension(draft, where(draft))
    ended = deadline_passed(draft) or patience_ended(draft, judged)
    if (ended and draft.status.stage not in (Stage.STEPPING, Stage.BAKING)) or _waits_for_a_person(draft, judged):
        return
    step = draft.status.step
    assert step is not None
    if step.asked_at is None:
        _raise_when_ready(draft, judged)
    elif step.accepted_at is None:
        _await_acceptance(draft)
    elif step.confirmed_at is None:
        _await_traffic(draft)
    elif hold.count(draft, judged, _hold_of_step(draft)):
        _advance(draft, judged)
    else:
        last = draft.status.stage is Stage.STEPPING and step.number == step.of
        to_promote = last and hold.is_over(draft, _hold_of_step(draft))
        say_what_is_awaited(draft, judged, to_promote=to_promote)


def _follow_edited_strategy(draft: Draft) -> None:
    """After an edit the weight stays, and the rollout goes on at the first step that is not below it."""
    step, steps = draft.status.step, steps_of(draft)
    assert step is not None
    if draft.status.stage is Stage.BAKING:
        return
    known = step.number <= len(steps) and steps[step.number - 1].weight == step.weight and step.of == len(steps)
    if known or (not steps and step.weight == 100):
        return
    number = next((n for n, wanted in enumerate(steps, 1) if wanted.weight >= step.weight), len(steps) or 1)
    if step.asked_at is None:
        weight = max(draft.candidate.weight, steps[number - 1].weight if steps else 100)
        draft.change_step(weight=weight)
    draft.change_step(number=number, of=max(1, len(steps)))


def _candidate_runs(draft: Draft) -> bool:
    """Ask for the candidate's pods at the scale of this step, selected by the candidate Service."""
    step, candidate = draft.status.step, draft.candidate
    assert step is not None
    scale = candidate_scale(draft.spec, step.weight)
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


def _lost_endpoints(draft: Draft) -> bool:
    """Availability is observed, not queried: a candidate that holds weight without endpoints gets weight 0 at once."""
    step, candidate = draft.status.step, draft.candidate
    assert step is not None
    ready = draft.seen.ready(candidate.revision)
    needed = enough(candidate_scale(draft.spec, candidate.weight))
    if draft.given == Split() or ready >= needed:
        return False
    message = f"{ready} of at least {needed} endpoints of {candidate.model.version} are ready"
    if step.restarts + 1 >= MAX_RESTARTS:
        times = f"for the {MAX_RESTARTS}rd time in this step" if MAX_RESTARTS == 3 else "too often in this step"
        leave(draft, Stage.ROLLING_BACK, "CandidateUnavailable", f"{message}, {times}", reject=True)
        return True
    draft.give(Split())
    draft.do(WriteRoute())
    draft.urgent = True
    begin_again(draft, restarts=step.restarts + 1)
    draft.tell("CandidateUnavailable", f"{message}: weight 0 until they are", warn=True)
    draft.say(Mood.HOLDING, "CandidateUnavailable", f"{message}: weight 0 until they are")
    return True


def begin_again(draft: Draft, *, restarts: int) -> None:
    """After the weight fell, the step starts over, on evidence of its own: weights are never pooled.

    The way back to 100 % leads over the last canary step, not past it.
    """
    step, steps = draft.status.step, steps_of(draft)
    assert step is not None
    number = min(step.number, max(1, len(steps)))
    fresh = StepStatus(
        number,
        max(1, len(steps)),
        steps[number - 1].weight if steps else 100,
        draft.now,
        evidence_since=draft.now if draft.given.serves else None,
        restarts=restarts,
        stretch=step.stretch + 1,
    )
    draft.change(step=fresh, stage=Stage.STEPPING if steps else Stage.BAKING)


def _waits_for_a_person(draft: Draft, judged: Sequence[Judged]) -> bool:
    status = draft.status
    permanent = next((item for item in judged if item.permanent), None)
    if obstacle := source_obstacle(draft):
        draft.say(Mood.STALLED, "InvalidSpec", f"{obstacle}; the weight is held")
    elif permanent:
        draft.say(Mood.STALLED, permanent.finding.reason, said(draft, permanent))
    elif status.paused:
        draft.say(Mood.WAITING_FOR_A_PERSON, status.paused, status.paused_message)
    else:
        return False
    if status.step and status.step.passing_since:
        draft.change_step(passing_since=None)
    return True


def _raise_when_ready(draft: Draft, judged: Sequence[Judged]) -> None:
    step, candidate, route = draft.status.step, draft.candidate, draft.seen.route
    assert step is not None
    service = draft.seen.candidate_service
    ready = service.ready.get(candidate.revision, 0) if service and service.revision == candidate.revision else 0
    wanted = candidate_scale(draft.spec, step.weight)
    deployment = draft.seen.deployments.get(candidate.revision)
    if ready < wanted:
        problem = f": {deployment.problem}" if deployment and deployment.problem else ""
        draft.say(
            Mood.MOVING, "WaitingForPods", f"{ready} of {wanted} pods of {candidate.model.version} ready{problem}"
        )
        draft.look_again(POD_LOOK)
    elif route is None:
        draft.do(WriteRoute(draft.given))
        draft.say(Mood.MOVING, "WaitingForRoute", "the route is being created")
    elif route.obstacle or not route.accepted or draft.writes_route:
        say_route(draft)
    elif draft.seen.ready(draft.stable.revision) == 0:
        draft.say(Mood.HOLDING, "StableUnavailable", "stable has no ready endpoint: the weight is held")
    elif not draft.seen.may_raise:
        draft.say(Mood.HOLDING, "LeaseNotRenewed", "the operator's lease is too old to raise a weight")
        draft.look_again(timedelta(seconds=1))
    elif candidate.weight > 0 and not hold.let_raise(draft, judged, step.weight):
        say_what_is_awaited(draft, judged, to_promote=step.weight == 100)
    elif is_secured(draft):
        draft.do(WriteRoute(Split(step.weight), route.resource_version))
        draft.give(Split(step.weight))
        draft.change_step(asked_at=draft.now, evidence_since=draft.now, stretch=step.stretch + 1)
        draft.tell("WeightRaised", f"{step.weight} % to {candidate.model.version}")
        draft.say(Mood.MOVING, "StepRunning", where(draft))


def _await_acceptance(draft: Draft) -> None:
    step, route = draft.status.step, draft.seen.route
    assert step is not None
    if route is None or not route.accepted or route.split != Split(step.weight):
        say_route(draft)
        return
    draft.change_step(accepted_at=draft.now)
    draft.look_again(timedelta(0))
    draft.say(Mood.MOVING, "StepRunning", where(draft))


def _await_traffic(draft: Draft) -> None:
    step = draft.status.step
    assert step is not None
    share = judge_share(draft)
    if share.verdict is Verdict.PASS:
        delay = draft.spec.analysis.initial_delay
        begins = draft.now + delay
        draft.change_step(confirmed_at=draft.now, evidence_since=begins, stretch=step.stretch + 1)
        draft.look_again(delay)
        draft.tell("WeightConfirmed", f"{where(draft)}: {share.message}")
        draft.say(Mood.MOVING, "StepRunning", where(draft))
    elif share.verdict is Verdict.INCONCLUSIVE or share.reason == "NotYetMeasured":
        draft.say(Mood.MOVING, "ConfirmingTraffic", f"{where(draft)}: waits until the traffic seen fits the weight")
    elif share.verdict is Verdict.FAIL:
        says = f"the share of traffic seen is outside {share.bound}, which the weight allows"
        draft.say(Mood.HOLDING, "TrafficMismatch", f"{where(draft)}: {says}")
    else:
        draft.say(Mood.HOLDING, share.reason, f"{where(draft)}: {share.message}")


def _hold_of_step(draft: Draft) -> timedelta:
    step, steps = draft.status.step, steps_of(draft)
    assert step is not None
    if draft.status.stage is Stage.BAKING or not steps:
        return bake_time(draft)
    return steps[step.number - 1].hold


def _advance(draft: Draft, judged: Sequence[Judged]) -> None:
    """The hold is over and the looks after it let go on."""
    step, steps = draft.status.step, steps_of(draft)
    assert step is not None
    if draft.status.stage is Stage.BAKING or not steps:
        draft.change(stage=Stage.PROMOTING, stage_since=draft.now, step=None, switched_at=None)
        draft.tell("Promoting", f"{draft.candidate.model.version} passed; from here on only forward")
        draft.say(Mood.MOVING, "Promoting", f"{draft.candidate.model.version} becomes stable")
        return
    if not draft.seen.may_raise:
        draft.say(Mood.HOLDING, "LeaseNotRenewed", "the operator's lease is too old to raise a weight")
        draft.look_again(timedelta(seconds=1))
        return
    wanted = steps[step.number - 1].weight
    if wanted > step.weight:
        following, stage = (step.number, wanted), Stage.STEPPING
    elif step.number < len(steps):
        following, stage = (step.number + 1, steps[step.number].weight), Stage.STEPPING
    else:
        blocking = [item for item in judged if not item.lets_promote]
        if blocking:
            say_not_decided(draft, blocking)
            return
        following, stage = (step.number, 100), Stage.BAKING
    number, weight = following
    # While its pods come up, the next step is judged on the evidence of this one.
    draft.tell("StepPassed", f"{where(draft)} passed")
    draft.change(
        stage=stage,
        stage_since=draft.now,
        step=StepStatus(
            number, len(steps), weight, draft.now, evidence_since=step.evidence_since, stretch=step.stretch
        ),
    )
    draft.say(Mood.MOVING, "StepRunning", where(draft))


def without_hold(draft: Draft) -> None:
    """What `promote` means in a step: the rest of its hold is waived, the look after it is not."""
    step = draft.status.step
    assert step is not None
    draft.change(step=replace(step, held=_hold_of_step(draft)))
