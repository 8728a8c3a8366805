"""A small world of retraining: one policy, its runs, its follower, and an evaluation that passes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from modelwright.analysis.counts import Counts
from modelwright.api.conditions import Condition
from modelwright.api.following import ModelFrom
from modelwright.api.gate import AgainstChampion, Check, Gate
from modelwright.api.limits import Limits
from modelwright.api.metrics import Bounds, Proportion
from modelwright.api.models import Model
from modelwright.api.pipelines import Parameter, Pipeline
from modelwright.api.policy import (
    PolicySpec,
    RetrainPolicy,
)
from modelwright.api.rollout import Arm, HistoryEntry, ManagedRoute, ModelRollout, RolloutSpec, RolloutStatus, Workload
from modelwright.api.run import Evidence, PipelineRun, RetrainRun, RunSpec, RunStatus
from modelwright.api.triggers import MetricTrigger, Trigger
from modelwright.cluster.answers import Answer
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.evaluation import (
    Comparison,
    EvaluatedChampion,
    EvaluatedModel,
    EvaluatedRows,
    Evaluation,
    MetricResult,
    Rows,
)
from modelwright.kubeflow.questions import DeclaredParameter, DescribePipeline, PipelineDescription
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.questions import CountsLook
from modelwright.retraining.observation import PolicyObservation, RunObservation

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
OLD_DIGEST = "sha256:" + "0" * 64
NEW_DIGEST = "sha256:" + "1" * 64
CHAMPION = Model("churn-old", "file:///results/ml/churn-old/model", OLD_DIGEST)

SERVERS = {"default": PipelineServer("default", "http://127.0.0.1:9", "file:///results")}
SOURCES = {"default": MetricSource("default", "http://127.0.0.1:9", scrape_interval=timedelta(seconds=1))}

METRIC = MetricTrigger(
    bounds=Bounds(min=Decimal("0.90")),
    proportion=Proportion("correct{$(champion)}", "labelled{$(champion)}", timedelta(minutes=5)),
    hold=timedelta(minutes=10),
)
TRIGGER = Trigger("accuracy", METRIC)
DECLARED = (
    DeclaredParameter("epochs", "NUMBER_INTEGER"),
    DeclaredParameter("since", "STRING", optional=True),
    DeclaredParameter("champion_uri", "STRING"),
    DeclaredParameter("result_uri", "STRING"),
    DeclaredParameter("run_uid", "STRING"),
)
DESCRIBE = DescribePipeline("default", "churn-training", "", "ml")


def policy(**spec: Any) -> RetrainPolicy:
    defaults: dict[str, Any] = {
        "pipeline": Pipeline(
            "churn-training",
            parameters=(Parameter("epochs", value="20"), Parameter("since", trigger="windowStart")),
        ),
        "triggers": (TRIGGER,),
        "limits": Limits(cooldown=timedelta(hours=1), settle=timedelta(minutes=30)),
        "gate": Gate(
            (
                Check("floor", "accuracy", bounds=Bounds(min=Decimal("0.90"))),
                Check("not-worse", "accuracy", champion=AgainstChampion(max_decrease=Decimal("0.005"))),
            )
        ),
    }
    return RetrainPolicy("ml", "churn", "policy-uid", 1, "7", PolicySpec(**{**defaults, **spec}))


def rollout(name: str = "churn", stable: Model | None = CHAMPION, **status: Any) -> ModelRollout:
    arm = Arm("77d0aa91c2", stable, weight=100) if stable else None
    return ModelRollout(
        namespace="ml",
        name=name,
        uid=f"{name}-uid",
        generation=1,
        resource_version="1",
        spec=RolloutSpec(Workload({}), ManagedRoute(({"name": "public"},)), model_from=ModelFrom("churn")),
        status=RolloutStatus(**{"stable": arm, **status}),
    )


def history(version: str, result: str, at: datetime) -> HistoryEntry:
    return HistoryEntry("77d0aa91c2", version, result, at)


def run(number: int = 1, name: str = "", **changes: Any) -> RetrainRun:
    name = name or f"churn-run{number}"
    built = RetrainRun(
        namespace="ml",
        name=name,
        uid=f"{name}-uid",
        generation=1,
        resource_version="1",
        spec=RunSpec(
            number=number,
            policy_name="churn",
            policy_uid="policy-uid",
            policy_generation=1,
            key="after/none",
            evidence=(Evidence("accuracy", NOW, "…", "0.80", "≥ 0.90", 1000),),
            pipeline=Pipeline("churn-training", parameters=(Parameter("epochs", value="20"),)),
            champion=CHAMPION,
        ),
        created_at=NOW,
    )
    return replace(built, **changes)


def finished_run(number: int, at: datetime, *, approved: bool = False, launched: bool = True) -> RetrainRun:
    outcome = ("True", "Approved") if approved else ("False", "GateRejected")
    name = f"churn-run{number}"
    return run(
        number,
        status=RunStatus(
            observed_generation=1,
            pipeline_run=PipelineRun(requested_at=at - timedelta(minutes=5)) if launched else PipelineRun(),
            model=Model(name, f"file:///results/ml/{name}/model", NEW_DIGEST),
            conditions=(Condition("Succeeded", *outcome, last_transition_time=at),),
        ),
    )


def answered(value: Any, at: datetime = NOW) -> Answer:
    return Answer(at, at, value)


def described(at: datetime = NOW) -> dict[Any, Answer]:
    return {DESCRIBE: answered(PipelineDescription("p", "v", "1", DECLARED), at)}


def counts(events: int, total: int, at: datetime = NOW) -> CountsLook:
    return CountsLook(Counts(events, total), at)


def policy_seen(policy: RetrainPolicy, **changes: Any) -> PolicyObservation:
    defaults: dict[str, Any] = {"followers": (rollout(),), "servers": SERVERS, "sources": SOURCES}
    return PolicyObservation(policy, **{**defaults, **changes})


def run_seen(run: RetrainRun, of: RetrainPolicy | None, **changes: Any) -> RunObservation:
    defaults: dict[str, Any] = {
        "leading_since": NOW - timedelta(days=1),
        "followers": (rollout(),),
        "servers": SERVERS,
        "finalizers": ("modelwright.dev/pipeline-run",),
    }
    return RunObservation(run, of, **{**defaults, **changes})


def evaluation(run_uid: str = "churn-run1-uid", **changes: Any) -> Evaluation:
    defaults: dict[str, Any] = {
        "run_uid": run_uid,
        "model": EvaluatedModel("file:///results/ml/churn-run1/model", NEW_DIGEST),
        "champion": EvaluatedChampion(OLD_DIGEST, rescored=True),
        "train": Rows(NOW - timedelta(days=2), NOW - timedelta(days=1), "sha256:train"),
        "evaluate": EvaluatedRows(
            Rows(NOW - timedelta(hours=6), NOW, "sha256:evaluate"), 5000, "Random", timedelta(hours=1)
        ),
        "overlap_rows": 0,
        "overlap_entities": 0,
        "metrics": {
            "accuracy": MetricResult(0.931, 5000, higher_is_better=True, unit="share"),
            "ece": MetricResult(0.02, 5000, higher_is_better=False, unit="share"),
        },
        "comparisons": {
            "accuracy": Comparison(0.018, 0.011, 0.025, 0.95, "paired bootstrap", "share"),
            "ece": Comparison(-0.01, -0.02, 0.001, 0.95, "paired bootstrap", "share"),
        },
    }
    return Evaluation(**{**defaults, **changes})
