"""Weights are asymmetric: one that is too high is lowered at once, one that is too low is somebody's word."""

from __future__ import annotations

from modelwright.api.rollout import Stage
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.leaving import leave

OURS_TO_WRITE = (Stage.PROMOTING, Stage.ROLLING_BACK, Stage.SUPERSEDING)


def police(draft: Draft) -> None:
    """Compare the live weight with the recorded one. Stages that lower the weight themselves are left alone."""
    route, status = draft.seen.route, draft.status
    if route is None or status.stable is None or status.stage in OURS_TO_WRITE:
        return
    recorded = status.candidate.weight if status.candidate else 0
    if route.candidate_weight > recorded:
        draft.do(WriteRoute(recorded))
        draft.tell(
            "WeightTooHigh",
            f"the route gave the candidate {route.candidate_weight} %, recorded are {recorded} %: lowered",
            warn=True,
        )
    elif route.candidate_weight < recorded and not status.paused:
        _accept_lowering(draft, route.candidate_weight, route.changed_by)


def _accept_lowering(draft: Draft, weight: int, changed_by: str) -> None:
    if not changed_by:
        # Our own lowering, whose record was lost to a conflict: the step begins again below it.
        draft.weigh(weight)
        _begin_step_again(draft)
        return
    message = f"'{changed_by}' lowered the candidate's weight from {draft.candidate.weight} % to {weight} %"
    draft.weigh(weight)
    if draft.seen.first_pass:
        # Nobody watched while it happened: this is how a person stops a rollout when the operator is down.
        leave(draft, Stage.ROLLING_BACK, "Aborted", f"{message} while the operator was away", reject=True)
        return
    draft.change(paused="WeightLowered", paused_message=message, stage_since=draft.now)
    _begin_step_again(draft)
    draft.tell("WeightLowered", f"{message}: paused until `resume`", warn=True)


def _begin_step_again(draft: Draft) -> None:
    if draft.status.step:
        draft.change_step(asked_at=None, accepted_at=None, confirmed_at=None, passing_since=None)
