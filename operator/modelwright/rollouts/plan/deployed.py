"""The pods of managed workloads: which Deployments and Services have to be there, at which scale, selecting what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from modelwright.api.models import Model
from modelwright.api.rollout import Arm, ReplicaRatio, Workload
from modelwright.rollouts.actions import (
    CreateDeployment,
    DeleteDeployment,
    ForgetRevision,
    PointService,
    RecordRevision,
    ScaleDeployment,
    WriteRoute,
)
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.revision import revision_for
from modelwright.traffic.route import Split

SETTLE = timedelta(seconds=3)
"""How long the stable Service must hold only new pods before it gets traffic: data planes learn endpoints late."""


def find_stable(draft: Draft) -> bool:
    """After a lost status, stable is what the stable Service selects; its Deployment says which model that is.

    Weight that the route then gives to a candidate that nobody remembers is too high, and lowered like any other.
    """
    service = draft.seen.stable_service
    if draft.status.stable or draft.status.stage or not service or not service.revision:
        return True
    known = draft.seen.deployments.get(service.revision) or draft.seen.recorded.get(service.revision)
    # A Service that we pointed at a first version which never became ready is no proof that it ever served.
    if known and draft.seen.route:
        draft.change(stable=Arm(service.revision, known.model, 100))
        draft.tell("StableRecovered", f"status was empty; the stable Service selects {known.model.version}", warn=True)
    return True


def may_begin(draft: Draft) -> bool:
    """What a new revision needs is made for it. By replica ratio, pods of a third would take a share of their own."""
    others = set(draft.seen.deployments) - {draft.stable.revision}
    if isinstance(draft.spec.route, ReplicaRatio) and others:
        draft.say(Mood.MOVING, "WaitingForPods", "waits until the pods of older revisions are gone")
        draft.look_again(draft.spec.promotion.scale_down_delay)
        return False
    return True


def backend_on_trial(draft: Draft) -> None:
    """The candidate Service, which is pointed at each candidate in turn."""


def kept(draft: Draft) -> Mapping[str, Model]:
    """What one can go back to by its revision, the newest first."""
    newest_first = sorted(draft.seen.recorded.values(), key=lambda record: -record.number)
    return {record.revision: record.model for record in newest_first}


def ensure_running(draft: Draft, revision: str, model: Model, replicas: int) -> bool:
    """Ask for the Deployment of `revision` at `replicas`. False if nothing is left from which it could be made."""
    seen, workload = draft.seen, _workload(draft)
    recorded = seen.recorded.get(revision)
    deployment = seen.deployments.get(revision)
    current = revision_for(workload, model) == revision
    if recorded is None and current:
        number = 1 + max((record.number for record in seen.recorded.values()), default=0)
        draft.do(RecordRevision(revision, number, model, workload.template, workload.port))
    if deployment is None:
        if recorded is None and not current:
            return False
        template = recorded.template if recorded else workload.template
        draft.do(CreateDeployment(revision, model, template, replicas))
    elif deployment.wanted != replicas:
        draft.do(ScaleDeployment(deployment.name, replicas))
    return True


def port_of(draft: Draft, revision: str) -> str:
    recorded = draft.seen.recorded.get(revision)
    return recorded.port if recorded else _workload(draft).port


def point(draft: Draft, role: str, revision: str) -> None:
    service = draft.seen.stable_service if role == "stable" else draft.seen.candidate_service
    if service is None or service.revision != revision:
        draft.do(PointService(role, revision, port_of(draft, revision)))


def ensure_stable(draft: Draft) -> None:
    """Stable stands at full scale, and its Service selects it, whatever else is going on."""
    stable = draft.stable
    if not ensure_running(draft, stable.revision, stable.model, draft.spec.replicas):
        draft.say(
            Mood.STALLED,
            "StableLost",
            f"neither the Deployment nor the ControllerRevision of stable {stable.model.version} exists: "
            "restore one of them, or set spec.model to a version that can be deployed",
        )
    point(draft, "stable", stable.revision)


def retire_others(draft: Draft) -> None:
    """Remove Deployments that hold no role, `scaleDownDelay` after the rollout settled, and old revisions' records."""
    status = draft.status
    roles = {arm.revision for arm in (status.stable, status.candidate) if arm}
    settled_at = draft.status.history[0].at if draft.status.history else draft.now
    left = settled_at + draft.spec.promotion.scale_down_delay - draft.now
    for deployment in draft.seen.deployments.values():
        if deployment.revision in roles:
            continue
        if left > timedelta(0):
            draft.look_again(left)
        else:
            draft.do(DeleteDeployment(deployment.name, deployment.uid))
    kept = sorted(draft.seen.recorded.values(), key=lambda record: -record.number)
    for record in kept[draft.spec.revision_history_limit + 1 :]:
        if record.revision not in roles and not (status.pin and record.revision == status.pin.revision):
            draft.do(ForgetRevision(record.revision))


def hand_over(draft: Draft) -> bool:
    """Stable Service selects the new pods → it holds only them, for a while → weights 100/0 → True."""
    new, route = draft.candidate, draft.seen.route
    ensure_running(draft, new.revision, new.model, draft.spec.replicas)
    point(draft, "candidate", new.revision)
    point(draft, "stable", new.revision)
    service = draft.seen.stable_service
    if not service or service.revision != new.revision:
        return False
    switched = service.holds_only(new.revision) and service.ready[new.revision] >= draft.spec.replicas
    # Once the weight has moved the stable Service is what serves, and its pods may come and go.
    if not switched and (route is None or route.split.serves):
        draft.change(switched_at=None)
        return False
    if draft.status.switched_at is None:
        draft.change(switched_at=draft.now)
        draft.look_again(SETTLE)
        return False
    left = draft.status.switched_at + SETTLE - draft.now
    if left > timedelta(0):
        draft.look_again(left)
        return False
    if route is None or route.split != Split() or draft.route_is_outdated:
        draft.do(WriteRoute())
        return False
    return bool(route.accepted)


def _workload(draft: Draft) -> Workload:
    assert isinstance(draft.spec.workload, Workload), "these pods are not ours to keep"
    return draft.spec.workload
