"""What is remembered of runs: how their models fared, what is rejected with them, and which runs are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import (
    CHAMPION,
    NEW_DIGEST,
    NOW,
    finished_run,
    history,
    policy,
    policy_seen,
    rollout,
    run,
    run_seen,
)

from modelwright.api.models import Model
from modelwright.api.policy import ApprovedModel, History, PolicyStatus
from modelwright.api.rollout import Arm, ModelRollout, Rejection, Workload
from modelwright.api.run import EvaluationSummary, GateLine, RetrainRun
from modelwright.retraining.plan import plan_policy, plan_run
from modelwright.retraining.plan.pruning import prunable
from modelwright.retraining.plan.rejections import learned, models, recipes
from modelwright.rollouts.revision import revision_of

DAY = timedelta(days=1)
RECIPE = "sha256:" + "c" * 64
MODEL = Model("churn-run1", "file:///results/ml/churn-run1/model", NEW_DIGEST)


def made(run: RetrainRun, **status: Any) -> RetrainRun:
    summary = EvaluationSummary("file:///e", "sha256:e", 5000, recipe=RECIPE)
    return replace(run, status=replace(run.status, **{"evaluation": summary, **status}))


def rolled_back(*, same_template: bool = True) -> ModelRollout:
    """A rollout that took the model of churn-run1 back."""
    built = rollout()
    template = {} if same_template else {"edited": "since"}
    revision = revision_of(MODEL, template, Workload.port)
    stable = Arm(revision_of(CHAMPION, {}, Workload.port), CHAMPION, weight=100)
    rejection = Rejection(revision, NEW_DIGEST, NOW, "errors 5 % > 1 %", MODEL.version)
    return replace(built, status=replace(built.status, stable=stable, rejected=(rejection,)))


def test_an_approved_run_learns_what_became_of_its_model() -> None:
    approved = finished_run(1, NOW, approved=True)
    taken_up = rollout(candidate=Arm("77d0", MODEL, weight=5, retrain_run="churn-run1"), started_at=NOW)
    planned = plan_run(run_seen(approved, policy(), followers=(taken_up,)), NOW)
    assert [(each.name, each.result) for each in planned.status.rollouts] == [("churn", "Progressing")]
    back = rollout(history=(history("churn-run1", "RolledBack", NOW + DAY),))
    after = plan_run(run_seen(replace(approved, status=planned.status), policy(), followers=(back,)), NOW + DAY)
    assert [(each.result, each.at) for each in after.status.rollouts] == [("RolledBack", NOW + DAY)]
    forgotten = plan_run(run_seen(replace(approved, status=after.status), policy(), followers=()), NOW + 2 * DAY)
    assert forgotten.status == after.status


def test_a_policy_learns_model_and_recipe_of_what_its_rollout_took_back() -> None:
    runs = (made(finished_run(1, NOW, approved=True)),)
    planned = plan_policy(policy_seen(policy(), runs=runs, followers=(rolled_back(),)), NOW)
    assert [(each.digest, each.recipe, each.retrain_run) for each in planned.status.rejected] == [
        (NEW_DIGEST, RECIPE, "churn-run1")
    ]
    assert planned.status.champion is not None
    assert planned.status.champion.model == CHAMPION, "the champion stays champion"


def test_a_rollback_of_another_pod_template_says_nothing_about_the_model() -> None:
    runs = (made(finished_run(1, NOW, approved=True)),)
    assert learned(policy(), runs, rolled_back(same_template=False)) == ()


def test_what_was_learnt_outlives_its_run_and_a_retry_forgets_it() -> None:
    runs = (made(finished_run(1, NOW, approved=True)),)
    known = learned(policy(), runs, rolled_back())
    remembering = replace(policy(), status=PolicyStatus(rejected=known))
    assert learned(remembering, (), rolled_back()) == known
    assert learned(remembering, (), rollout()) == (), "a person said retry"


def test_a_recipe_is_rejected_by_a_check_of_the_policy_but_not_by_bad_luck() -> None:
    failed = made(finished_run(1, NOW), phase="Rejected", gate=(GateLine("floor", "Fail"),))
    assert recipes(learned(policy(), (failed,), None)) == {RECIPE: "churn-run1 did not pass floor"}
    assert models(learned(policy(), (failed,), None)) == {}, "other rows may judge the same model otherwise"
    for line in (GateLine("ChampionUnchanged", "Fail"), GateLine("floor", "NoData")):
        unlucky = made(finished_run(1, NOW), phase="Rejected", gate=(line,))
        assert learned(policy(), (unlucky,), None) == ()


def old(built: RetrainRun) -> RetrainRun:
    return replace(built, created_at=NOW - 10 * DAY)


def rejected(number: int) -> RetrainRun:
    built = finished_run(number, NOW)
    return old(replace(built, status=replace(built.status, phase="Rejected")))


def pruned(runs: tuple[RetrainRun, ...], limits: History, **known: Any) -> list[str]:
    status, followers = known.get("status", PolicyStatus()), known.get("followers", ())
    return [run.name for run in prunable(runs, limits, status, followers, NOW)]


def test_of_each_kind_the_newest_are_kept() -> None:
    approved = tuple(old(finished_run(number, NOW, approved=True)) for number in (1, 2, 3))
    failed = tuple(old(finished_run(number, NOW)) for number in (4, 5, 6))
    runs = (*approved, *failed, *(rejected(number) for number in (7, 8, 9)), run(10))
    assert pruned(runs, History(approved=1, rejected=2, failed=1)) == [
        "churn-run1",
        "churn-run2",
        "churn-run4",
        "churn-run5",
        "churn-run7",
    ]


def test_what_is_needed_is_never_pruned() -> None:
    runs = tuple(old(finished_run(number, NOW, approved=True)) for number in range(1, 8))
    named = rollout(
        candidate=Arm("77d0", Model("churn-run2", "file:///m"), retrain_run="churn-run2"),
        history=(history("churn-run3", "RolledBack", NOW),),
        rejected=(Rejection("5c1e", NEW_DIGEST, NOW, "bad", "churn-run4"),),
    )
    status = PolicyStatus(approved=ApprovedModel(1, MODEL, "churn-run1"))
    assert pruned(runs, History(approved=1), status=status, followers=(named,)) == ["churn-run5", "churn-run6"]
    recent = tuple(replace(run, created_at=NOW - DAY) for run in runs)
    assert pruned(recent, History(approved=1)) == [], "limits count the runs of the last day"


def test_runs_go_only_by_a_pass_that_has_nothing_left_to_save() -> None:
    runs = tuple(rejected(number) for number in range(1, 13))
    planned = plan_policy(policy_seen(policy(), runs=runs), NOW)
    assert [run.name for run in planned.delete_runs] == ["churn-run1", "churn-run2"]
