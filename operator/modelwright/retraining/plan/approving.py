"""The model passed the gate, and a person is asked: bound to what they were shown, open for a time, asked again.

An approval does not waive the gate: evaluation and model are read again, and every line has to pass as things are then.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from modelwright.api.approval import Approval, ApprovalStatus, ApprovedBy, Required
from modelwright.api.gate import Gate, WhenNoChampion
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.api.times import format_time
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.run_steps import RunPlan, Step
from modelwright.retraining.plan.telling import Event

ANNOTATION = "modelwright.dev/command"
ACTOR_ANNOTATION = "modelwright.dev/actor"
VERBS = ("approve", "reject")
MAX_ACTOR = 253
MAX_ID = 64
BINDING_LENGTH = 16


@dataclass(frozen=True)
class Answer:
    """A person's command on the run. `refused` says why it does not count."""

    verb: str
    id: str
    actor: str
    refused: str = ""


def is_needed(gate: Gate, champion: Champion | None) -> bool:
    first = champion is None and gate.when_no_champion is WhenNoChampion.REQUIRE_APPROVAL
    return first or gate.approval.required is Required.ALWAYS


def binding_of(run: RetrainRun, model_digest: str, evaluation_digest: str, gate: Gate) -> str:
    """What an answer has to name: model, evaluation and gate as they were shown."""
    shown = [run.uid, model_digest, evaluation_digest, asdict(gate)]
    return hashlib.sha256(json.dumps(shown, default=str, sort_keys=True).encode()).hexdigest()[:BINDING_LENGTH]


def ask(step: Step, binding: str, digest: str, approval: Approval, **changes: Any) -> RunPlan:
    """The gate was passed: from now on it waits."""
    before = step.run.status.approval
    since = before.requested_at if before else step.now.replace(microsecond=0)
    asked = ApprovalStatus(binding, digest, since, since + approval.expires_after)
    message = _waits(step.run, asked)
    return step.stays(
        "Waiting",
        "ApprovalRequired",
        message,
        event=Event("Normal", "ApprovalRequired", message),
        requeue_after=max(asked.expires_at - step.now, timedelta(seconds=1)),
        approval=asked,
        **changes,
    )


def open_question(run: RetrainRun) -> ApprovalStatus | None:
    asked = run.status.approval
    return asked if asked and not asked.outcome and not lineage.finished(run) else None


def answer_of(run: RetrainRun, asked: ApprovalStatus, approval: Approval) -> Answer | None:
    """The newest command, if it was not dealt with before."""
    text = run.annotations.get(ANNOTATION, "")
    parts = text.split("/")
    verb, id_, binding = parts if len(parts) == 3 and all(parts) else ("", text, "")
    if not text or id_[:MAX_ID] == asked.command:
        return None
    answer = Answer(verb, id_[:MAX_ID], run.annotations.get(ACTOR_ANNOTATION, "")[:MAX_ACTOR])
    return replace(answer, refused=_refusal(answer, binding, run, asked, approval))


def wait(step: Step, policy: RetrainPolicy, champion: Champion | None, asked: ApprovalStatus) -> RunPlan | Answer:
    """Goes on waiting, or ends it; or the answer by which the gate is to be asked once more."""
    run, approval = step.run, policy.spec.gate.approval
    kept = _as_shown_now(run, policy, asked)
    if step.now >= kept.expires_at:
        message = f"nobody approved within the time, which ended at {format_time(kept.expires_at)}"
        ended = replace(kept, outcome="Expired", at=step.now)
        return step.fails("ApprovalExpired", message, phase="Rejected", approval=ended)
    judged = run.status.evaluation.champion if run.status.evaluation else ""
    serving = champion.model.digest if champion else ""
    if judged != serving:
        message = "another model serves by now than the one that it was judged against"
        return step.fails("ChampionChanged", message, phase="Rejected", approval=kept)
    answer = answer_of(run, kept, approval)
    if answer is None or answer.refused:
        event = None
        if answer:
            kept = replace(kept, command=answer.id, message=answer.refused)
            event = Event("Warning", "CommandRefused", _told(answer, answer.refused))
        left = max(kept.expires_at - step.now, timedelta(seconds=1))
        message = _waits(run, kept)
        return step.stays("Waiting", "ApprovalRequired", message, event=event, requeue_after=left, approval=kept)
    if answer.verb == "reject":
        denied = replace(kept, outcome="Denied", by=answer.actor, at=step.now, command=answer.id, message="")
        return step.fails("ApprovalDenied", _told(answer, run.name), phase="Rejected", approval=denied)
    return answer


def granted(asked: ApprovalStatus, answer: Answer, step: Step) -> ApprovalStatus:
    return replace(asked, outcome="Approved", by=answer.actor, at=step.now, command=answer.id, message="")


def requesters(run: RetrainRun) -> frozenset[str]:
    """Who started the run by hand."""
    return frozenset(evidence.actor for evidence in run.spec.evidence if evidence.actor)


def _as_shown_now(run: RetrainRun, policy: RetrainPolicy, asked: ApprovalStatus) -> ApprovalStatus:
    """An edited gate needs an answer of its own; an edited time counts from when it was asked."""
    digest = run.status.evaluation.digest if run.status.evaluation else ""
    return replace(
        asked,
        binding=binding_of(run, asked.digest, digest, policy.spec.gate),
        expires_at=asked.requested_at + policy.spec.gate.approval.expires_after,
    )


def _refusal(answer: Answer, binding: str, run: RetrainRun, asked: ApprovalStatus, approval: Approval) -> str:
    if answer.verb not in VERBS:
        return f"must be '<verb>/<id>/<binding>' with the verb approve or reject, such as 'approve/7/{asked.binding}'"
    if binding != asked.binding:
        return "it is about another model, evaluation or gate than the ones to be approved now: look again"
    if approval.by is ApprovedBy.NOT_REQUESTER and answer.verb == "approve":
        if not answer.actor:
            return "nobody knows who gave it: modelwright.dev/actor is empty"
        if answer.actor in requesters(run):
            return f"{answer.actor} started this run, and somebody else has to approve it"
    return ""


def _waits(run: RetrainRun, asked: ApprovalStatus) -> str:
    refused = f"; the last answer did not count: {asked.message}" if asked.message else ""
    return f"{run.name} passed the gate and waits for a person until {format_time(asked.expires_at)}{refused}"


def _told(answer: Answer, what: str) -> str:
    return f"{answer.verb or 'command'} by {answer.actor or 'an unknown user'}: {what}"
