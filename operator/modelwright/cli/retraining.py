"""`retrain` and `cancel`: write a command on a RetrainPolicy, and wait for the run that it starts, or ends."""

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
    from modelwright.api.policy import PolicyCommand, PolicyStatus
    from modelwright.cluster.access import Cluster


@click.command()
@click.argument("policy")
@click.option("--timeout", metavar="DURATION", callback=duration, default="30s", show_default=True)
@on_a_cluster
def retrain(target: Target, policy: str, timeout: timedelta) -> None:
    """Start a run of a RetrainPolicy now. It waits for what is under way, but for no rest."""
    _tell("retrain", policy, run(_retrain(target, policy, timeout)))


@click.command()
@click.argument("retrainrun")
@click.option("--timeout", metavar="DURATION", callback=duration, default="60s", show_default=True)
@on_a_cluster
def cancel(target: Target, retrainrun: str, timeout: timedelta) -> None:
    """End a run that has not ended, and stop its pipeline. It is no failure, and its record stays."""
    _tell("cancel", retrainrun, run(_cancel(target, retrainrun, timeout)))


def _tell(verb: str, name: str, answer: PolicyCommand) -> None:
    by = f" by {answer.actor}" if answer.actor else ""
    if answer.outcome != "Done":
        raise click.ClickException(f"{verb} of {name}{by} was refused: {answer.message}")
    click.echo(f"{verb} of {name}{by}: {answer.message}")


async def _retrain(target: Target, name: str, timeout: timedelta) -> PolicyCommand:
    async with target.connected() as (cluster, namespace):
        return await _command(cluster, namespace, name, "retrain/{id}", timeout)


async def _cancel(target: Target, name: str, timeout: timedelta) -> PolicyCommand:
    from modelwright.cluster.keys import RETRAIN_RUN

    async with target.connected() as (cluster, namespace):
        body = await cluster.get(RETRAIN_RUN, namespace, name)
        if body is None:
            raise ModelwrightError(f"no RetrainRun '{name}' in namespace '{namespace}'")
        policy = str(body["spec"]["policyRef"]["name"])
        return await _command(cluster, namespace, policy, f"cancel/{{id}}/{name}", timeout)


async def _command(cluster: Cluster, namespace: str, name: str, text: str, timeout: timedelta) -> PolicyCommand:
    """Write `text` with an id of our own on the policy `name`, and wait for its answer."""
    from modelwright.api.parsing import parse_policy_status
    from modelwright.cluster.keys import RETRAIN_POLICY
    from modelwright.retraining.plan.cancelling import ACTOR_ANNOTATION, ANNOTATION

    id_ = secrets.token_hex(4)
    annotations = {ANNOTATION: text.format(id=id_), ACTOR_ANNOTATION: await own_name(cluster)}
    if await cluster.get(RETRAIN_POLICY, namespace, name) is None:
        raise ModelwrightError(f"no RetrainPolicy '{name}' in namespace '{namespace}'")
    try:
        await cluster.merge_patch(RETRAIN_POLICY, namespace, name, {"metadata": {"annotations": annotations}})
    except InvalidSpec as error:
        raise ModelwrightError(error.message) from None
    status: PolicyStatus | None = None
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            while True:
                body = await cluster.get(RETRAIN_POLICY, namespace, name)
                status = parse_policy_status(body or {})
                if status.command and status.command.id == id_:
                    return status.command
                await asyncio.sleep(0.2)
    except TimeoutError:
        waits = status.pending.message if status and status.pending else "is the operator running?"
        raise ModelwrightError(f"the command is written, and not answered within {timeout}: {waits}") from None
