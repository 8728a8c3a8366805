"""Webhooks before a step may hold it. None is asked on the way back. Those after it: telling.py."""

from __future__ import annotations

import json
from typing import Any

from modelwright.api.rollout import Arm, Stage, StepStatus
from modelwright.errors import InvalidSpec
from modelwright.rollouts.plan.course import audience_of, split_of
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.pinning import goes_back
from modelwright.rollouts.plan.saying import where
from modelwright.webhooks.configuration import webhook_for
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome


def are_in_favour(draft: Draft) -> bool:
    """Whether every webhook allows the running step; else the headline says which one does not, or does not answer."""
    calls = _before(draft)
    if obstacle := webhook_obstacle(draft) if are_asked(draft) else "":
        draft.say(Mood.STALLED, "InvalidSpec", f"{obstacle}; the weight is held")
        return False
    for call in calls:
        answer = draft.seen.answers.get(call)
        heard = answer.value if answer and isinstance(answer.value, Heard) else None
        if heard and heard.outcome is Outcome.ALLOWED:
            continue
        if heard and heard.outcome is Outcome.DENIED:
            draft.say(Mood.HOLDING, "WebhookDenied", f"{where(draft)}: {heard.message}; the weight is held")
        else:
            why = heard.message if heard else f"webhook '{call.webhook}' is being asked"
            draft.say(Mood.HOLDING, "WebhookUnanswered", f"{where(draft)}: {why}; the weight is held")
        return False
    return True


def questions(draft: Draft) -> tuple[Call, ...]:
    """Asked from the beginning of a step until its weight is raised."""
    return () if webhook_obstacle(draft) else _before(draft)


def webhook_obstacle(draft: Draft) -> str:
    """Why a webhook of the spec cannot be called, "" if all can."""
    for name in (*draft.spec.before_step, *draft.spec.after_step, *draft.spec.after_rollout):
        try:
            webhook_for(draft.seen.rollout.namespace, name, draft.seen.webhooks, "spec.webhooks")
        except InvalidSpec as error:
            return str(error)
    return ""


def are_asked(draft: Draft) -> bool:
    """Whether webhooks are heard: nobody stands in the way back, nor in that of a person who waived all waiting."""
    status = draft.status
    if status.stage not in (Stage.STEPPING, Stage.BAKING) or status.step is None or status.candidate is None:
        return False
    return not status.shortcut and not goes_back(draft, status.candidate.revision)


def _before(draft: Draft) -> tuple[Call, ...]:
    step = draft.status.step
    if not are_asked(draft) or step is None or step.asked_at is not None or split_of(step).is_within(draft.given):
        return ()
    # A step that begins again after its weight fell is another question.
    told = {"number": step.number, "of": step.of, "startedAt": step.started_at.isoformat(), **split_told(draft, step)}
    id_ = f"{draft.seen.rollout.uid}/{draft.candidate.revision}/{step.number}/{int(step.started_at.timestamp())}"
    body = body_of(draft, Moment.BEFORE_STEP, told)
    return tuple(Call(name, Moment.BEFORE_STEP, id_, body) for name in draft.spec.before_step)


def split_told(draft: Draft, step: StepStatus) -> dict[str, int]:
    """What `step` asks for, as a webhook is told."""
    split = split_of(step)
    return {"weight": split.weight, "mirror": split.mirror, "audience": audience_of(draft.spec, split)}


def body_of(draft: Draft, moment: Moment, step: dict[str, Any]) -> str:
    """What a webhook is sent: JSON."""
    rollout = draft.seen.rollout
    body = {
        "event": str(moment),
        "namespace": rollout.namespace,
        "name": rollout.name,
        "step": step,
        "stable": told_of(draft.stable),
        "candidate": told_of(draft.candidate),
    }
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def told_of(arm: Arm) -> dict[str, str]:
    """A version as a webhook is told of it."""
    model = arm.model
    return {"revision": arm.revision, "version": model.version, "uri": model.uri, "digest": model.digest}
