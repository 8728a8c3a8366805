"""What one pass saw of a rollout's world: frozen, complete, and the planner's only input besides `now`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelwright.api.models import Model
from modelwright.api.policy import Reverted
from modelwright.api.rollout import Backend, ModelRollout
from modelwright.cluster.answers import Answer
from modelwright.metrics.configuration import MetricSource
from modelwright.registries.configuration import Registry
from modelwright.rollouts.actions import Adopt
from modelwright.traffic.kserve.service import Facts
from modelwright.traffic.route import RouteSeen
from modelwright.webhooks.configuration import Webhook


@dataclass(frozen=True)
class DeploymentSeen:
    """A Deployment of ours. `wanted` is what its spec asks for, `pods` are those that there are, ready or not;
    `problem` says why pods do not start, if known."""

    name: str
    revision: str
    model: Model
    wanted: int
    uid: str = ""
    problem: str = ""
    pods: int = 0


@dataclass(frozen=True)
class ServiceSeen:
    """A Service of ours: the revision that it selects, and its ready endpoints counted by the revision of their pod."""

    revision: str
    ready: Mapping[str, int] = field(default_factory=dict)

    def holds_only(self, revision: str) -> bool:
        return set(self.ready) == {revision}


@dataclass(frozen=True)
class Approved:
    """The model that `modelFrom` names. `judged_against` is the digest of the champion in its evaluation, `since` when
    another rollout promoted it; both only where there is such a thing. `reverted` is what the policy wants left for
    the model before it, until it approves another one."""

    model: Model
    retrain_run: str
    judged_against: str = ""
    since: datetime | None = None
    reverted: Reverted | None = None


@dataclass(frozen=True)
class Golden:
    """Where the evaluation of the model of `retrain_run` lies, below the result root of the pipeline server."""

    retrain_run: str
    server: str
    uri: str
    digest: str


@dataclass(frozen=True)
class Neighbour:
    """Another rollout of the namespace. `rests`: on the model that it wants. `begun`: it asked something of a route."""

    name: str
    rests: bool
    under_way: bool = False
    begun: bool = False
    began_at: datetime | None = None
    queued_at: datetime | None = None
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecordedRevision:
    """A ControllerRevision: model and pod template of a revision, from which its Deployment can be made again."""

    revision: str
    number: int
    model: Model
    template: Mapping[str, Any]
    port: str


@dataclass(frozen=True)
class InferenceServiceSeen:
    """A KServe InferenceService. `git_follows`: whether somebody else asks for the model that it has."""

    name: str
    facts: Facts
    git_follows: bool = True
    counts_pods: bool = True
    predictor: str = ""  # the name of its predictor, where it has one


@dataclass(frozen=True)
class StableRecord:
    """A ControllerRevision of pods that are not ours: which backend became stable, and what it serves."""

    number: int
    model: Model
    backend: Backend


@dataclass(frozen=True)
class Observation:
    rollout: ModelRollout
    policy_exists: bool = False  # or the rollout that `modelFrom` names
    approved: Approved | None = None
    chain: tuple[str, ...] = ()  # the rollouts that `modelFrom` leads over, the nearest first
    deployments: Mapping[str, DeploymentSeen] = field(default_factory=dict)
    recorded: Mapping[str, RecordedRevision] = field(default_factory=dict)
    stables: tuple[StableRecord, ...] = ()  # where the pods are not ours
    inference_service: InferenceServiceSeen | None = None
    stable_service: ServiceSeen | None = None
    candidate_service: ServiceSeen | None = None
    route: RouteSeen | None = None
    orphans: tuple[Adopt, ...] = ()  # left behind by a rollout of this name, to be made ours again
    foreign: tuple[str, ...] = ()  # objects of other owners that have the names which ours need
    answers: Mapping[Any, Answer] = field(default_factory=dict)
    sources: Mapping[str, MetricSource] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    golden: Golden | None = None  # for the smoke check, where there is one
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "host:port" of ready pods, by revision
    neighbours: tuple[Neighbour, ...] = ()  # where somebody has to be waited for
    concurrent: int = 0  # how many rollouts the platform lets be under way in a namespace, 0 for any number
    shared_server: str = ""  # how the pods of a version that is not ours share their process among models
    profile_problem: str = ""  # why the metrics of spec.analysis.profile are missing
    may_raise: bool = True  # our lease was renewed within the renew deadline
    first_pass: bool = False  # nothing is remembered of this object: the operator has just started

    @property
    def newest_stable(self) -> StableRecord | None:
        return max(self.stables, key=lambda record: record.number, default=None)

    def ready(self, revision: str) -> int:
        """Ready endpoints of `revision`, in whichever of the two Services selects it."""
        return max(
            (service.ready.get(revision, 0) for service in (self.stable_service, self.candidate_service) if service),
            default=0,
        )
