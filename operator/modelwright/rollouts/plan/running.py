"""The pods of the two revisions: the one place that knows whether they are ours to keep."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Protocol

from modelwright.api.models import Model
from modelwright.api.rollout import (
    Backend,
    CandidateReplicas,
    ExistingWorkload,
    InferenceServiceWorkload,
    ReplicaRatio,
    RolloutSpec,
)
from modelwright.rollouts.plan import deployed, existing, inference_service
from modelwright.rollouts.plan.course import audience_of
from modelwright.rollouts.plan.draft import Draft
from modelwright.traffic.ratio import pods_for
from modelwright.traffic.route import Split

POD_LOOK = timedelta(seconds=10)
"""Pods are not watched: why they do not start has to be looked up, for as long as they do not."""


def candidate_scale(spec: RolloutSpec, split: Split, *, full: bool = False) -> int:
    """Pods for a candidate that is given `split`: its share of the replicas, but two of them where there are two.

    One pod alone makes every error of that pod look like an error of the model. Nobody knows how many testers there
    are: two pods have to do.
    """
    workload = spec.workload
    if isinstance(spec.route, ReplicaRatio) and 0 < split.weight < 100:
        return pods_for(spec.replicas, split.weight)
    if full or workload.candidate_replicas is CandidateReplicas.FULL or split.weight == 100:
        return spec.replicas
    if workload.fixed_replicas is not None:
        return workload.fixed_replicas
    return min(
        spec.replicas, max(2, ceil(spec.replicas * max(split.weight, split.mirror, audience_of(spec, split)) / 100))
    )


def enough(wanted: int) -> int:
    """Ready endpoints below which a revision that holds weight counts as unavailable: half of those wanted."""
    return max(1, ceil(wanted / 2))


class Keeper(Protocol):
    """Who keeps the pods: the module `deployed` ours, `inference_service` KServe's, `existing` only their owner's."""

    def find_stable(self, draft: Draft) -> bool: ...
    def may_begin(self, draft: Draft) -> bool: ...
    def backend_on_trial(self, draft: Draft) -> Backend | None: ...
    def kept(self, draft: Draft) -> Mapping[str, Model]: ...
    def ensure_running(self, draft: Draft, revision: str, model: Model, replicas: int) -> bool: ...
    def ensure_stable(self, draft: Draft) -> None: ...
    def point(self, draft: Draft, role: str, revision: str) -> None: ...
    def hand_over(self, draft: Draft) -> bool: ...
    def retire_others(self, draft: Draft) -> None: ...


def keeper(draft: Draft) -> Keeper:
    if isinstance(draft.spec.workload, InferenceServiceWorkload):
        return inference_service
    return existing if isinstance(draft.spec.workload, ExistingWorkload) else deployed


def find_stable(draft: Draft) -> bool:
    """After a lost status, find stable by the order of truth. False where the pass ends here, having said why."""
    return keeper(draft).find_stable(draft)


def may_begin(draft: Draft) -> bool:
    """Whether the workload lets a rollout begin. Where it does not, why is then said."""
    return keeper(draft).may_begin(draft)


def backend_on_trial(draft: Draft) -> Backend | None:
    """Where a candidate that begins now gets its traffic, None for the Service that we point at it."""
    return keeper(draft).backend_on_trial(draft)


def kept(draft: Draft) -> Mapping[str, Model]:
    """The models that one can go back to, by revision."""
    return keeper(draft).kept(draft)


def ensure_running(draft: Draft, revision: str, model: Model, replicas: int) -> bool:
    """Ask for pods of `revision`. False if nothing is left from which they could be made."""
    return keeper(draft).ensure_running(draft, revision, model, replicas)


def ensure_stable(draft: Draft) -> None:
    """Stable stands at full scale, whatever else is going on."""
    keeper(draft).ensure_stable(draft)


def point(draft: Draft, role: str, revision: str) -> None:
    """Have the stable or the candidate backend lead to `revision`."""
    keeper(draft).point(draft, role, revision)


def hand_over(draft: Draft) -> bool:
    """Past the commit point: let the candidate take stable's place. True once it has."""
    return keeper(draft).hand_over(draft)


def retire_others(draft: Draft) -> None:
    """Remove what holds no role any more."""
    keeper(draft).retire_others(draft)
