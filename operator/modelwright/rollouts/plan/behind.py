"""After a success with existing workloads the cluster is ahead of Git: what to commit, and what if Git is put back."""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.rollout import Arm, AttachedRoute, ExistingWorkload, RolloutSpec, RolloutStatus
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.history import record
from modelwright.rollouts.revision import revision_for
from modelwright.traffic.route import RouteSeen

REVERTED = "Reverted"


def is_behind(spec: RolloutSpec, status: RolloutStatus) -> bool:
    """Whether what serves all traffic is still called the candidate by the spec."""
    workload, stable = spec.workload, status.stable
    if not isinstance(workload, ExistingWorkload) or stable is None or stable.backend is None or status.candidate:
        return False
    return stable.backend == workload.candidate.backend


def patch(spec: RolloutSpec, status: RolloutStatus) -> str:
    """What to commit, in either order: nothing moves when it comes."""
    workload, route = spec.workload, spec.route
    assert isinstance(workload, ExistingWorkload)
    assert isinstance(route, AttachedRoute)
    old, new = workload.stable, workload.candidate
    where = f"{route.kind} '{route.name}'" + (f", rule '{route.rule_name}'," if route.rule_name else "")
    return (
        f"commit in {where} `weight: 0` for {old.backend} and `weight: 100` for {new.backend}, and swap `stable` and "
        "`candidate` in `spec.workload.existing`"
    )


def heeds_revert(draft: Draft, route: RouteSeen) -> bool:
    """Whether somebody put Git's weights back after a promotion: that is paused, and never fought."""
    if not is_behind(draft.spec, draft.status):
        return False
    if not route.split.serves:
        if draft.status.paused == REVERTED:
            draft.change(paused="", paused_message="")
            draft.tell("RevertUndone", f"{draft.stable.model.version} has all traffic again")
        return False
    if _is_accepted(draft, route):
        return True
    if draft.status.paused != REVERTED:
        by = f"'{route.changed_by}'" if route.changed_by else "somebody"
        said = f"{by} took traffic from {draft.stable.model.version} after it was promoted. To keep it promoted, "
        said += f"{patch(draft.spec, draft.status)}; to go back for good, name the older model in `spec.model`"
        if route.advice:
            said += f". To end the fight: {route.advice}"
        draft.change(paused=REVERTED, paused_message=said, stage_since=draft.now)
        draft.tell(REVERTED, said, warn=True)
    draft.say(Mood.WAITING_FOR_A_PERSON, REVERTED, draft.status.paused_message)
    return True


def _is_accepted(draft: Draft, route: RouteSeen) -> bool:
    """Whether a person who put all weight back wants another model by now: then what the route says is stable."""
    workload, model, old = draft.spec.workload, draft.spec.model, draft.stable
    assert isinstance(workload, ExistingWorkload)
    if route.split.weight < 100 or model is None or revision_for(workload, model) == old.revision:
        return False
    backend = workload.stable.backend
    known = (one.model for one in draft.seen.stables if one.backend == backend and one.model.uri)
    before = next(known, model)
    draft.change(paused="", paused_message="")
    draft.change(stable=Arm(revision_for(workload, before), before, 100, backend=backend))
    record(draft, old.revision, old.model.version, REVERTED)
    draft.say(Mood.MOVING, "Progressing", f"{backend} is stable again, as {before.version}")
    draft.look_again(timedelta(0))
    return True
