"""`promote`, `abort` and the others: write a command for the right revision, and wait for what becomes of it."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from modelwright.cli.connection import Target, duration, every_change, on_a_cluster, one_rollout, run
from modelwright.cli.signing import own_name
from modelwright.errors import InvalidSpec, ModelwrightError

if TYPE_CHECKING:
    from modelwright.api.rollout import CommandStatus, RolloutStatus
    from modelwright.cluster.access import Cluster, Object

VERBS = {
    "promote": "Go on to the next step without the rest of the hold. The look after it is not waived.",
    "skip": "Go on to the next step at once. Its guardrails are judged all the same.",
    "promote-full": "Go on to all traffic and the end. No steps, no holds, no bake time; a failure still rolls back.",
    "pause": "Keep the weight until somebody goes on. A fault still rolls back.",
    "resume": "Go on after a pause.",
    "abort": "Send all traffic back to stable, and reject the candidate.",
    "retry": "Forget a rejection, so that the revision is tried again.",
    "rollback": "Go to a revision that served before. It stays until unpin.",
    "pin": "Stay with a revision until unpin. Whatever the spec or a policy wants.",
    "unpin": "Follow the spec or the policy again.",
}


DEFAULTS = {
    "retry": "the one rejected last",
    "rollback": "the one that served before",
    "pin": "that of stable",
    "unpin": "the pinned one",
}
"""Which revision is meant where none is named."""


def steering_command(verb: str) -> click.Command:
    """The command line's command for `verb`."""

    @click.argument("name")
    @click.option("--revision", "--to", help=f"Default: {DEFAULTS.get(verb, 'that of the candidate')}.")
    @click.option("--timeout", metavar="DURATION", callback=duration, default="30s", show_default=True)
    @on_a_cluster
    def command(target: Target, name: str, revision: str | None, timeout: timedelta) -> None:
        answer = run(_command(target, verb, name, revision, timeout))
        by = f" by {answer.actor}" if answer.actor else ""
        told = f"{verb} of revision {answer.revision}{by}"
        if answer.outcome != "Done":
            raise click.ClickException(f"{told} was refused: {answer.message}")
        click.echo(f"{told} is done")

    return click.command(verb, help=VERBS[verb])(command)


async def _command(target: Target, verb: str, name: str, revision: str | None, timeout: timedelta) -> CommandStatus:
    from modelwright.api.parsing import parse_rollout_status

    async with target.connected() as (cluster, namespace):
        body = await one_rollout(cluster, namespace, name)
        status = parse_rollout_status(body)
        aim = revision or aimed_at(verb, status)
        _refuse_to_replace(body, status, verb)
        id_ = secrets.token_hex(4)
        await _write(cluster, body, f"{verb}/{id_}/{aim}")
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                async for changed in every_change(cluster, namespace, name):
                    answer = parse_rollout_status(changed).command
                    if answer and answer.id == id_:
                        return answer
        except TimeoutError:
            message = f"the command is written, but was not answered within {timeout}: is the operator running?"
            raise ModelwrightError(message) from None
    raise AssertionError("the rollout is watched without end")


def aimed_at(verb: str, status: RolloutStatus) -> str:
    """The revision that a person means who names none. ModelwrightError where there is none."""
    match verb:
        case "retry":
            return _rejected(status)
        case "rollback":
            return _before(status)
        case "pin" if status.stable:
            return status.stable.revision
        case "unpin" if status.pin:
            return status.pin.revision
        case "unpin":
            raise ModelwrightError("it is not pinned: there is nothing to unpin")
    if status.candidate is None:
        raise ModelwrightError(f"no rollout is under way: there is nothing to {verb}")
    return status.candidate.revision


def _before(status: RolloutStatus) -> str:
    """Stable while a rollout is under way; at rest the revision that was promoted before it."""
    if status.stable and status.candidate:
        return status.stable.revision
    serving = status.stable.revision if status.stable else ""
    for entry in status.history:
        if entry.result == "Promoted" and entry.revision != serving:
            return entry.revision
    raise ModelwrightError("no other revision served before: name one with --to")


def _rejected(status: RolloutStatus) -> str:
    if status.rejected:
        return status.rejected[0].revision
    if status.paused and status.stage is None and status.history:
        # Given up at its deadline, which rejects nothing.
        return status.history[0].revision
    raise ModelwrightError("no revision is rejected: there is nothing to retry")


def _refuse_to_replace(body: Object, status: RolloutStatus, verb: str) -> None:
    from modelwright.rollouts.plan.commands import ANNOTATION, Command, parse

    waiting = parse(body["metadata"].get("annotations", {}).get(ANNOTATION, ""))
    answered = status.command.id if status.command else ""
    if isinstance(waiting, Command) and waiting.id != answered and verb != "abort":
        raise ModelwrightError(
            f"{waiting.verb} of revision {waiting.revision} is not answered yet, and may be replaced only by abort"
        )


async def _write(cluster: Cluster, body: Object, command: str) -> None:
    from modelwright.cluster.keys import MODEL_ROLLOUT
    from modelwright.rollouts.plan.commands import ACTOR_ANNOTATION, ANNOTATION

    # Admission stamps the actor by itself from Kubernetes 1.36 on; before, it demands that the true name is written.
    annotations = {ANNOTATION: command, ACTOR_ANNOTATION: await own_name(cluster)}
    metadata = body["metadata"]
    try:
        await cluster.merge_patch(
            MODEL_ROLLOUT, metadata["namespace"], metadata["name"], {"metadata": {"annotations": annotations}}
        )
    except InvalidSpec as error:
        raise ModelwrightError(error.message) from None
