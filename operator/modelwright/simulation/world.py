"""The little world in which a policy is replayed: one rollout that takes up every approved model at once."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime

from modelwright.api.conditions import Condition
from modelwright.api.models import Model
from modelwright.api.parsing import parse_rollout
from modelwright.api.pipelines import Pipeline
from modelwright.api.policy import PolicyStatus, RetrainPolicy
from modelwright.api.rollout import Arm, HistoryEntry, ModelRollout
from modelwright.api.run import PipelineRun, RetrainRun
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.retraining.plan.costs import reckoned

SERVER = PipelineServer("default", "http://127.0.0.1:9", "file:///simulated")
SERVERS = {SERVER.name: SERVER}
CONTAINER = {"name": "model", "ports": [{"name": "http", "containerPort": 8080}]}
FIRST = Model("first", "file:///simulated/first", "sha256:" + "0" * 64)
OUTCOMES = {
    "Approved": ("True", "Approved", "Approved"),
    "Rejected": ("False", "GateRejected", "Rejected"),
    "Failed": ("False", "PipelineFailed", "Failed"),
    "SpentOut": ("False", "BudgetExceeded", "Failed"),
    "Evaluated": ("True", "ChampionHolds", "Evaluated"),
}


def simulated(policy: RetrainPolicy) -> RetrainPolicy:
    """The policy with its triggers and limits, and nothing that only a cluster has."""
    pipeline = Pipeline("simulated", timeout=policy.spec.pipeline.timeout, resources=policy.spec.pipeline.resources)
    spec = replace(policy.spec, pipeline=pipeline, model_rollout="", publish=None)
    return replace(policy, spec=spec, status=PolicyStatus(), deleted_at=None)


def follower_of(policy: RetrainPolicy) -> ModelRollout:
    """A rollout that follows the policy and serves a first model."""
    rollout = parse_rollout(
        {
            "metadata": {
                "name": policy.name,
                "namespace": policy.namespace,
                "uid": "simulated",
                "generation": 1,
                "resourceVersion": "1",
            },
            "spec": {
                "modelFrom": {"retrainPolicyRef": {"name": policy.name}},
                "workload": {"deployment": {"template": {"spec": {"containers": [CONTAINER]}}}},
                "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "simulated"}]}}},
                "strategy": {"canary": {"steps": [{"weight": 50, "hold": "1m"}]}},
            },
        }
    )
    return replace(rollout, status=replace(rollout.status, stable=Arm("first", FIRST, 100)))


def taken_up(rollout: ModelRollout, run: RetrainRun, at: datetime) -> ModelRollout:
    """The rollout after it promoted the model of `run`, without any time between."""
    model = run.status.model
    assert model is not None
    entry = HistoryEntry(run.name, model.version, "Promoted", at)
    status = replace(
        rollout.status,
        stable=Arm(run.name, model, 100, run.name),
        history=(entry, *rollout.status.history)[:20],
    )
    return replace(rollout, status=status)


def created(run: RetrainRun, at: datetime) -> RetrainRun:
    return replace(run, uid=f"{run.name}-uid", generation=1, resource_version="1", created_at=at)


def launched_at(run: RetrainRun) -> datetime | None:
    return run.status.pipeline_run.requested_at


def begun(run: RetrainRun, at: datetime) -> RetrainRun:
    """The run whose pipeline began in the moment in which it was asked for."""
    known = replace(run.status.pipeline_run, id=run.name, state="RUNNING", started_at=at)
    return replace(run, status=replace(run.status, pipeline_run=known))


def ended(run: RetrainRun, at: datetime, outcome: str) -> RetrainRun:
    """The run after its pipeline, with a model of its own if it was approved."""
    status, reason, phase = OUTCOMES[outcome]
    digest = f"sha256:{hashlib.sha256(run.name.encode()).hexdigest()}"
    model = Model(run.name, f"file:///simulated/{run.name}", digest)
    known = PipelineRun(launched_at(run), run.name, "SUCCEEDED", launched_at(run), at)
    condition = Condition("Succeeded", status, reason, "simulated", 1, at)
    changed = replace(
        run.status,
        observed_generation=1,
        phase=phase,
        pipeline_run=known,
        model=model if outcome in ("Approved", "Rejected") else None,
        conditions=(condition,),
    )
    return reckoned(replace(run, status=changed))
