"""The RetrainRun that a firing policy creates: named after the run before it, with all that it was created for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from decimal import ROUND_UP, Decimal

from modelwright.api.pipelines import Pipeline
from modelwright.api.policy import ApprovedModel, Champion, RetrainPolicy
from modelwright.api.run import Evidence, Purpose, RetrainRun, RunSpec, Streak
from modelwright.kubeflow.questions import PipelineDescription
from modelwright.retraining.observation import PolicyObservation
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.costs import price_of
from modelwright.retraining.plan.described import Known
from modelwright.retraining.plan.gate import needed_confidence
from modelwright.retraining.plan.limits import streak
from modelwright.retraining.plan.pipelines import resolved

HASH_LENGTH = 8


def new_run(
    seen: PolicyObservation,
    evidence: tuple[Evidence, ...],
    champion: Champion | None,
    approved: ApprovedModel | None,
    known: Known,
    purpose: Purpose = Purpose.RETRAIN,
    planned_recipe: str = "",
) -> RetrainRun:
    """A whole run without uid. InvalidSpec where a parameter asks for what there is not."""
    policy = seen.policy
    newest = lineage.newest(seen.runs)
    # One key for whatever fires until a newer run exists: runs are a chain, and nobody adds two to one end of it.
    key = f"after/{newest.uid if newest else 'none'}"
    return RetrainRun(
        namespace=policy.namespace,
        name=run_name(policy, key),
        uid="",
        generation=0,
        resource_version="",
        spec=RunSpec(
            number=next_number(policy, seen.runs, approved),
            policy_name=policy.name,
            policy_uid=policy.uid,
            policy_generation=policy.generation,
            key=key,
            evidence=evidence,
            pipeline=_pipeline_to_run(policy.spec.pipeline, evidence, champion, known),
            champion=champion.model if champion else None,
            streak=Streak() if lineage.by_hand(evidence) else streak(policy, seen.runs),
            model=policy.spec.model,
            purpose=purpose,
            planned_recipe=planned_recipe,
            price=price_of(policy, seen.rates),
            confidence=_confidence(policy),
        ),
    )


def run_name(policy: RetrainPolicy, key: str) -> str:
    """The name under which the trigger `key` creates its run: the same for everybody who sees that trigger."""
    return f"{policy.name}-{hashlib.sha256(f'{policy.uid}/{key}'.encode()).hexdigest()[:HASH_LENGTH]}"


def next_number(policy: RetrainPolicy, runs: Iterable[RetrainRun], approved: ApprovedModel | None) -> int:
    # Runs may have been deleted; their numbers are not given again, or an old approval could outrank a new one.
    used = (policy.status.next_number - 1, approved.number if approved else 0, *(run.spec.number for run in runs))
    return max(used) + 1


def _confidence(policy: RetrainPolicy) -> str:
    needed = needed_confidence(policy.spec.gate)
    # Rounded up: a comparison made at exactly this confidence has to be sure enough.
    return "" if needed is None else str(needed.quantize(Decimal("0.000001"), ROUND_UP))


def _pipeline_to_run(
    pipeline: Pipeline, evidence: tuple[Evidence, ...], champion: Champion | None, known: Known
) -> Pipeline:
    package = pipeline.package
    if package and isinstance(known, PipelineDescription):
        # What a package is may change under its name: the run says which one it was created for.
        package = replace(package, digest=known.digest)
    return replace(pipeline, parameters=resolved(pipeline, evidence, champion), package=package)
