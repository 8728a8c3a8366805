"""`retrain`: write a command on a RetrainPolicy, and wait for the run that it starts."""

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


@click.command()
@click.argument("policy")
@click.option("--timeout", metavar="DURATION", callback=duration, default="30s", show_default=True)
@on_a_cluster
def retrain(target: Target, policy: str, timeout: timedelta) -> None:
    """Start a run of a RetrainPolicy now. It waits for what is under way, but for no rest."""
    answer = run(_command(target, policy, timeout))
    by = f" by {answer.actor}" if answer.actor else ""
    if answer.outcome != "Done":
        raise click.ClickException(f"retrain of {policy}{by} was refused: {answer.message}")
    click.echo(f"retrain of {policy}{by}: {answer.message}")


async def _command(target: Target, name: str, timeout: timedelta) -> PolicyCommand:
    from modelwright.api.parsing import parse_policy_status
    from modelwright.cluster.keys import RETRAIN_POLICY
    from modelwright.retraining.plan.triggers.by_hand import ACTOR_ANNOTATION, ANNOTATION

    async with target.connected() as (cluster, namespace):
        id_ = secrets.token_hex(4)
        annotations = {ANNOTATION: f"retrain/{id_}", ACTOR_ANNOTATION: await own_name(cluster)}
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
