"""Commands are data: `modelwright.dev/command: <verb>/<id>/<revision>`, done once, refused for another revision.

Who gave it stands beside it, in `modelwright.dev/actor`. It is proven where the chart's admission policies are
installed: they stamp it. Elsewhere it is what somebody wrote.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.api.rollout import CommandStatus
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.refusing import Refused
from modelwright.rollouts.plan.verbs import MAX_ACTOR, VERBS

ANNOTATION = "modelwright.dev/command"
ACTOR_ANNOTATION = "modelwright.dev/actor"
MAX_LENGTH = 200


@dataclass(frozen=True)
class Command:
    verb: str
    id: str
    revision: str


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
    _conclude(draft, command, VERBS[command.verb](draft, command.revision, _actor(draft)))


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
    return draft.seen.rollout.annotations.get(ACTOR_ANNOTATION, "")[:MAX_ACTOR]
