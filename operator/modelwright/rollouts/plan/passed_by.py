"""A KServe InferenceService and Git: what to commit after a success, and a model that somebody released past us."""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.models import Model
from modelwright.api.rollout import Arm
from modelwright.rollouts.plan.behind import REVERTED
from modelwright.rollouts.plan.desired import desired
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.history import record
from modelwright.rollouts.revision import revision_for
from modelwright.traffic.kserve.service import Version


def model_for(draft: Draft, version: Version) -> Model:
    """The model with the uri of `version`, by whatever name it is known; else it is called as KServe calls its pods."""
    named = [record.model for record in sorted(draft.seen.stables, key=lambda record: -record.number)]
    approved = draft.seen.approved
    named += [one for one in (draft.spec.model, approved and approved.model, draft.spec.baseline) if one]
    return next((model for model in named if model.uri == version.uri), Model(version.backend.name, version.uri))


def behind_git(draft: Draft) -> str:
    """What to commit so that Git asks for the model that serves, "" where it does.

    Of what was put back after a rollback nobody else says that he wants it: then it is as it was said before.
    """
    service, status = draft.seen.inference_service, draft.status
    stable, before = status.stable, next((one.message for one in status.conditions if one.type == "GitBehind"), "")
    if service is None or stable is None:
        return ""
    if status.candidate or status.stage or not service.facts.tidy:
        return before
    promoted = bool(status.history) and status.history[0].result == "Promoted"
    if service.git_follows or service.facts.model != stable.model.uri or not (promoted or before):
        return ""
    name = f" and `name: {service.predictor}`" if service.predictor else ""
    fields = f"`model.storageUri: {stable.model.uri}`{name}"
    return f"commit in InferenceService '{service.name}' {fields} under `spec.predictor`"


def heeds_release(draft: Draft) -> bool:
    """Whether somebody gave the InferenceService another model at rest: that is paused, and never fought."""
    service, route = draft.seen.inference_service, draft.seen.route
    if service is None or route is None:
        return False
    if not service.facts.passed_by:
        if draft.status.paused == REVERTED:
            draft.change(paused="", paused_message="")
            draft.tell("RevertUndone", f"{draft.stable.model.version} has all traffic again")
        return False
    want = desired(draft)
    if want and want.revision != draft.stable.revision:
        _accept(draft, service.facts.serving, service.facts.model)
        return True
    if draft.status.paused != REVERTED:
        by = f"'{route.changed_by}'" if route.changed_by else "somebody"
        said = (
            f"{by} gave InferenceService '{service.name}' the model '{service.facts.model}', and with it all traffic. "
        )
        said += (
            f"To keep {draft.stable.model.version}, put `storageUri: {draft.stable.model.uri}` back; to stay with the "
        )
        said += "other, name it in `spec.model`"
        if route.advice:
            said += f". To end the fight: {route.advice}"
        draft.change(paused=REVERTED, paused_message=said, stage_since=draft.now)
        draft.tell(REVERTED, said, warn=True)
    draft.say(Mood.WAITING_FOR_A_PERSON, REVERTED, draft.status.paused_message)
    return True


def _accept(draft: Draft, serving: Version | None, model: str) -> None:
    """Another model is wanted by now: then what serves is stable, and what is wanted comes after it."""
    if serving is None or serving.uri != model:
        draft.say(Mood.MOVING, "WaitingForRoute", "KServe has not brought the model to serve that it was given")
        return
    old, before = draft.stable, model_for(draft, serving)
    draft.change(paused="", paused_message="")
    draft.change(stable=Arm(revision_for(draft.spec.workload, before), before, 100, backend=serving.backend))
    record(draft, old.revision, old.model.version, REVERTED)
    draft.say(Mood.MOVING, "Progressing", f"{serving.backend} is stable, as {before.version}")
    draft.look_again(timedelta(0))
