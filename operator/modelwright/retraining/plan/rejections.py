"""What a policy has learnt not to try again: models that a rollout took back, and recipes that made them.

The rejection itself lives in the ModelRollout, and goes when a person says `retry` there. The policy learns it only
where candidate and stable had the same pod template: otherwise the template may have been what was wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modelwright.analysis.verdict import Verdict
from modelwright.api.policy import RejectedModel, RetrainPolicy
from modelwright.api.rollout import ModelRollout, Rejection
from modelwright.api.run import RetrainRun
from modelwright.rollouts.revision import revision_for

KEPT = 50
"""As many as the schema allows."""


def learned(
    policy: RetrainPolicy, runs: Iterable[RetrainRun], follower: ModelRollout | None
) -> tuple[RejectedModel, ...]:
    """What is rejected now, newest first: from the runs that are there, and of those that are gone what was known."""
    runs = sorted(runs, key=lambda run: -run.spec.number)
    there = {run.name for run in runs}
    found = [rejected for run in runs if (rejected := _rolled_back(run, policy, follower) or _failed_the_gate(run))]
    gone = [known for known in policy.status.rejected if known.retrain_run not in there and _still(known, follower)]
    return (*found, *gone)[:KEPT]


def models(rejected: Iterable[RejectedModel]) -> Mapping[str, str]:
    """Digests of models that a rollout took back, with the reason."""
    return {known.digest: known.reason for known in rejected if known.revision and known.digest}


def recipes(rejected: Iterable[RejectedModel]) -> Mapping[str, str]:
    """Digests of recipes, with the reason."""
    return {known.recipe: known.reason for known in rejected if known.recipe}


def _rolled_back(run: RetrainRun, policy: RetrainPolicy, follower: ModelRollout | None) -> RejectedModel | None:
    model = run.status.model
    if follower is None or model is None:
        return None
    for rejection in follower.status.rejected:
        if rejection.version != model.version or rejection.digest != model.digest:
            continue
        known = any(each.revision == rejection.revision for each in policy.status.rejected)
        if known or _same_template(run, rejection, follower):
            return RejectedModel(
                model.digest, rejection.reason, run.name, _recipe(run), rejection.revision, run.spec.planned_recipe
            )
    return None


def _failed_the_gate(run: RetrainRun) -> RejectedModel | None:
    """Only where a check of the policy's own said no: a champion that changed meanwhile is not the recipe's fault."""
    if run.status.phase != "Rejected" or run.status.model is None or not (_recipe(run) or run.spec.planned_recipe):
        return None
    failed = [line.check for line in run.status.gate if line.verdict == Verdict.FAIL and line.check[:1].islower()]
    if not failed:
        return None
    reason = f"{run.name} did not pass {', '.join(failed)}"
    return RejectedModel(
        run.status.model.digest, reason, run.name, _recipe(run), planned_recipe=run.spec.planned_recipe
    )


def _same_template(run: RetrainRun, rejection: Rejection, follower: ModelRollout) -> bool:
    """Both revisions follow from the template that is wanted now: then it is that of both."""
    stable, model, workload = follower.status.stable, run.status.model, follower.spec.workload
    if stable is None or model is None:
        return False
    expected = {
        revision_for(workload, model): rejection.revision,
        revision_for(workload, stable.model): stable.revision,
    }
    return all(revision == found for revision, found in expected.items())


def _still(known: RejectedModel, follower: ModelRollout | None) -> bool:
    if not known.revision or follower is None:
        return True
    return any(rejection.revision == known.revision for rejection in follower.status.rejected)


def _recipe(run: RetrainRun) -> str:
    return run.status.evaluation.recipe if run.status.evaluation else ""
