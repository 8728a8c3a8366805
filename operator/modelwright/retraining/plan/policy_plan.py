"""Plans one pass over a RetrainPolicy: what to ask, whether a run is created, and the status to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from modelwright.api.conditions import Condition, carry_over
from modelwright.api.policy import ApprovedModel, Champion, PolicyStatus, RejectedModel, RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.api.triggers import Action
from modelwright.errors import InvalidSpec
from modelwright.retraining.observation import PolicyObservation
from modelwright.retraining.plan import evaluating, lineage, policy_conditions, rejections
from modelwright.retraining.plan.acting import decide
from modelwright.retraining.plan.costs import price_of
from modelwright.retraining.plan.creating import new_run, next_number
from modelwright.retraining.plan.described import described, question_about
from modelwright.retraining.plan.limits import Situation, accounted, held_back, launches
from modelwright.retraining.plan.pipelines import check_options, server_for
from modelwright.retraining.plan.planned import planned_recipe
from modelwright.retraining.plan.pruning import prunable
from modelwright.retraining.plan.publishing import Publication, publication, wanted
from modelwright.retraining.plan.readiness import readiness, told
from modelwright.retraining.plan.telling import Event
from modelwright.retraining.plan.triggers import View, by_hand, look_at_all
from modelwright.retraining.plan.triggers.received import with_runs
from modelwright.retraining.plan.triggers.seen import FIRING

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
        evaluating.check_floors(policy)
        price_of(policy, seen.rates)
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
            seen.registries,
            seen.servers,
        )
        looks = look_at_all(view)
    except InvalidSpec as error:
        return invalid_policy(policy, error, now, approved=approved, runs=seen.runs)
    question = question_about(policy.spec.pipeline, server.name, policy.namespace)
    pipeline = described(policy.spec.pipeline, seen.package, question, seen.answers)
    ready = readiness(policy, pipeline, looks)
    command, asked = by_hand.look_at(view)
    new_rows = max((look.grown for look in looks if look.grown is not None), default=0)
    planned = planned_recipe(policy, champion, pipeline, looks)
    situation = Situation(
        policy,
        seen.runs,
        follower,
        now,
        rivals=seen.rivals,
        new_rows=new_rows,
        rejected=rejected,
        planned_recipe=planned,
    )
    decision = decide(policy.spec.triggers, looks, asked, champion, approved, situation)
    hold, firing = decision.hold, decision.firing
    run = None
    if decision.evidence and not ready.stalled:
        try:
            run = new_run(seen, decision.evidence, champion, approved, pipeline, decision.purpose, planned or "")
        except InvalidSpec as error:
            return invalid_policy(policy, error, now, approved=approved, runs=seen.runs)
    pending = held_back(situation, hold if firing else None)
    retraining = policy_conditions.retraining(seen.runs, firing, hold, run)
    warned = policy_conditions.never_fires(policy, now)
    conditions = (*told(ready, situation).conditions(), retraining, *filter(None, (warned, published.condition)))
    status = replace(
        _status(policy, seen.runs, approved, conditions, now),
        champion=champion,
        triggers=tuple(look.status for look in looks),
        rejected=rejected,
        reverted=decision.reverted or policy.status.reverted,
        published=published.published,
        command=command,
        pending=pending,
        launches=launches(policy, seen.runs, now),
        spending=accounted(policy, seen.runs, now),
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


def _no_champion(seen: PolicyObservation) -> str:
    if seen.unreadable:
        return f"rollout {', '.join(seen.unreadable)} cannot work as written; its status says why"
    return "no rollout that follows this policy serves a model yet"


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
        next_number=next_number(policy, runs, approved),
        conditions=carry_over(stamped, policy.status.conditions, now),
    )


def _until(times: Iterable[datetime | None], now: datetime) -> timedelta | None:
    soonest = min((time for time in times if time), default=None)
    return max(soonest - now, timedelta(seconds=1)) if soonest else None


def _notices(policy: RetrainPolicy, status: PolicyStatus) -> Iterator[Event]:
    """Triggers that began to fire and start no run."""
    fired = {trigger.name for trigger in policy.status.triggers if trigger.verdict == FIRING}
    quiet = {trigger.name for trigger in policy.spec.triggers if trigger.action is Action.NOTIFY}
    for trigger in status.triggers:
        if trigger.name in quiet - fired and trigger.verdict == FIRING:
            yield Event("Warning", "TriggerFiring", f"{trigger.name}: {trigger.message}")


def _events(policy: RetrainPolicy, status: PolicyStatus, run: RetrainRun | None) -> tuple[Event, ...]:
    events = []
    if run:
        names = ", ".join(evidence.trigger for evidence in run.spec.evidence)
        events.append(Event("Normal", "Triggered", f"{names} fired: run {run.name}"))
    events += _notices(policy, status)
    before = {condition.type: condition for condition in policy.status.conditions}
    for condition in status.conditions:
        if condition.type in ("Stalled", "NeverFires") and (
            condition.type not in before or before[condition.type].message != condition.message
        ):
            events.append(Event("Warning", condition.reason, condition.message))
    if status.approved and status.approved != policy.status.approved:
        events.append(Event("Normal", "ModelApproved", f"{status.approved.model.version} may go live"))
    if status.reverted and status.reverted != policy.status.reverted:
        told_of = status.reverted
        message = f"{told_of.message}: rollouts leave {told_of.version} for the model before it"
        events.append(Event("Warning", "RevertAsked", message))
    if status.published and status.published != policy.status.published:
        told = status.published
        events.append(Event("Normal", "ModelPublished", f"{told.model}@{told.alias} names version {told.version}"))
    return tuple(events)
