"""Which Deployments and Services have to be there, at which scale, selecting what."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from modelwright.api.models import Model
from modelwright.api.rollout import CandidateReplicas, RolloutSpec
from modelwright.rollouts.actions import (
    CreateDeployment,
    DeleteDeployment,
    ForgetRevision,
    PointService,
    RecordRevision,
    ScaleDeployment,
)
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.revision import revision_of
from modelwright.traffic.route import Split

POD_LOOK = timedelta(seconds=10)
"""Pods are not watched: why they do not start has to be looked up, for as long as they do not."""


def candidate_scale(spec: RolloutSpec, split: Split, *, full: bool = False) -> int:
    """Pods for a candidate that is given `split`: its share of the replicas, but two of them where there are two.

    One pod alone makes every error of that pod look like an error of the model. Nobody knows how many testers there
    are: two pods have to do.
    """
    workload = spec.workload
    if full or workload.candidate_replicas is CandidateReplicas.FULL or split.weight == 100:
        return spec.replicas
    if workload.fixed_replicas is not None:
        return workload.fixed_replicas
    return min(spec.replicas, max(2, ceil(spec.replicas * max(split.weight, split.mirror) / 100)))


def enough(wanted: int) -> int:
    """Ready endpoints below which a revision that holds weight counts as unavailable: half of those wanted."""
    return max(1, ceil(wanted / 2))


def ensure_running(draft: Draft, revision: str, model: Model, replicas: int) -> bool:
    """Ask for the Deployment of `revision` at `replicas`. False if nothing is left from which it could be made."""
    seen, workload = draft.seen, draft.spec.workload
    recorded = seen.recorded.get(revision)
    deployment = seen.deployments.get(revision)
    current = revision_of(model, workload.template, workload.port) == revision
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
    return recorded.port if recorded else draft.spec.workload.port


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
