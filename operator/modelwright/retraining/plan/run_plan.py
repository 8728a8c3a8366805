"""Plans one pass over a RetrainRun: waiting, launching, following, judging.

The state is what status says about the pipeline run: nothing, an intent, an id, an end.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import PipelineRun
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.questions import (
    TERMINAL_STATES,
    Ambiguous,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    PackageToRun,
    StopRun,
    Trouble,
)
from modelwright.retraining.observation import RunObservation
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.cancelling import noted
from modelwright.retraining.plan.costs import reckoned
from modelwright.retraining.plan.deadlines import Deadline, deadline_of
from modelwright.retraining.plan.judging import judge_result
from modelwright.retraining.plan.limits import BEFORE_LAUNCHING, Hold, Situation, first_hold
from modelwright.retraining.plan.limits.model_lock import MOMENT
from modelwright.retraining.plan.outcomes import outcomes
from modelwright.retraining.plan.pipelines import offered_parameters, options_of, required_parameters, server_for
from modelwright.retraining.plan.retrying import retry
from modelwright.retraining.plan.run_steps import RunPlan, Step
from modelwright.retraining.plan.telling import Event
from modelwright.retraining.plan.winding_down import GRACE, LOOK_AGAIN, display_name, replaced_by, wind_down

EAGER = timedelta(minutes=1)


def plan_run(seen: RunObservation, now: datetime) -> RunPlan:
    plan = _plan(Step(seen, now))
    return replace(plan, status=reckoned(replace(seen.run, status=plan.status)).status)


def _plan(step: Step) -> RunPlan:
    seen, run = step.seen, step.run
    if lineage.finished(run):
        return step.rests(rollouts=outcomes(run, seen.followers))
    if run.deleted_at is not None or (seen.policy is None and not seen.broken):
        return wind_down(step, "PolicyGone", f"policy {run.spec.policy_name} is gone")
    if cancelled := noted(step, seen.policy):
        status = replace(run.status, cancelled=cancelled)
        step = Step(replace(seen, run=replace(run, status=status)), step.now)
        return wind_down(step, lineage.CANCELLED, f"cancelled by {cancelled.by or 'an unknown user'}")
    try:
        server_for(run.namespace, run.spec.pipeline.server, seen.servers)
        return _as_far_as_it_is(step, seen.policy)
    except InvalidSpec as error:
        return step.stays(
            run.status.phase or "Pending",
            "InvalidSpec",
            str(error),
            finalizer=step.holds_finalizer,
            requeue_after=LOOK_AGAIN,
        )


def _as_far_as_it_is(step: Step, policy: RetrainPolicy | None) -> RunPlan:
    run, known = step.run, step.run.status.pipeline_run
    if policy and (successor := replaced_by(policy, run, step.seen.siblings)):
        return wind_down(step, lineage.REPLACED, f"run {successor.name} was started in its place")
    if known.requested_at and not known.id:
        return _launching(step, known.requested_at)
    if known.id and known.state not in TERMINAL_STATES:
        return _following(step, deadline_of(step, policy))
    # Whether it may begin and what it is worth, only a policy that can be read says.
    if policy is None:
        raise InvalidSpec("", f"policy {run.spec.policy_name} cannot work as written: {step.seen.broken}")
    follower = lineage.follower_of(policy.spec, step.seen.followers)
    if known.requested_at is None:
        return _waiting(step, Situation(policy, (*step.seen.siblings, run), follower, step.now, run, step.seen.rivals))
    return judge_result(step, policy, follower)


def _waiting(step: Step, situation: Situation) -> RunPlan:
    run, now = step.run, step.now
    champion = lineage.champion_for(situation.policy, situation.follower, step.seen.followers, step.seen.siblings)
    if run.spec.champion != (champion.model if champion else None):
        return step.fails("ChampionChanged", "another model serves by now than the one that the triggers spoke of")
    if hold := first_hold(BEFORE_LAUNCHING, situation):
        ticket = (run.status.lock_asked_at or now) if hold.reason == "ModelLocked" else None
        return step.stays(
            "Pending",
            hold.reason,
            hold.message,
            finalizer=step.holds_finalizer,
            requeue_after=_wait(hold, now),
            lock_asked_at=ticket,
        )
    server = step.seen.servers[run.spec.pipeline.server]
    result_uri = f"{server.folder(run.namespace, run.name)}/evaluation.json"
    return step.stays(
        "Pending",
        "Launching",
        "the pipeline run is asked for",
        requeue_after=timedelta(0),
        pipeline_run=PipelineRun(requested_at=now, result_uri=result_uri),
    )


def _wait(hold: Hold, now: datetime) -> timedelta:
    longest = MOMENT if hold.reason == "ModelLocked" else LOOK_AGAIN
    return max(min(hold.until - now, longest), timedelta(seconds=1)) if hold.until else longest


def _launching(step: Step, intent: datetime) -> RunPlan:
    run, now = step.run, step.now
    pipeline = run.spec.pipeline
    question = EnsureRun(
        server=pipeline.server,
        display_name=display_name(run.name, run.uid),
        pipeline=pipeline.name,
        version=pipeline.version,
        experiment=pipeline.experiment,
        required=required_parameters(run, run.status.pipeline_run.result_uri),
        offered=offered_parameters(run),
        # An intent from before our time may have been acted upon by an operator that is gone.
        may_create=intent >= step.seen.leading_since,
        intent=intent,
        namespace=run.namespace,
        options=options_of(run),
        package=_package(step),
    )
    answer = step.seen.answers.get(question)
    match answer.value if answer else None:
        case KubeflowRun() as found:
            started = found.created_at or now
            event = Event("Normal", "PipelineRunStarted", f"pipeline run {found.id} of {pipeline.title}")
            return step.stays(
                "Running",
                "PipelineRunning",
                f"pipeline run {found.id}",
                requeue_after=timedelta(0),
                event=event,
                pipeline_run=replace(
                    run.status.pipeline_run,
                    id=found.id,
                    state=found.state,
                    started_at=started,
                    url=step.seen.servers[pipeline.server].run_url(found.id),
                ),
            )
        case Failure(trouble=Trouble.NOT_FOUND, message=message):
            return step.fails("PipelineNotFound", message)
        case Failure(trouble=Trouble.INVALID, message=message):
            return step.fails("InvalidPipeline", message)
        case Failure(trouble=trouble, message=message):
            return step.stays("Pending", f"PipelineServer{trouble}", message, question)
        case Ambiguous() | NoRun() if answer and answer.started_at >= intent + GRACE:
            # Searched after the grace, and not found: the next create needs an intent of its own, saved before it.
            return step.stays(
                "Pending",
                "Launching",
                "the pipeline run is asked for again",
                requeue_after=timedelta(0),
                pipeline_run=replace(run.status.pipeline_run, requested_at=now),
            )
        case Ambiguous() | NoRun():
            message = "a create call may have reached the pipeline server; looking for its run before another one"
            return step.stays("Pending", "LaunchUnconfirmed", message, question, requeue_after=LOOK_AGAIN)
        case _:
            return step.stays("Pending", "Launching", "the pipeline run is asked for", question)


def _package(step: Step) -> PackageToRun | None:
    package = step.run.spec.pipeline.package
    if package is None:
        return None
    if package.config_map and step.seen.package is None:
        raise InvalidSpec("", f"there is no key '{package.key}' in ConfigMap '{package.config_map}' any more")
    return PackageToRun(package.digest, step.seen.package or "", package.uri)


def _following(step: Step, deadline: Deadline) -> RunPlan:
    run, now = step.run, step.now
    known = run.status.pipeline_run
    name = display_name(run.name, run.uid)
    started = known.started_at or now
    follow = FollowRun(run.spec.pipeline.server, known.id, name, now - started < EAGER, run.namespace)
    stop = StopRun(run.spec.pipeline.server, known.id, name, run.namespace)
    answer = step.seen.answers.get(follow)
    value = answer.value if answer else None
    if isinstance(value, NoRun):
        message = f"pipeline run {known.id} is not on the server any more; whether it succeeded cannot be told"
        return step.fails("PipelineRunLost", message)
    if isinstance(value, KubeflowRun):
        known = replace(known, id=value.id, state=value.state or known.state)
        if retrying := retry(step, value, known, follow, deadline.at):
            return retrying
        if value.ended:
            return _ended(step, value, replace(known, finished_at=value.finished_at or now), deadline)
    if now >= deadline.at:
        message = f"the pipeline run has passed {deadline.passed}"
        return step.stays("Running", "Stopping", message, follow, stop, pipeline_run=known)
    if isinstance(value, Failure):
        return step.stays("Running", f"PipelineServer{value.trouble}", value.message, follow, pipeline_run=known)
    reason, message = "PipelineRunning", f"pipeline run {known.id}"
    if value is None and (condition := lineage.succeeded(run)):
        # Not asked yet in this process: what was last known stands.
        reason, message = condition.reason, condition.message
    return step.stays("Running", reason, message, follow, requeue_after=deadline.at - now, pipeline_run=known)


def _ended(step: Step, found: KubeflowRun, known: PipelineRun, deadline: Deadline) -> RunPlan:
    # A run that we asked to stop may still succeed: what counts is whether it was in time.
    in_time = (found.finished_at or step.now) <= deadline.at
    if not in_time:
        message = f"pipeline run {found.id} was stopped at {deadline.passed}"
        return step.fails(deadline.reason, message, pipeline_run=known)
    if found.state != "SUCCEEDED":
        return step.fails("PipelineFailed", f"pipeline run {found.id} ended as {found.state}", pipeline_run=known)
    return step.stays(
        "Evaluating", "Evaluating", "reading the evaluation", requeue_after=timedelta(0), pipeline_run=known
    )
