"""How runs, the approved model, the champion and the rollout that follows hang together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from modelwright.api.conditions import Condition
from modelwright.api.policy import ApprovedModel, Champion, PolicySpec, RetrainPolicy
from modelwright.api.rollout import ModelRollout, State
from modelwright.api.run import Evidence, Purpose, RetrainRun
from modelwright.errors import InvalidSpec

# How long an approved model that no rollout has taken up holds back new triggers. A rollout takes it up within
# seconds; one that refuses it (and says why in its own status) must not silence the policy for ever.
TAKEN_UP_WITHIN = timedelta(minutes=10)
REPLACED = "Replaced"
CANCELLED = "Cancelled"
# No trigger of a spec can have this name.
BY_HAND = "ByHand"


def succeeded(run: RetrainRun) -> Condition | None:
    return next((condition for condition in run.status.conditions if condition.type == "Succeeded"), None)


def finished(run: RetrainRun) -> bool:
    condition = succeeded(run)
    return condition is not None and condition.status in ("True", "False")


def finished_at(run: RetrainRun) -> datetime | None:
    condition = succeeded(run)
    return condition.last_transition_time if condition and finished(run) else None


def pipeline_ended_at(run: RetrainRun) -> datetime | None:
    """When the run finished, if it asked for a pipeline at all: others cost nothing and start no cooldown. Nor does one
    that made room for another, or that only scored the champion."""
    condition = succeeded(run)
    replaced = condition is not None and condition.reason == REPLACED
    replaced = replaced or run.spec.purpose is Purpose.EVALUATE
    return finished_at(run) if run.status.pipeline_run.requested_at and not replaced else None


def by_hand(evidence: Iterable[Evidence]) -> bool:
    """Whether a person asked for the run, by a command on the policy."""
    return any(each.trigger == BY_HAND for each in evidence)


def newest(runs: Iterable[RetrainRun]) -> RetrainRun | None:
    return max(runs, key=lambda run: run.spec.number, default=None)


def latest(times: Iterable[datetime | None]) -> datetime | None:
    return max((time for time in times if time is not None), default=None)


def approved_model(known: ApprovedModel | None, runs: Iterable[RetrainRun]) -> ApprovedModel | None:
    """The highest-numbered approved model. `known` stays when a person deleted the run that it came from."""
    found = [known] if known else []
    for run in runs:
        condition = succeeded(run)
        if condition and condition.status == "True" and run.status.model:
            found.append(ApprovedModel(run.spec.number, run.status.model, run.name))
    return max(found, key=lambda approved: approved.number, default=None)


def follower_of(spec: PolicySpec, followers: Sequence[ModelRollout]) -> ModelRollout | None:
    """The rollout whose stable revision is the champion. InvalidSpec when several follow and none is named."""
    if spec.model_rollout:
        return next((rollout for rollout in followers if rollout.name == spec.model_rollout), None)
    if len(followers) > 1:
        names = ", ".join(sorted(rollout.name for rollout in followers))
        raise InvalidSpec("spec.championFrom", f"must name one of the rollouts that follow this policy: {names}")
    return followers[0] if followers else None


def champion_for(
    policy: RetrainPolicy,
    follower: ModelRollout | None,
    followers: Sequence[ModelRollout],
    runs: Iterable[RetrainRun],
) -> Champion | None:
    """What the follower serves. Where a policy publishes and nothing follows it, the approved model is the champion:
    there is no traffic, and nothing else is live."""
    if policy.spec.publish and not followers and not policy.spec.model_rollout:
        approved = approved_model(policy.status.approved, runs)
        return Champion("", approved.model, "") if approved else None
    return champion_of(follower)


def champion_of(follower: ModelRollout | None) -> Champion | None:
    if follower is None or follower.status.stable is None:
        return None
    stable = follower.status.stable
    since = latest(
        entry.at
        for entry in follower.status.history
        if entry.result == "Promoted" and entry.revision == stable.revision
    )
    return Champion(stable.revision, stable.model, follower.name, since)


def promoted_at(follower: ModelRollout | None) -> datetime | None:
    """When a model of the follower was last promoted."""
    return latest(entry.at for entry in follower.status.history if entry.result == "Promoted") if follower else None


def settled_at(follower: ModelRollout | None) -> datetime | None:
    """When a rollout of the follower last came to its end, whichever."""
    return latest(entry.at for entry in follower.status.history) if follower else None


def rollout_under_way(
    policy: RetrainPolicy, follower: ModelRollout | None, runs: Iterable[RetrainRun], now: datetime
) -> str:
    """Why the model is not at rest, as a sentence, or ""."""
    if follower is None:
        return ""
    if follower.status.stage is not None:
        version = follower.status.candidate.model.version if follower.status.candidate else "a model"
        return f"rollout {follower.name} is bringing {version} live or taking it back"
    runs = tuple(runs)
    approved = approved_model(policy.status.approved, runs)
    if approved is None or _was_tried(follower, approved):
        return ""
    if follower.spec.state is State.SUSPENDED:
        return f"rollout {follower.name} is suspended and has not taken up {approved.model.version}"
    since = latest(finished_at(run) for run in runs if run.name == approved.retrain_run)
    if since is not None and now < since + TAKEN_UP_WITHIN:
        return f"rollout {follower.name} is about to take up {approved.model.version}"
    return ""


def _was_tried(follower: ModelRollout, approved: ApprovedModel) -> bool:
    status, model = follower.status, approved.model
    if status.stable and (status.stable.model.version, status.stable.model.digest) == (model.version, model.digest):
        return True
    return any(entry.version == model.version for entry in status.history) or any(
        rejection.digest == model.digest for rejection in status.rejected
    )
