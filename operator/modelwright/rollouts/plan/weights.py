"""Weights are asymmetric: what gives the candidate too much is lowered at once, too little is somebody's word."""

from __future__ import annotations

from modelwright.api.rollout import Stage
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.behind import heeds_revert
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.endpoints import begin_again
from modelwright.rollouts.plan.leaving import RESULT, leave
from modelwright.rollouts.plan.passed_by import heeds_release
from modelwright.traffic.route import HEADER_MATCH, MIRROR, RouteSeen, Split

OURS_TO_WRITE = (Stage.PROMOTING, *RESULT)


def police(draft: Draft) -> None:
    """Compare the live split with the recorded one. Stages that lower it themselves are left alone."""
    route, status = draft.seen.route, draft.status
    if status.stable is None or status.stage in OURS_TO_WRITE:
        return
    recorded = draft.given
    if route is None:
        if recorded != Split():
            _make_route_again(draft)
        return
    if heeds_revert(draft, route) or heeds_release(draft):
        return
    if _withdraw(draft, route):
        return
    allowed = route.split.at_most(recorded)
    if allowed == route.split == recorded:
        _keep_fitting(draft, route)
    if allowed != route.split:
        draft.do(WriteRoute(allowed))
        draft.tell(
            "WeightTooHigh",
            f"{route.changed_by or 'the route'} gave the candidate {route.split}, recorded are {recorded}: lowered",
            warn=True,
        )
    if allowed != recorded:
        _accept_lowering(draft, allowed, route)


def _make_route_again(draft: Draft) -> None:
    """Somebody deleted the route: it comes back as it is at rest, and the step leads up from there."""
    draft.do(WriteRoute())
    _lower(draft, Split())
    draft.tell("RouteDeleted", "the route was deleted in mid-rollout: made again with weight 0", warn=True)


def _withdraw(draft: Draft, route: RouteSeen) -> bool:
    """Whether what we made beside a route of somebody else's cannot be right any more: then it gives nothing."""
    recorded, needs = draft.given, {HEADER_MATCH: draft.given.testers, MIRROR: draft.given.mirror}
    missing = [need for need, given in needs.items() if given and need in route.unsupported and route.is_theirs]
    if not missing:
        return False
    left = Split(min(recorded.weight, route.split.weight))
    reasons = "; ".join(said for need, said in route.reasons if need in missing)
    draft.do(WriteRoute(left))
    draft.tell("UnsupportedByRouter", f"{recorded} taken back: {reasons}", warn=True)
    _lower(draft, left)
    return True


def _keep_fitting(draft: Draft, route: RouteSeen) -> None:
    """What is ours follows an edit, with the split that it has: of the spec, or of a route that ours repeats."""
    given = draft.given
    repeats = route.is_theirs and not route.as_wanted and not route.obstacle and (given.testers or given.mirror)
    if (repeats or draft.route_is_outdated) and draft.seen.may_raise:
        draft.do(WriteRoute(given, route.resource_version))


def _accept_lowering(draft: Draft, split: Split, route: RouteSeen) -> None:
    changed_by = route.changed_by
    message = f"'{changed_by}' lowered the candidate's weight from {draft.given} to {split}"
    _lower(draft, split)
    if not changed_by or draft.status.paused:
        # Our own lowering, whose record was lost to a conflict; or one more, while a person is awaited anyway.
        return
    if draft.seen.first_pass:
        # Nobody watched while it happened: this is how a person stops a rollout when the operator is down.
        leave(draft, Stage.ABORTING, "Aborted", f"{message} while the operator was away", reject=True)
        return
    message = f"{message}. To end the fight: {route.advice}" if route.advice else message
    draft.change(paused="WeightLowered", paused_message=message, stage_since=draft.now)
    draft.tell("WeightLowered", f"{message}: paused until `resume`", warn=True)


def _lower(draft: Draft, split: Split) -> None:
    draft.give(split)
    if draft.status.step:
        begin_again(draft, restarts=draft.status.step.restarts)
