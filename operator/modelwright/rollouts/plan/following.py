"""What `spec.modelFrom` says: the model that a policy approved, another rollout promoted, or an alias names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from modelwright.api.durations import format_duration
from modelwright.api.following import MlflowAlias, PromotedIn
from modelwright.api.models import Model
from modelwright.errors import InvalidSpec
from modelwright.registries.configuration import registry_for
from modelwright.registries.questions import AliasQuestion, NoVersion, RegisteredVersion
from modelwright.rollouts.observation import Approved
from modelwright.rollouts.plan.draft import Draft, Mood

LONGEST = 8
"""Rollouts that one may follow, one after another."""

ABSENT_LOOK = timedelta(seconds=30)
"""What is read and not there wakes nobody when it comes."""


@dataclass(frozen=True)
class Absence:
    """Why there is no model to follow now."""

    mood: Mood
    reason: str
    message: str


def followed(draft: Draft) -> Approved | None:
    """The model that the source names now; None where it names none, or nobody knows: then all stays as it is."""
    source = draft.spec.model_from
    if source is None:
        return None
    if source.mlflow:
        version = _registered(draft, source.mlflow)
        if not isinstance(version, RegisteredVersion):
            return None
        return Approved(Model(version.version, version.uri, version.digest), "")
    if source.model_rollout and (_circle(draft) or _too_young(draft, source.model_rollout)):
        return None
    return draft.seen.approved


def is_being_asked(draft: Draft) -> bool:
    """Whether the registry has not said anything yet, good or bad: too early for the baseline."""
    source = draft.spec.model_from
    if source is None or source.mlflow is None or _obstacle(draft, source.mlflow):
        return False
    return _registered(draft, source.mlflow) is None


def questions(draft: Draft) -> tuple[Any, ...]:
    """What to ask of a model registry, at rest and in mid-rollout."""
    source = draft.spec.model_from
    if source is None or source.mlflow is None or _obstacle(draft, source.mlflow):
        return ()
    return (_question(draft, source.mlflow),)


def source_trouble(draft: Draft) -> Absence | None:
    """What is wrong with registry or chain, that a person should know also while stable serves."""
    source = draft.spec.model_from
    if circle := _circle(draft):
        return circle
    return _unregistered(draft, source.mlflow) if source and source.mlflow else None


def absence(draft: Draft) -> Absence:
    """Why nothing is wanted, where nothing ever served."""
    source = draft.spec.model_from
    assert source is not None, "without modelFrom there is always a model"
    if source.mlflow:
        asking = Absence(Mood.MOVING, "AskingRegistry", f"model registry '{source.mlflow.registry}' is being asked")
        return _unregistered(draft, source.mlflow) or asking
    if source.model_rollout:
        return _circle(draft) or _unpromoted(draft, source.model_rollout)
    name = source.retrain_policy
    if not draft.seen.policy_exists:
        draft.look_again(ABSENT_LOOK)
        found = f"there is no RetrainPolicy '{name}' in this namespace"
        return Absence(Mood.STALLED, "PolicyNotFound", f"{found}: create it, or set spec.baseline to serve meanwhile")
    says = f"RetrainPolicy '{name}' has not approved a model yet: set spec.baseline to serve meanwhile"
    return Absence(Mood.MOVING, "NoApprovedModel", says)


def _circle(draft: Draft) -> Absence | None:
    """A rollout that follows itself over others would chase two models for ever."""
    chain = draft.seen.chain
    comes_again = bool(chain) and (chain[-1] in chain[:-1] or chain[-1] == draft.seen.rollout.name)
    if not comes_again and len(chain) <= LONGEST:
        return None
    draft.look_again(ABSENT_LOOK)
    way = " → ".join(chain)
    if comes_again:
        return Absence(Mood.STALLED, "FollowingCycle", f"spec.modelFrom.modelRolloutRef leads in a circle: {way}")
    says = f"spec.modelFrom.modelRolloutRef leads over more than {LONGEST} rollouts: {way}"
    return Absence(Mood.STALLED, "FollowsTooMany", f"{says}: follow one that is nearer to the source")


def _unpromoted(draft: Draft, source: PromotedIn) -> Absence:
    if not draft.seen.policy_exists:
        draft.look_again(ABSENT_LOOK)
        found = f"there is no ModelRollout '{source.name}' in this namespace"
        return Absence(Mood.STALLED, "RolloutNotFound", f"{found}: create it, or set spec.baseline to serve meanwhile")
    if draft.seen.approved:
        waits = f"has to serve there for {format_duration(source.after_promoted_for)} first"
        says = f"{draft.seen.approved.model.version} of ModelRollout '{source.name}' {waits}"
    else:
        says = f"ModelRollout '{source.name}' has not promoted a model yet: set spec.baseline to serve meanwhile"
    return Absence(Mood.MOVING, "NoApprovedModel", says)


def _too_young(draft: Draft, source: PromotedIn) -> bool:
    approved = draft.seen.approved
    if approved is None or approved.since is None:
        return False
    left = approved.since + source.after_promoted_for - draft.now
    if left > timedelta(0):
        draft.look_again(left)
        return True
    return False


def _unregistered(draft: Draft, source: MlflowAlias) -> Absence | None:
    if obstacle := _obstacle(draft, source):
        return Absence(Mood.STALLED, "InvalidSpec", obstacle)
    found = _registered(draft, source)
    return Absence(Mood.HOLDING, found.reason, found.message) if isinstance(found, NoVersion) else None


def _registered(draft: Draft, source: MlflowAlias) -> RegisteredVersion | NoVersion | None:
    if _obstacle(draft, source):
        return None
    answer = draft.seen.answers.get(_question(draft, source))
    if answer is None:
        return None
    if isinstance(answer.value, RegisteredVersion | NoVersion):
        return answer.value
    return NoVersion("RegistryUnavailable", f"asking model registry '{source.registry}' failed")


def _question(draft: Draft, source: MlflowAlias) -> AliasQuestion:
    interval = draft.seen.registries[source.registry].interval
    return AliasQuestion(source.registry, source.model, source.alias, interval)


def _obstacle(draft: Draft, source: MlflowAlias) -> str:
    seen = draft.seen
    try:
        registry_for(seen.rollout.namespace, source.registry, seen.registries, "spec.modelFrom.mlflow.registry")
    except InvalidSpec as error:
        return str(error)
    return ""
