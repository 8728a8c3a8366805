"""Runs that only score the champion again, and what the policy does about what they find."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.retraining.builders import (
    CHAMPION,
    DECLARED,
    NOW,
    OLD_DIGEST,
    TRIGGER,
    answered,
    counts,
    evaluation,
    policy,
    policy_seen,
    run,
    run_seen,
)
from tests.retraining.passes import BAD, after, condition

from modelwright.api.conditions import Condition
from modelwright.api.cron import Cron
from modelwright.api.gate import Check, FindingsCheck, Gate
from modelwright.api.limits import Blackout, Failures, Limits
from modelwright.api.metrics import Bounds
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import PipelineRun, Purpose, RetrainRun, RunStatus
from modelwright.api.triggers import Action
from modelwright.kubeflow.evaluation import EvaluatedModel, FoundFinding, MetricResult
from modelwright.kubeflow.questions import (
    DeclaredParameter,
    DescribePipeline,
    PipelineDescription,
    ReadEvaluation,
    ReadResult,
)
from modelwright.retraining.plan import PolicyPlan, RunPlan, plan_policy, plan_run
from modelwright.retraining.plan.evaluating import BROKEN_DATA, FAILS, HOLDS, UNKNOWN
from modelwright.retraining.plan.pipelines import required_parameters
from modelwright.retraining.plan.pruning import prunable

DRIFT = replace(TRIGGER, name="drift", action=Action.EVALUATE)
DUE = NOW + timedelta(minutes=10)
WITH_PURPOSE = (*DECLARED, DeclaredParameter("purpose", "STRING", optional=True))


def look(subject: RetrainPolicy, at: datetime, share: tuple[int, int] = BAD, **seen: Any) -> PolicyPlan:
    """A pass in which all was answered, by a pipeline that takes `purpose` unless `declared` says otherwise."""
    declared = seen.pop("declared", WITH_PURPOSE)
    questions = plan_policy(policy_seen(subject, **seen), at).questions
    answers = {
        question: answered(
            PipelineDescription("p", "v", "1", declared)
            if isinstance(question, DescribePipeline)
            else counts(*share, at),
            at,
        )
        for question in questions
    }
    return plan_policy(policy_seen(subject, answers=answers, **seen), at)


def fires(subject: RetrainPolicy, **seen: Any) -> PolicyPlan:
    return look(after(subject, look(subject, NOW, **seen)), DUE, **seen)


def drifting(**spec: Any) -> RetrainPolicy:
    return policy(**{"triggers": (DRIFT,), **spec})


def scored(reason: str, at: datetime = NOW, number: int = 1) -> RetrainRun:
    """A run that has scored the champion."""
    built = run(number)
    return replace(
        built,
        spec=replace(
            built.spec, purpose=Purpose.EVALUATE, evidence=(replace(built.spec.evidence[0], trigger="drift"),)
        ),
        status=RunStatus(
            phase="Evaluated",
            pipeline_run=PipelineRun(requested_at=at - timedelta(minutes=5)),
            conditions=(
                Condition(
                    "Succeeded", "True" if reason in (HOLDS, FAILS) else "False", reason, last_transition_time=at
                ),
            ),
        ),
    )


def test_drift_starts_a_run_that_scores_the_champion_and_trains_nothing() -> None:
    created = fires(drifting()).create_run
    assert created is not None
    assert created.spec.purpose is Purpose.EVALUATE
    assert [each.trigger for each in created.spec.evidence] == ["drift"]
    assert ("purpose", "Evaluate") in required_parameters(created, "file:///results/x")
    assert "purpose" not in dict(required_parameters(run(), "file:///results/x"))


def test_beside_a_trigger_that_retrains_it_is_evidence_of_the_same_run() -> None:
    created = fires(drifting(triggers=(TRIGGER, DRIFT))).create_run
    assert created is not None
    assert created.spec.purpose is Purpose.RETRAIN
    assert [each.trigger for each in created.spec.evidence] == ["accuracy", "drift"]


def test_a_champion_that_fails_its_floor_is_retrained_for_the_evidence_of_the_evaluation() -> None:
    plan = look(drifting(), NOW + timedelta(minutes=1), share=(950, 1000), runs=(scored(FAILS),))
    assert plan.create_run is not None
    assert plan.create_run.spec.purpose is Purpose.RETRAIN
    (evidence,) = plan.create_run.spec.evidence
    assert (evidence.trigger, evidence.occasion) == ("drift", "evaluation/churn-run1")


@pytest.mark.parametrize("reason", [HOLDS, BROKEN_DATA, UNKNOWN])
def test_whatever_else_it_finds_starts_nothing(reason: str) -> None:
    plan = look(drifting(), NOW + timedelta(minutes=1), share=(950, 1000), runs=(scored(reason),))
    assert plan.create_run is None


def test_a_champion_that_was_replaced_meanwhile_is_not_retrained_for_it() -> None:
    stale = scored(FAILS)
    stale = replace(stale, spec=replace(stale.spec, champion=replace(CHAMPION, version="older")))
    assert look(drifting(), NOW + timedelta(minutes=1), share=(950, 1000), runs=(stale,)).create_run is None


def test_drift_that_lasts_is_evaluated_again_only_after_the_cooldown() -> None:
    subject = after(drifting(), look(drifting(), NOW))
    early = look(subject, DUE, runs=(scored(HOLDS, DUE - timedelta(minutes=1)),))
    assert early.create_run is None
    assert early.status.pending is not None
    assert early.status.pending.reason == "Cooldown"
    assert condition(early, "Retraining") == ("False", "Cooldown")
    assert look(subject, DUE, runs=(scored(HOLDS, DUE - timedelta(hours=2)),)).create_run is not None


def test_an_evaluation_starts_no_cooldown_for_a_retraining() -> None:
    plan = look(drifting(), NOW, runs=(scored(HOLDS, NOW),))
    assert plan.status.last_run_finished_at is None


def test_what_would_keep_it_from_being_launched_keeps_it_from_being_created() -> None:
    always = Limits(blackouts=(Blackout(Cron("0 * * * *"), timedelta(hours=2)),))
    plan = fires(drifting(limits=always))
    assert plan.create_run is None
    assert condition(plan, "Retraining") == ("False", "Blackout")


def test_it_counts_neither_as_a_success_nor_as_a_setback() -> None:
    limits = Limits(failures=Failures(suspend_after=1), cooldown=timedelta(0))
    plan = look(drifting(limits=limits), DUE, runs=(scored(UNKNOWN, NOW),))
    assert condition(plan, "Ready") == ("True", "Armed")


def test_a_pipeline_that_could_only_train_is_refused() -> None:
    plan = look(drifting(), NOW, declared=DECLARED)
    assert condition(plan, "Stalled") == ("True", "InvalidParameters")
    assert plan.create_run is None


def test_without_a_floor_there_is_nothing_to_decide_by() -> None:
    plan = look(drifting(gate=Gate()), NOW)
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")


def test_evaluations_are_pruned_by_themselves() -> None:
    runs = [replace(scored(HOLDS, number=n), created_at=NOW) for n in range(1, 15)]
    seen = policy_seen(drifting(), runs=tuple(runs))
    gone = prunable(seen.runs, seen.policy.spec.history, seen.policy.status, (), NOW + timedelta(days=2))
    assert [each.spec.number for each in gone] == [1, 2, 3, 4]


def judged(policy: RetrainPolicy | None = None, digest: str = OLD_DIGEST, **changes: Any) -> RunPlan:
    """What an evaluation run comes to whose pipeline left this."""
    uri = "file:///results/ml/churn-run1/evaluation.json"
    begun = run(
        status=RunStatus(
            phase="Evaluating",
            pipeline_run=PipelineRun(NOW, "kf-1", "SUCCEEDED", NOW, NOW, result_uri=uri),
        )
    )
    begun = replace(begun, spec=replace(begun.spec, purpose=Purpose.EVALUATE))
    question = ReadEvaluation("default", uri, uri.rpartition("/")[0], of_champion=True)
    model = EvaluatedModel(CHAMPION.uri, digest)
    result = ReadResult(evaluation(model=model, **changes), "sha256:file", "")
    return plan_run(run_seen(begun, policy or drifting(), answers={question: answered(result)}), NOW)


def verdict(plan: RunPlan) -> tuple[str, str, str]:
    (found,) = plan.status.conditions
    return plan.status.phase, found.status, found.reason


def accuracy(value: float) -> dict[str, MetricResult]:
    return {"accuracy": MetricResult(value, 5000, higher_is_better=True, unit="share")}


def test_a_champion_above_its_floors_holds() -> None:
    plan = judged()
    assert verdict(plan) == ("Evaluated", "True", HOLDS)
    assert plan.status.model is None
    assert "not-worse" not in [line.check for line in plan.status.gate]


def test_a_champion_below_a_floor_fails_with_its_numbers() -> None:
    plan = judged(metrics=accuracy(0.87))
    assert verdict(plan) == ("Evaluated", "True", FAILS)
    assert plan.status.conditions[0].message == "floor: accuracy 0.87 on 5000 rows, needed ≥ 0.90"


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        ({"digest": "sha256:another"}, "ScoresChampion"),
        ({"run_uid": "another"}, "RunEcho"),
        ({"metrics": {}}, "floor"),
        ({"overlap_rows": 3}, "RowsDisjoint"),
    ],
)
def test_what_cannot_be_told_decides_nothing(changes: dict[str, Any], check: str) -> None:
    plan = judged(**changes)
    assert verdict(plan) == ("Evaluated", "False", UNKNOWN)
    assert plan.status.conditions[0].message.startswith(f"{check}: ")


def test_broken_data_is_told_and_not_trained_on() -> None:
    checks = (
        Check("floor", "accuracy", bounds=Bounds(min=Decimal("0.90"))),
        Check("data", findings=FindingsCheck()),
    )
    broken = (FoundFinding("nulls", "Error", "…"),)
    plan = judged(drifting(gate=Gate(checks)), metrics=accuracy(0.5), findings=broken)
    assert verdict(plan) == ("Evaluated", "False", BROKEN_DATA)
