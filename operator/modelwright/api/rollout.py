"""ModelRollout as frozen types: how a model version goes live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from modelwright.api.ab_test import ABTest, Bucket
from modelwright.api.conditions import Condition
from modelwright.api.following import ModelFrom
from modelwright.api.metrics import Comparison, Metric
from modelwright.api.models import Model
from modelwright.api.spending import ErrorSpending
from modelwright.api.steering import Pin, Shortcut
from modelwright.api.strategy import BlueGreen as BlueGreen
from modelwright.api.strategy import HeaderMatch as HeaderMatch
from modelwright.api.strategy import MatchType as MatchType
from modelwright.api.strategy import OnPassed as OnPassed
from modelwright.api.strategy import Pause as Pause
from modelwright.api.strategy import Promote as Promote
from modelwright.api.strategy import Shadow as Shadow
from modelwright.api.strategy import Step as Step
from modelwright.api.untold import Untold


class State(StrEnum):
    ACTIVE = "Active"
    SUSPENDED = "Suspended"


class CandidateReplicas(StrEnum):
    PROPORTIONAL = "Proportional"
    FULL = "Full"
    FIXED = "Fixed"


class Confirm(StrEnum):
    OBSERVED_SHARE = "ObservedShare"
    ROUTE_ACCEPTED = "RouteAccepted"


class OnDeadline(StrEnum):
    ROLL_BACK = "RollBack"
    PAUSE = "Pause"


class OnNoData(StrEnum):
    HOLD = "Hold"
    PAUSE = "Pause"
    ROLL_BACK = "RollBack"


@dataclass(frozen=True)
class Workload:
    """Deployments that we create from `template`. `port` names the container port that serves traffic.

    `fixed_replicas` are the candidate's pods below 100 %, with `Fixed`.
    """

    template: Mapping[str, Any]
    port: str = "http"
    candidate_replicas: CandidateReplicas = CandidateReplicas.PROPORTIONAL
    fixed_replicas: int | None = None


class BackendKind(StrEnum):
    SERVICE = "Service"
    INFERENCE_POOL = "InferencePool"
    REVISION = "Revision"  # of Knative


@dataclass(frozen=True)
class Backend:
    """What traffic is sent to, in the rollout's namespace."""

    name: str
    kind: BackendKind = BackendKind.SERVICE

    def __str__(self) -> str:
        return f"{self.kind} '{self.name}'"


@dataclass(frozen=True)
class ExistingVersion:
    """A version that somebody deployed: its pods are those of `deployment`, its traffic comes through `backend`."""

    deployment: str
    backend: Backend


@dataclass(frozen=True)
class ExistingWorkload:
    """Two versions of which we own nothing but the weights. Which of them is stable is in status once it was found."""

    stable: ExistingVersion
    candidate: ExistingVersion
    candidate_replicas: CandidateReplicas = CandidateReplicas.PROPORTIONAL  # what is waited for, not what is made
    fixed_replicas: int | None = None

    def named(self, backend: Backend) -> ExistingVersion | None:
        """The version that comes through `backend`, if the spec names it."""
        return next((version for version in (self.stable, self.candidate) if version.backend == backend), None)


@dataclass(frozen=True)
class InferenceServiceWorkload:
    """A KServe InferenceService: KServe keeps the pods of both versions, and we write which models these are."""

    name: str
    candidate_replicas: CandidateReplicas = CandidateReplicas.PROPORTIONAL
    fixed_replicas: int | None = None


@dataclass(frozen=True)
class ManagedRoute:
    """A route that we create: `kind` is HTTPRoute or GRPCRoute.

    `parent_refs` are Gateway API ParentReferences as written.
    """

    parent_refs: tuple[Mapping[str, Any], ...]
    hostnames: tuple[str, ...] = ()
    kind: str = "HTTPRoute"


@dataclass(frozen=True)
class ReplicaRatio:
    """No router: one Service over the pods of both versions. `service` is its name, "" for the rollout's own."""

    service: str = ""


class RouteForTesters(StrEnum):
    NONE = "None"
    BESIDE = "Beside"


@dataclass(frozen=True)
class InferenceServiceRoute:
    """The field of the InferenceService `name` by which KServe divides traffic."""

    name: str


@dataclass(frozen=True)
class AttachedRoute:
    """A route of the user's, of which we touch two weights in every rule that names both backends.

    `kind` is HTTPRoute, GRPCRoute or VirtualService; with `rule_name` only the rule of that name is touched.
    `testers_route` is whether an HTTPRoute or GRPCRoute may get one of ours beside it: its policies miss that.
    """

    kind: str
    name: str
    rule_name: str = ""
    testers_route: RouteForTesters = RouteForTesters.NONE


@dataclass(frozen=True)
class Analysis:
    """`profile` "" means none; `metrics` are then all there are, else they are to be merged over the profile's."""

    source: str = "default"
    profile: str = ""
    interval: timedelta = timedelta(seconds=10)
    initial_delay: timedelta = timedelta(0)
    progress_deadline: timedelta | None = None
    on_deadline: OnDeadline = OnDeadline.ROLL_BACK
    on_no_data: OnNoData = OnNoData.HOLD
    no_data_grace: timedelta = timedelta(minutes=5)
    error_rate: Decimal = Decimal("0.05")
    metrics: tuple[Metric, ...] = ()


class SmokeCheck(StrEnum):
    GOLDEN_ROWS = "GoldenRows"


@dataclass(frozen=True)
class Holdback:
    """`weight` percent stay on the old revision for `lasts`, once all the rest has the new one (spec: `for`)."""

    weight: int
    lasts: timedelta


@dataclass(frozen=True)
class Promotion:
    """`rollback_window` is how many revisions that were stable before one can go back to without steps, 0 for none."""

    bake_time: timedelta = timedelta(minutes=5)
    scale_down_delay: timedelta = timedelta(seconds=30)
    rollback_window: int = 0
    smoke_check: SmokeCheck | None = None
    holdback: Holdback | None = None


@dataclass(frozen=True)
class RolloutSpec:
    workload: Workload | ExistingWorkload | InferenceServiceWorkload
    route: ManagedRoute | AttachedRoute | ReplicaRatio | InferenceServiceRoute
    state: State = State.ACTIVE
    model: Model | None = None
    model_from: ModelFrom | None = None
    baseline: Model | None = None
    depends_on: tuple[str, ...] = ()
    replicas: int = 1
    confirm: Confirm = Confirm.OBSERVED_SHARE
    steps: tuple[Step, ...] = ()  # strategy.canary; empty with another strategy
    sticky_by: Bucket | None = None  # weights of steps are shares of users by their buckets, not of requests
    blue_green: BlueGreen | None = None
    shadow: Shadow | None = None
    ab_test: ABTest | None = None
    analysis: Analysis = Analysis()
    promotion: Promotion = Promotion()
    before_step: tuple[str, ...] = ()  # webhooks of the platform, by name
    after_step: tuple[str, ...] = ()
    after_rollout: tuple[str, ...] = ()
    revision_history_limit: int = 10


@dataclass(frozen=True)
class Arm:
    """One of the two revisions that may hold traffic, with the share of it that the route was asked for last."""

    revision: str
    model: Model
    weight: int = 0
    retrain_run: str = ""
    backend: Backend | None = None  # of workloads that are not ours: where its traffic goes


@dataclass(frozen=True)
class Candidate(Arm):
    """The revision on trial. `mirror` is the percent of requests that are copied to it, None for none of them.

    Requests with all headers of `testers` go to it, whatever its weight; `audience` is the percent of all users that
    these are in an A/B test or a sticky canary, for those who look.
    """

    mirror: int | None = None
    testers: tuple[HeaderMatch, ...] = ()
    audience: int | None = None


class Stage(StrEnum):
    """Where a rollout stands between two resting points. Persisted, because it cannot be observed."""

    STARTING = "Starting"  # candidate pods are coming up, weight 0
    STEPPING = "Stepping"  # a step before 100 holds
    BAKING = "Baking"  # candidate at 100, stable still at full scale
    PROMOTING = "Promoting"  # past the commit point: forward only
    ROLLING_BACK = "RollingBack"  # weight 0 is asked for, not yet confirmed
    ABORTING = "Aborting"  # as RollingBack, by a person's word
    SUPERSEDING = "Superseding"  # as RollingBack, without a rejection
    CONCLUDING = "Concluding"  # as Superseding, at the end of a strategy that promotes nothing by itself


@dataclass(frozen=True)
class StepStatus:
    """The running step, from the wish for its weight to the end of its hold. `number` counts from 1.

    A step goes: pods ready → weight asked → accepted by the route → confirmed by traffic → held. Each time is set once.
    While pods come up, the evidence of the step before still counts: `evidence_since`. The bake time is a step of 100.
    """

    number: int
    of: int
    weight: int
    started_at: datetime
    mirror: int | None = None
    testers: tuple[HeaderMatch, ...] = ()
    asked_at: datetime | None = None
    accepted_at: datetime | None = None
    confirmed_at: datetime | None = None
    evidence_since: datetime | None = None
    held: timedelta = timedelta(0)  # finished stretches in which every guardrail that was due passed
    passing_since: datetime | None = None  # the stretch under way
    saved_at: datetime | None = None  # when running numbers (held, evidence) were last saved
    restarts: int = 0  # how often the candidate lost its endpoints in this step
    stretch: int = 0  # how often evidence has begun anew in this rollout: each time spends a part of its error rate
    extended_at: datetime | None = None  # since when an A/B test goes on that had ended undecided
    released_at: datetime | None = None  # when a person waived the rest of its hold, or ended its pause


@dataclass(frozen=True)
class MetricStatus:
    """The last transition of one metric's verdict, with its numbers."""

    name: str
    verdict: str
    reason: str
    message: str
    stable: str = ""
    candidate: str = ""
    bound: str = ""
    samples: int = 0
    since: datetime | None = None  # the first look of this verdict in a row: consecutive looks are counted from it
    no_data_since: datetime | None = None  # since when there is no number, for onNoData
    compare: Comparison | None = None  # how it is held against stable, wherever the metric is written
    margin: str = ""  # by how much, a decimal
    min: str = ""  # its own bounds, decimals
    max: str = ""
    evidence: str = ""  # what the blocks of this step have added up to, for the operator only
    at: datetime | None = None


@dataclass(frozen=True)
class Frozen:
    """What stable had shown of one metric when the candidate got all traffic, and what follows for the candidate.

    `value` is the share or the mean of `total` observations. `min` and `max` are decimals, "" for none; `about` names
    what was counted and the margin.
    """

    name: str
    value: str
    total: int
    about: str
    at: datetime
    min: str = ""
    max: str = ""


@dataclass(frozen=True)
class Rejection:
    revision: str
    digest: str
    at: datetime
    reason: str
    version: str = ""


@dataclass(frozen=True)
class HistoryEntry:
    revision: str
    version: str
    result: str  # Promoted | RolledBack | Aborted | Superseded | Concluded
    at: datetime
    since: datetime | None = None  # when it began; what was measured between is no usual past


@dataclass(frozen=True)
class CommandStatus:
    """What became of the newest command annotation, and whose it was. `outcome` is Done or Refused."""

    id: str
    verb: str
    outcome: str
    message: str
    at: datetime
    revision: str = ""
    actor: str = ""  # the user, as the API server's admission stamped it on the object


@dataclass(frozen=True)
class RolloutStatus:
    observed_generation: int = -1
    phase: str = ""  # for the eye, never read back
    stage: Stage | None = None
    stable: Arm | None = None
    candidate: Candidate | None = None
    step: StepStatus | None = None
    stage_since: datetime | None = None
    started_at: datetime | None = None  # of the rollout under way, for progressDeadline
    began_at: datetime | None = None  # the same, whatever time it was paused since
    switched_at: datetime | None = None  # while promoting: the stable Service was seen to hold only the new pods
    paused: str = ""  # PascalCase reason why a person must act ("" when nobody must)
    paused_message: str = ""
    metrics: tuple[MetricStatus, ...] = ()
    frozen: tuple[Frozen, ...] = ()
    error_spending: ErrorSpending | None = None
    untold: tuple[Untold, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    history: tuple[HistoryEntry, ...] = ()
    command: CommandStatus | None = None
    pin: Pin | None = None
    shortcut: Shortcut | None = None
    queued_at: datetime | None = None  # since when a rollout waits for its turn in the namespace
    replicas: int = 0  # pods that `selector` finds, for the scale subresource
    selector: str = ""
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class ModelRollout:
    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: RolloutSpec
    status: RolloutStatus = RolloutStatus()
    annotations: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    deleted_at: datetime | None = None
