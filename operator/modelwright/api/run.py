"""RetrainRun as frozen types: what happened in one attempt. Written by the operator only; the spec is immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from modelwright.api.approval import ApprovalStatus
from modelwright.api.budget import Price
from modelwright.api.conditions import Condition
from modelwright.api.models import Model
from modelwright.api.pipelines import Pipeline


@dataclass(frozen=True)
class Evidence:
    """Why the run was started: one trigger with its numbers. `window_start` is where its window began.

    `occasion` names what a trigger fires for once (a slot of a schedule); "" for what fires as long as it lasts.
    """

    trigger: str
    at: datetime
    query: str
    value: str
    bound: str
    samples: int = 0
    window_start: datetime | None = None
    occasion: str = ""
    actor: str = ""  # who asked for it by hand


@dataclass(frozen=True)
class Streak:
    """Runs in a row that failed, and that the gate rejected."""

    failures: int = 0
    rejections: int = 0


class Purpose(StrEnum):
    """What a run is for: another model, or only to know what the champion is worth by now."""

    RETRAIN = "Retrain"
    EVALUATE = "Evaluate"


@dataclass(frozen=True)
class RunSpec:
    number: int
    policy_name: str
    policy_uid: str
    policy_generation: int
    key: str
    evidence: tuple[Evidence, ...]
    pipeline: Pipeline  # as the policy said when it fired; valueFrom is resolved to literals
    champion: Model | None = None  # at the time of the trigger
    streak: Streak = Streak()  # up to this run
    model: str = ""  # the policy's: of those that share it, one trains at a time
    purpose: Purpose = Purpose.RETRAIN
    planned_recipe: str = ""  # what was known of the recipe before; "" where nothing tells which data there are
    price: Price | None = None  # of an hour of its pipeline, when the trigger fired
    confidence: str = ""  # one-sided, that the gate will need of comparisons; "" where it compares nothing


@dataclass(frozen=True)
class PipelineRun:
    """The Kubeflow run. `requested_at` is written before the first create call: the intent survives a crash."""

    requested_at: datetime | None = None
    id: str = ""
    state: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    result_uri: str = ""
    url: str = ""  # where people see it
    retries: int = 0  # how often it was asked to go on after it had failed, the last time at `failed_at`
    failed_at: datetime | None = None
    duration: timedelta | None = None  # from start to end, once it has ended
    cost: str = ""  # of that time, such as "3.10 EUR"
    gpu_hours: str = ""


@dataclass(frozen=True)
class EvaluationSummary:
    """`rows_digest` names the evaluation rows and `data` the training rows, `recipe` what the model was made with."""

    uri: str
    digest: str
    samples: int
    champion: str = ""
    rows_digest: str = ""
    data: str = ""
    recipe: str = ""


@dataclass(frozen=True)
class GateLine:
    check: str
    verdict: str
    message: str = ""


@dataclass(frozen=True)
class RolloutOutcome:
    """How a rollout stands with the model: Progressing, or as its history ends: Promoted, RolledBack, …"""

    name: str
    result: str
    revision: str
    at: datetime | None = None


@dataclass(frozen=True)
class Cancellation:
    """The command on the policy by which a person ended the run."""

    command: str
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class RunStatus:
    observed_generation: int = -1
    # Condition Succeeded: True Approved, False GateRejected or PipelineFailed (among others), Unknown while it lasts.
    phase: str = ""  # Pending | Running | Evaluating | Waiting | Approved | Rejected | Failed: for the eye
    lock_asked_at: datetime | None = None  # while it waits for the lock of its model and for nothing else
    pipeline_run: PipelineRun = PipelineRun()
    model: Model | None = None
    evaluation: EvaluationSummary | None = None
    gate: tuple[GateLine, ...] = ()
    approval: ApprovalStatus | None = None
    cancelled: Cancellation | None = None
    rollouts: tuple[RolloutOutcome, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class RetrainRun:
    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: RunSpec
    status: RunStatus = RunStatus()
    annotations: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    deleted_at: datetime | None = None
