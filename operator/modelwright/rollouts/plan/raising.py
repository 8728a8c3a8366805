"""From pods to traffic: pods ready → split asked of the route → accepted → confirmed by what the data plane counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.rollout import Stage
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan import hold
from modelwright.rollouts.plan.borrowing import is_secured
from modelwright.rollouts.plan.course import said_of, split_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.endpoints import adds_traffic, scale_of_leg
from modelwright.rollouts.plan.freezing import freeze, unanswered
from modelwright.rollouts.plan.hooking import are_in_favour
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.judging import judge_share
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.obstacles import router_obstacle, shared_server
from modelwright.rollouts.plan.queueing import has_its_turn
from modelwright.rollouts.plan.running import POD_LOOK, ensure_running
from modelwright.rollouts.plan.saying import say_route, say_what_is_awaited, where
from modelwright.rollouts.plan.smoking import Checked, smoke_check
from modelwright.rollouts.plan.spending import allocation_at_100


def raise_when_ready(draft: Draft, judged: Sequence[Judged]) -> None:
    step, candidate, route = draft.status.step, draft.candidate, draft.seen.route
    assert step is not None
    service = draft.seen.candidate_service
    ready = service.ready.get(candidate.revision, 0) if service and service.revision == candidate.revision else 0
    wanted, split, adds = scale_of_leg(draft), split_of(step), adds_traffic(draft)
    if not has_its_turn(draft):
        return
    if ready < wanted and not adds:
        _say_pods(draft, ready, wanted)
    elif _is_held(draft, judged):
        return
    elif adds:
        # By pods alone this is where the share grows: the Service selects them as soon as they are ready.
        ensure_running(draft, candidate.revision, candidate.model, wanted)
        _say_pods(draft, ready, wanted)
    elif split == draft.given:
        draft.change_step(asked_at=draft.now, accepted_at=draft.now)
        draft.look_again(timedelta(0))
        draft.say(Mood.MOVING, "StepRunning", where(draft))
    elif route is not None and is_secured(draft):
        if split.weight == 100:
            _freeze(draft, judged)
        _, reproduced = smoke_check(draft, candidate)
        draft.do(WriteRoute(split, route.resource_version))
        draft.give(split)
        draft.change_step(asked_at=draft.now, evidence_since=draft.now, stretch=step.stretch + 1)
        says = f"{said_of(draft.spec, split)} to {candidate.model.version}"
        draft.tell("WeightRaised", f"{says}: {reproduced}" if reproduced else says)
        draft.say(Mood.MOVING, "StepRunning", where(draft))


def _freeze(draft: Draft, judged: Sequence[Judged]) -> None:
    known = freeze(draft, judged, allocation_at_100(draft))
    draft.change(frozen=known.frozen)
    # Whoever waived the bake time has nothing compared in it.
    if known.lacking and not draft.hurries:
        says = f"not compared with {draft.stable.model.version} at 100 %: {'; '.join(known.lacking)}"
        draft.tell("NotCompared", says, warn=True)


def _is_held(draft: Draft, judged: Sequence[Judged]) -> bool:
    """Whether anything but pods keeps the step from getting what it asks for; what that is is then said."""
    step, route = draft.status.step, draft.seen.route
    assert step is not None
    split, to_all = split_of(step), step.weight == 100 or (draft.leg is not None and draft.leg.is_holdback)
    if route is None:
        draft.do(WriteRoute(draft.given))
        draft.say(Mood.MOVING, "WaitingForRoute", "the route is being created")
    elif route.obstacle or not route.accepted or draft.writes_route:
        say_route(draft)
    elif obstacle := router_obstacle(draft):
        draft.say(Mood.STALLED, "UnsupportedByRouter", obstacle)
    elif obstacle := shared_server(draft):
        draft.say(Mood.STALLED, "UnsupportedSharedServer", obstacle)
    elif draft.seen.ready(draft.stable.revision) == 0 and not draft.status.shortcut:
        draft.say(Mood.HOLDING, "StableUnavailable", "stable has no ready endpoint: the weight is held")
    elif not draft.seen.may_raise:
        draft.say(Mood.HOLDING, "LeaseNotRenewed", "the operator's lease is too old to raise a weight")
        draft.look_again(timedelta(seconds=1))
    elif (
        not draft.hurries
        and not split.is_within(draft.given)
        and step.evidence_since
        and not hold.let_raise(draft, judged, to_all=to_all)
    ):
        say_what_is_awaited(draft, judged, to_promote=to_all)
    elif split.weight == 100 and not draft.status.shortcut and (why := unanswered(draft)):
        draft.say(Mood.HOLDING, "MetricsUnavailable", f"{where(draft)}: {why}; weight held")
    else:
        return split != draft.given and not (_smoke_checked(draft) and are_in_favour(draft))
    return True


def _say_pods(draft: Draft, ready: int, wanted: int) -> None:
    deployment = draft.seen.deployments.get(draft.candidate.revision)
    problem = f": {deployment.problem}" if deployment and deployment.problem else ""
    says = f"{ready} of {wanted} pods of {draft.candidate.model.version} ready{problem}"
    draft.say(Mood.MOVING, "WaitingForPods", says)
    draft.look_again(POD_LOOK)


def _smoke_checked(draft: Draft) -> bool:
    found, why = smoke_check(draft, draft.candidate)
    if found is Checked.FAILED:
        leave(draft, Stage.ROLLING_BACK, "SmokeCheckFailed", f"smoke check: {why}", reject=True)
    return found is Checked.PASSED


def await_acceptance(draft: Draft) -> None:
    step, route = draft.status.step, draft.seen.route
    assert step is not None
    if route is None or not route.accepted or route.split != split_of(step):
        say_route(draft)
        return
    draft.change_step(accepted_at=draft.now)
    draft.look_again(timedelta(0))
    draft.say(Mood.MOVING, "StepRunning", where(draft))


def await_traffic(draft: Draft) -> None:
    step = draft.status.step
    assert step is not None
    share = judge_share(draft)
    if draft.hurries:
        share = Finding(Verdict.PASS, "PromoteFull", "a person does not wait for the traffic")
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
