"""Commands are data: `modelwright.dev/command: <verb>/<id>/<revision>`, done once, refused for another revision.

Who gave it stands beside it, in `modelwright.dev/actor`. It is proven where the chart's admission policies are
installed: they stamp it. Elsewhere it is what somebody wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelwright.api.rollout import CommandStatus, Stage
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.pausing import SUSPENDED, resume
from modelwright.rollouts.plan.stepping import without_hold

ANNOTATION = "modelwright.dev/command"
ACTOR_ANNOTATION = "modelwright.dev/actor"
MAX_LENGTH = 200


@dataclass(frozen=True)
class Command:
    verb: str
    id: str
    revision: str


@dataclass(frozen=True)
class Refused:
    message: str


def parse(text: str) -> Command | Refused:
    parts = text.split("/")
    if len(parts) != 3 or not all(parts) or len(text) > MAX_LENGTH:
        return Refused("must be '<verb>/<id>/<revision>', for example 'promote/7/6b8f9c01de'")
    command = Command(*parts)
    if command.verb not in VERBS:
        return Refused(f"unknown verb '{command.verb[:20]}': must be one of {', '.join(VERBS)}")
    return command


def obey(draft: Draft) -> None:
    """Carry out the newest command once; its id and outcome in status make a second pass do nothing."""
    text = draft.seen.rollout.annotations.get(ANNOTATION, "")
    command = parse(text) if text else None
    if command is None:
        return
    if isinstance(command, Refused):
        _conclude(draft, Command("", text[:MAX_LENGTH], ""), command)
        return
    if draft.status.command and draft.status.command.id == command.id:
        return
    _conclude(draft, command, VERBS[command.verb](draft, command.revision))


def _conclude(draft: Draft, command: Command, refused: Refused | None) -> None:
    known = draft.status.command
    if known and known.id == command.id:
        return
    outcome, message = ("Refused", refused.message) if refused else ("Done", "")
    actor = _actor(draft)
    by = f" by {actor}" if actor else ""
    draft.change(command=CommandStatus(command.id, command.verb, outcome, message, draft.now, command.revision, actor))
    if refused:
        draft.tell("CommandRefused", f"{command.verb or 'command'}{by}: {refused.message}", warn=True)
    else:
        draft.tell("CommandDone", f"{command.verb} of revision {command.revision}{by}")


def _actor(draft: Draft) -> str:
    return draft.seen.rollout.annotations.get(ACTOR_ANNOTATION, "")[:MAX_LENGTH]


def _not_the_candidate(draft: Draft, revision: str) -> Refused | None:
    stage, candidate = draft.status.stage, draft.status.candidate
    if stage not in (Stage.STEPPING, Stage.BAKING) or candidate is None or draft.status.stable is None:
        return Refused("there is no rollout under way that could still turn back")
    if candidate.revision != revision:
        return Refused(f"it names revision '{revision[:20]}', but the candidate is {candidate.revision}")
    return None


def _promote(draft: Draft, revision: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if not refused:
        resume(draft)
        without_hold(draft)
    return refused


def _abort(draft: Draft, revision: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if not refused:
        leave(draft, Stage.ROLLING_BACK, "Aborted", f"aborted by {_actor(draft) or 'command'}", reject=True)
    return refused


def _resume(draft: Draft, revision: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if refused:
        return refused
    if not draft.status.paused:
        return Refused("it is not paused")
    if draft.status.paused == SUSPENDED:
        return Refused("spec.state is Suspended: set it to Active")
    resume(draft)
    return None


def _retry(draft: Draft, revision: str) -> Refused | None:
    kept = tuple(known for known in draft.status.rejected if known.revision != revision)
    gave_up = bool(draft.status.paused) and draft.status.stage is None
    if len(kept) == len(draft.status.rejected) and not gave_up:
        return Refused(f"revision '{revision[:20]}' is not rejected")
    draft.change(rejected=kept, paused="", paused_message="")
    return None


VERBS: dict[str, Callable[[Draft, str], Refused | None]] = {
    "promote": _promote,  # go on to the next step without the rest of the hold
    "resume": _resume,  # go on after a pause
    "abort": _abort,  # back to stable, and reject the candidate
    "retry": _retry,  # forget the rejection, so that the revision is tried again
}
