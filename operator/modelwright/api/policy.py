"""RetrainPolicy as frozen types: when a model is retrained, by which pipeline, and what the result must be worth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modelwright.api.budget import Spending
from modelwright.api.conditions import Condition
from modelwright.api.gate import BUILT_IN_ONLY, Gate
from modelwright.api.limits import DEFAULT_LIMITS, Limits, OnRejected, OnRolledBack
from modelwright.api.models import Model
from modelwright.api.pipelines import Pipeline
from modelwright.api.publish import Publish, PublishedModel
from modelwright.api.rollout import State
from modelwright.api.triggers import Trigger


@dataclass(frozen=True)
class History:
    """How many finished runs of each kind are kept."""

    approved: int = 10
    rejected: int = 10
    failed: int = 5


@dataclass(frozen=True)
class PolicySpec:
    """`model` is what policies that may not retrain at the same time have in common, "" for no other policy's."""

    pipeline: Pipeline
    model: str = ""
    state: State = State.ACTIVE
    triggers: tuple[Trigger, ...] = ()
    limits: Limits = DEFAULT_LIMITS
    gate: Gate = BUILT_IN_ONLY
    history: History = History()
    publish: Publish | None = None
    on_rejected: OnRejected | None = None
    on_rolled_back: OnRolledBack | None = None
    model_rollout: str = ""  # spec: championFrom.modelRolloutRef; "" means the one rollout that follows this policy


@dataclass(frozen=True)
class ApprovedModel:
    number: int
    model: Model
    retrain_run: str


@dataclass(frozen=True)
class Champion:
    """The model that the follower's stable revision serves."""

    revision: str
    model: Model
    model_rollout: str
    since: datetime | None = None


@dataclass(frozen=True)
class RejectedModel:
    """Not to be tried again. `revision` is the one that a rollout took back, "" where the gate said no: then only the
    recipe is rejected, as other rows may judge the same model otherwise. `planned_recipe` is what was known of that
    before."""

    digest: str
    reason: str
    retrain_run: str
    recipe: str = ""
    revision: str = ""
    planned_recipe: str = ""


@dataclass(frozen=True)
class Reverted:
    """The champion that rollouts shall leave for the one before it. It counts for what was promoted before `at`, and
    until a model with a higher `number` is approved."""

    number: int
    version: str
    digest: str
    trigger: str
    message: str
    at: datetime


@dataclass(frozen=True)
class Baseline:
    """What a metric was at `at`, when a promotion had settled, as decimals: the value, and one-sided bounds of it (the
    value itself where its uncertainty is unknown). `about` is a digest of the query."""

    value: str
    low: str
    high: str
    at: datetime
    revision: str
    about: str
    version: str = ""
    samples: int = 0


@dataclass(frozen=True)
class TriggerStatus:
    """`verdict` is Firing, Pending (bound crossed, `for` not yet over), Quiet, NoData or Error, since `since`.

    `handled` is the newest occasion (a slot of a schedule) that is done with: a run was started for it. `latched` is
    when it started a run, as long as it may not start another; `last_fired` when a metric stopped to fire.
    """

    name: str
    verdict: str
    reason: str
    message: str
    value: str = ""
    bound: str = ""
    samples: int = 0
    since: datetime | None = None
    handled: str = ""
    latched: datetime | None = None
    last_fired: datetime | None = None
    baseline: Baseline | None = None


@dataclass(frozen=True)
class Launch:
    run: str
    at: datetime


@dataclass(frozen=True)
class Pending:
    """What holds back a trigger that fires or a run that waits (`run`), since when, and until when if that is known."""

    reason: str
    message: str
    since: datetime
    until: datetime | None = None
    run: str = ""


@dataclass(frozen=True)
class ReceivedEvent:
    """An occasion for `trigger` that came in over HTTP. `run` is what was started for it, "" while it waits."""

    trigger: str
    id: str
    type: str
    at: datetime
    source: str = ""
    run: str = ""


@dataclass(frozen=True)
class PolicyCommand:
    """What became of the newest command annotation, and whose it was. `outcome` is Done (with its `run`) or Refused."""

    id: str
    outcome: str = ""
    message: str = ""
    actor: str = ""
    run: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class PolicyStatus:
    observed_generation: int = -1
    approved: ApprovedModel | None = None
    champion: Champion | None = None
    triggers: tuple[TriggerStatus, ...] = ()
    last_run: str = ""
    last_run_finished_at: datetime | None = None
    command: PolicyCommand | None = None
    pending: Pending | None = None
    launches: tuple[Launch, ...] = ()  # of the last 24 hours, where there is a limit to them
    spending: Spending | None = None  # where there is a budget
    next_number: int = 1
    rejected: tuple[RejectedModel, ...] = ()
    reverted: Reverted | None = None
    published: PublishedModel | None = None
    events: tuple[ReceivedEvent, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class RetrainPolicy:
    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: PolicySpec
    status: PolicyStatus = PolicyStatus()
    annotations: Mapping[str, str] = field(default_factory=dict)
    deleted_at: datetime | None = None
