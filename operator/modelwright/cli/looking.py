"""`get` and `status`: what rollouts there are, and how they stand."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from modelwright.cli.connection import Target, duration, every_change, on_a_cluster, one_rollout, run
from modelwright.cli.outcomes import Outcome, outcome_of

if TYPE_CHECKING:
    from modelwright.cluster.access import Object


@click.command()
@click.argument("name", required=False)
@click.option("--all-namespaces", "-A", is_flag=True, help="Rollouts of all namespaces.")
@click.option("--output", "-o", type=click.Choice(["wide", "json", "yaml"]), help="Default: for people.")
@on_a_cluster
def get(target: Target, name: str | None, all_namespaces: bool, output: str | None) -> None:
    """Show one rollout as a tree, or all of them as a table."""
    if name and all_namespaces:
        raise click.UsageError("a rollout has one namespace: name it, or ask for all, not both")
    bodies = run(_bodies(target, name, all_namespaces))
    if output in ("json", "yaml"):
        click.echo(_as_text(bodies, output, single=name is not None), nl=False)
        return
    from modelwright.cli import drawing

    console = drawing.console()
    if name:
        console.print(drawing.tree(bodies[0]))
        return
    if not bodies:
        click.echo("there is no ModelRollout here", err=True)
        return
    console.print(drawing.table(bodies, datetime.now(UTC), namespaces=all_namespaces, wide=output == "wide"))


@click.command()
@click.argument("name")
@click.option("--timeout", metavar="DURATION", callback=duration, help="0s looks once. Default: wait without end.")
@on_a_cluster
def status(target: Target, name: str, timeout: timedelta | None) -> None:
    """Wait until a rollout is decided.

    Exit code 0: healthy. 1: degraded, it needs somebody. 2: still progressing when the time was over.
    """
    outcome, says = run(_decided(target, name, timeout))
    click.echo(f"{outcome.name.capitalize()}  {says}")
    raise click.exceptions.Exit(outcome)


async def _bodies(target: Target, name: str | None, all_namespaces: bool) -> list[Object]:
    from modelwright.cluster.keys import MODEL_ROLLOUT

    async with target.connected() as (cluster, namespace):
        if name:
            return [await one_rollout(cluster, namespace, name)]
        found = await cluster.list(MODEL_ROLLOUT, None if all_namespaces else namespace)
    return sorted(found, key=lambda body: (body["metadata"]["namespace"], body["metadata"]["name"]))


async def _decided(target: Target, name: str, timeout: timedelta | None) -> tuple[Outcome, str]:
    async with target.connected() as (cluster, namespace):
        known = outcome_of(await one_rollout(cluster, namespace, name))
        try:
            async with asyncio.timeout(timeout.total_seconds() if timeout is not None else None):
                async for body in every_change(cluster, namespace, name):
                    known = outcome_of(body)
                    if known[0] is not Outcome.PROGRESSING:
                        break
        except TimeoutError:
            pass
    return known


def _as_text(bodies: list[Object], output: str, *, single: bool) -> str:
    import yaml

    for body in bodies:
        body["metadata"].pop("managedFields", None)
    shown: Any = bodies[0] if single else {"apiVersion": "v1", "kind": "List", "items": bodies}
    if output == "json":
        return json.dumps(shown, indent=4, ensure_ascii=False) + "\n"
    return str(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True))
