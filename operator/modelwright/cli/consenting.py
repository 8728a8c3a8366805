"""`approve` and `reject`: show what a model was worth to the gate, and write a person's answer on its RetrainRun."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from modelwright.cli.connection import Target, duration, on_a_cluster, run
from modelwright.cli.signing import own_name
from modelwright.errors import InvalidSpec, ModelwrightError

if TYPE_CHECKING:
    from modelwright.api.approval import ApprovalStatus
    from modelwright.api.run import RunStatus
    from modelwright.cluster.access import Cluster

VERBS = {
    "approve": "Let a model through that passed the gate. The gate is asked once more before it counts.",
    "reject": "Turn a model away that passed the gate.",
}
OUTCOME = {"approve": "Approved", "reject": "Denied"}


def consent_command(verb: str) -> click.Command:
    """The command line's command for `verb`."""

    @click.argument("retrainrun")
    @click.option("--yes", "-y", is_flag=True, help="Do not ask again.")
    @click.option("--binding", help="What was looked at before; refused where something else is to be approved now.")
    @click.option("--timeout", metavar="DURATION", callback=duration, default="60s", show_default=True)
    @on_a_cluster
    def command(target: Target, retrainrun: str, yes: bool, binding: str | None, timeout: timedelta) -> None:
        status = run(_looked_at(target, retrainrun))
        asked = _open(status, retrainrun)
        click.echo(shown(status, retrainrun))
        if not yes:
            click.confirm(f"{verb} it?", abort=True)
        answer = run(_answered(target, retrainrun, verb, binding or asked.binding, timeout))
        told = answer.approval
        if told is None or told.outcome != OUTCOME[verb]:
            why = told.message if told and told.message else "; ".join(each.message for each in answer.conditions)
            raise click.ClickException(f"{verb} of {retrainrun} did not count: {why}")
        by = f" by {told.by}" if told.by else ""
        click.echo(f"{verb} of {retrainrun}{by} is done")

    return click.command(verb, help=VERBS[verb])(command)


def shown(status: RunStatus, name: str) -> str:
    """The model and the lines of the gate, for a person to decide on."""
    model, asked = status.model, status.approval
    lines = [f"{name}: model {asked.digest if asked else ''}"]
    if model:
        lines.append(f"  {model.uri}")
    lines += [f"  {line.verdict:<6} {line.check}: {line.message}" for line in status.gate]
    return "\n".join(lines)


def _open(status: RunStatus, name: str) -> ApprovalStatus:
    asked = status.approval
    if asked is None:
        raise click.ClickException(f"{name} does not wait for a person: it is {status.phase or 'not looked at yet'}")
    if asked.outcome:
        raise click.ClickException(f"{name} is {asked.outcome} already{f' by {asked.by}' if asked.by else ''}")
    return asked


async def _looked_at(target: Target, name: str) -> RunStatus:
    async with target.connected() as (cluster, namespace):
        return await _status(cluster, namespace, name)


async def _status(cluster: Cluster, namespace: str, name: str) -> RunStatus:
    from modelwright.api.parsing import parse_run_status
    from modelwright.cluster.keys import RETRAIN_RUN

    body = await cluster.get(RETRAIN_RUN, namespace, name)
    if body is None:
        raise ModelwrightError(f"no RetrainRun '{name}' in namespace '{namespace}'")
    return parse_run_status(body)


async def _answered(target: Target, name: str, verb: str, binding: str, timeout: timedelta) -> RunStatus:
    from modelwright.cluster.keys import RETRAIN_RUN
    from modelwright.retraining.plan.approving import ACTOR_ANNOTATION, ANNOTATION

    async with target.connected() as (cluster, namespace):
        id_ = secrets.token_hex(4)
        annotations = {ANNOTATION: f"{verb}/{id_}/{binding}", ACTOR_ANNOTATION: await own_name(cluster)}
        try:
            await cluster.merge_patch(RETRAIN_RUN, namespace, name, {"metadata": {"annotations": annotations}})
        except InvalidSpec as error:
            raise ModelwrightError(error.message) from None
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while True:
                    status = await _status(cluster, namespace, name)
                    finished = any(each.status != "Unknown" for each in status.conditions)
                    if finished or (status.approval and status.approval.command == id_):
                        return status
                    await asyncio.sleep(0.2)
        except TimeoutError:
            message = f"the answer is written, but was not dealt with within {timeout}: is the operator running?"
            raise ModelwrightError(message) from None
