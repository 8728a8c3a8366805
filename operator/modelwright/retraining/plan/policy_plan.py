"""Plans one pass over a RetrainPolicy: what to ask, whether a run is created, and the status to write."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_UP, Decimal
from typing import Any

from modelwright.api.conditions import Condition, carry_over
from modelwright.api.limits import Concurrency
from modelwright.api.pipelines import Pipeline
from modelwright.api.policy import ApprovedModel, Champion, PolicyStatus, RejectedModel, RetrainPolicy
from modelwright.api.run import Evidence, RetrainRun, RunSpec, Streak
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.questions import Failure, PipelineDescription, Trouble
from modelwright.retraining.observation import PolicyObservation
from modelwright.retraining.plan import lineage, policy_conditions, rejections
from modelwright.retraining.plan.described import Known, check_caching, described, question_about
from modelwright.retraining.plan.gate import needed_confidence
from modelwright.retraining.plan.limits import (
    BEFORE_CREATING,
    BEFORE_CREATING_BY_HAND,
    BEFORE_CREATING_ON_LOOKS,
    Hold,
    Situation,
    failing,
    first_hold,
    held_back,
    launches,
    streak,
)
from modelwright.retraining.plan.pipelines import check_options, check_parameters, resolved, server_for
from modelwright.retraining.plan.pruning import prunable
from modelwright.retraining.plan.publishing import Publication, publication, wanted
from modelwright.retraining.plan.telling import Event
from modelwright.retraining.plan.triggers import TriggerSeen, View, by_hand, look_at
from modelwright.retraining.plan.triggers.received import with_runs

HASH_LENGTH = 8
LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True)
class PolicyPlan:
    """`create_run` is a whole RetrainRun without uid; when one of that name exists, it counts as this one only if its
    policy uid and key are equal. `delete_runs` have had their time; they go only once the status is saved that holds
    what was learnt from them."""

    questions: tuple[Any, ...]
    create_run: RetrainRun | None
    status: PolicyStatus
    events: tuple[Event, ...] = ()
    requeue_after: timedelta | None = None
    delete_runs: tuple[RetrainRun, ...] = ()


def plan_policy(seen: PolicyObservation, now: datetime) -> PolicyPlan:
    policy = seen.policy
    if policy.deleted_at is not None:
        return PolicyPlan((), None, policy.status)
    approved = lineage.approved_model(policy.status.approved, seen.runs)
    try:
        server = server_for(policy.namespace, policy.spec.pipeline.server, seen.servers)
        check_options(policy.spec.pipeline, server)
        follower = lineage.follower_of(policy.spec, seen.followers)
        champion = lineage.champion_for(policy, follower, seen.followers, seen.runs)
        rejected = rejections.learned(policy, seen.runs, follower)
        published = _publication(seen, approved, champion, rejected, now)
        view = View(
            policy,
            now,
            champion,
            _no_champion(seen),
            seen.runs,
            follower,
            seen.sources,
            seen.answers,
            seen.upstreams,
            seen.config_maps,
        )
        looks = tuple(look_at(view, trigger, index) for index, trigger in enumerate(policy.spec.triggers))
    except InvalidSpec as error:
        return invalid_policy(policy, error, now, approved=approved, runs=seen.runs)
    question = question_about(policy.spec.pipeline, server.name, policy.namespace)
    pipeline = described(policy.spec.pipeline, seen.package, question, seen.answers)
    ready = _readiness(policy, pipeline, looks)
    command, asked = by_hand.look_at(view)
    firing = (*filter(None, (asked,)), *(look.evidence for look in looks if look.evidence))
    new_rows = max((look.grown for look in looks if look.grown is not None), default=0)
    situation = Situation(policy, seen.runs, follower, now, rivals=seen.rivals, new_rows=new_rows)
    evidence, hold = _released(firing, situation)
    run = None
    if evidence and not ready.stalled:
        try:
            run = _new_run(seen, evidence, champion, approved, pipeline)
        except InvalidSpec as error:
            return invalid_policy(policy, error, now, approved=approved, runs=seen.runs)
    pending = held_back(situation, hold if firing else None)
    retraining = policy_conditions.retraining(seen.runs, bool(firing), hold, run)
    conditions = (*_told(ready, situation).conditions(), retraining, *filter(None, (published.condition,)))
    status = replace(
        _status(policy, seen.runs, approved, conditions, now),
        champion=champion,
        triggers=tuple(look.status for look in looks),
        rejected=rejected,
        published=published.published,
        command=command,
        pending=pending,
        launches=launches(policy, seen.runs, now),
        events=with_runs(policy.status.events, seen.runs),
    )
    return PolicyPlan(
        questions=(
            *filter(None, (question, published.question)),
            *(asked for look in looks for asked in look.questions),
        ),
        create_run=run,
        status=status,
        events=_events(policy, status, run),
        requeue_after=_until(
            (
                hold.until if hold else None,
                now + LOOK_AGAIN if firing and hold and not hold.until else None,
                pending.until if pending else None,
                *(look.wake_at for look in looks),
            ),
            now,
        ),
        delete_runs=prunable(seen.runs, policy.spec.history, status, seen.followers, now),
    )


def invalid_policy(
    policy: RetrainPolicy,
    error: InvalidSpec,
    now: datetime,
    *,
    approved: ApprovedModel | None = None,
    runs: Iterable[RetrainRun] = (),
) -> PolicyPlan:
    """What a policy that cannot work as written comes to: nothing is asked, nothing created, the reason is told.

    What is approved stays approved: a typing error in a trigger must not take a model from a rollout.
    """
    runs = tuple(runs)
    stalled = policy_conditions.stalled("InvalidSpec", str(error))
    conditions = (*stalled.conditions(), policy_conditions.retraining(runs, False, None, None))
    status = _status(policy, runs, approved or policy.status.approved, conditions, now)
    return PolicyPlan((), None, status, _events(policy, status, None))


def run_name(policy: RetrainPolicy, key: str) -> str:
    """The name under which the trigger `key` creates its run: the same for everybody who sees that trigger."""
    return f"{policy.name}-{hashlib.sha256(f'{policy.uid}/{key}'.encode()).hexdigest()[:HASH_LENGTH]}"


def _released(firing: tuple[Evidence, ...], situation: Situation) -> tuple[tuple[Evidence, ...], Hold | None]:
    """The evidence that may start a run now, and what holds back the first of the rest."""
    on_looks = first_hold(BEFORE_CREATING_ON_LOOKS, situation)
    taking_over = replace(situation, replaces=situation.policy.spec.limits.concurrency is Concurrency.REPLACE)
    on_occasions = first_hold(BEFORE_CREATING, taking_over)
    asked_for = first_hold(BEFORE_CREATING_BY_HAND, taking_over)
    holds = [asked_for if lineage.by_hand((each,)) else on_occasions if each.occasion else on_looks for each in firing]
    released = tuple(each for each, hold in zip(firing, holds, strict=True) if not hold)
    return released, next((hold for hold in holds if hold), None if firing else on_looks)


def _publication(
    seen: PolicyObservation,
    approved: ApprovedModel | None,
    champion: Champion | None,
    rejected: tuple[RejectedModel, ...],
    now: datetime,
) -> Publication:
    publish = seen.policy.spec.publish
    model = wanted(publish, approved, champion, rejected) if publish else None
    return publication(seen.policy, model, seen.registries, seen.answers, now)


def _told(ready: policy_conditions.Readiness, situation: Situation) -> policy_conditions.Readiness:
    """A policy that waits for a person says so, if nothing is wrong with it besides."""
    hold = failing(situation)
    return policy_conditions.stalled(hold.reason, hold.message) if hold and not hold.until and ready.ready else ready


def _no_champion(seen: PolicyObservation) -> str:
    if seen.unreadable:
        return f"rollout {', '.join(seen.unreadable)} cannot work as written; its status says why"
    return "no rollout that follows this policy serves a model yet"


def _new_run(
    seen: PolicyObservation,
    evidence: tuple[Evidence, ...],
    champion: Champion | None,
    approved: ApprovedModel | None,
    known: Known,
) -> RetrainRun:
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
            number=_next_number(policy, seen.runs, approved),
            policy_name=policy.name,
            policy_uid=policy.uid,
            policy_generation=policy.generation,
            key=key,
            evidence=evidence,
            pipeline=_pipeline_to_run(policy.spec.pipeline, evidence, champion, known),
            champion=champion.model if champion else None,
            streak=Streak() if lineage.by_hand(evidence) else streak(policy, seen.runs),
            model=policy.spec.model,
            confidence=_confidence(policy),
        ),
    )


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


def _readiness(policy: RetrainPolicy, pipeline: Known, looks: tuple[TriggerSeen, ...]) -> policy_conditions.Readiness:
    broken = next((look for look in looks if look.broken), None)
    if broken:
        return policy_conditions.stalled("InvalidTrigger", f"trigger {broken.status.name}: {broken.broken}")
    match pipeline:
        case PipelineDescription(parameters=declared) as known:
            if problem := check_caching(policy.spec.pipeline, known):
                return policy_conditions.stalled("CachingNotControllable", problem)
            try:
                check_parameters(declared, policy.spec.pipeline.parameters)
            except InvalidSpec as error:
                return policy_conditions.stalled("InvalidParameters", str(error))
            return policy_conditions.armed(policy)
        case Failure(trouble=Trouble.NOT_FOUND, message=message):
            return policy_conditions.stalled("PipelineNotFound", message)
        case Failure(trouble=Trouble.INVALID, message=message):
            return policy_conditions.stalled("InvalidPipeline", message)
        case Failure(trouble=Trouble.FORBIDDEN, message=message):
            return policy_conditions.stalled("PipelineServerForbidden", message)
        case Failure(message=message):
            return policy_conditions.unconfirmed(policy, "PipelineServerUnavailable", message)
        case _:
            return policy_conditions.unconfirmed(policy, "Checking", "asking the pipeline server for the pipeline")


def _status(
    policy: RetrainPolicy,
    runs: tuple[RetrainRun, ...],
    approved: ApprovedModel | None,
    conditions: tuple[Condition, ...],
    now: datetime,
) -> PolicyStatus:
    newest = lineage.newest(runs)
    stamped = (replace(condition, observed_generation=policy.generation) for condition in conditions)
    return replace(
        policy.status,
        observed_generation=policy.generation,
        approved=approved,
        last_run=newest.name if newest else policy.status.last_run,
        last_run_finished_at=lineage.latest(
            (policy.status.last_run_finished_at, *(lineage.pipeline_ended_at(run) for run in runs))
        ),
        next_number=_next_number(policy, runs, approved),
        conditions=carry_over(stamped, policy.status.conditions, now),
    )


def _next_number(policy: RetrainPolicy, runs: Iterable[RetrainRun], approved: ApprovedModel | None) -> int:
    # Runs may have been deleted; their numbers are not given again, or an old approval could outrank a new one.
    used = (policy.status.next_number - 1, approved.number if approved else 0, *(run.spec.number for run in runs))
    return max(used) + 1


def _until(times: Iterable[datetime | None], now: datetime) -> timedelta | None:
    soonest = min((time for time in times if time), default=None)
    return max(soonest - now, timedelta(seconds=1)) if soonest else None


def _events(policy: RetrainPolicy, status: PolicyStatus, run: RetrainRun | None) -> tuple[Event, ...]:
    events = []
    if run:
        names = ", ".join(evidence.trigger for evidence in run.spec.evidence)
        events.append(Event("Normal", "Triggered", f"{names} fired: run {run.name}"))
    before = {condition.type: condition for condition in policy.status.conditions}
    for condition in status.conditions:
        if condition.type == "Stalled" and ("Stalled" not in before or before["Stalled"].message != condition.message):
            events.append(Event("Warning", condition.reason, condition.message))
    if status.approved and status.approved != policy.status.approved:
        events.append(Event("Normal", "ModelApproved", f"{status.approved.model.version} may go live"))
    if status.published and status.published != policy.status.published:
        told = status.published
        events.append(Event("Normal", "ModelPublished", f"{told.model}@{told.alias} names version {told.version}"))
    return tuple(events)
