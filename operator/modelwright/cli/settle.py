"""`modelwright settle`: before the operator is uninstalled, take every rollout back to stable.

Holding the operator's own Lease meanwhile, so that nobody raises behind our back a weight that we lowered.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelwright.cli.connection import duration, run
from modelwright.errors import InvalidSpec, ModelwrightError, Unavailable

if TYPE_CHECKING:
    from modelwright.cluster.access import Cluster

AT_ONCE = 16
TRIES = 30


@dataclass(frozen=True)
class Options:
    """`operator` is "namespace/name" of the operator's Deployment, "" where it is stopped already."""

    namespaces: tuple[str, ...]
    operator: str
    lease_namespace: str
    end_pipelines: bool
    config: Path | None
    deadline: timedelta
    kubeconfig: str | None


@click.command(short_help="Take all rollouts back to stable, for an uninstall.")
@click.option("--namespace", "-n", "namespaces", multiple=True, help="Only this namespace; may be repeated.")
@click.option("--operator", default="", metavar="NAMESPACE/NAME", help="Deployment of the operator, to be scaled to 0.")
@click.option("--lease-namespace", envvar="POD_NAMESPACE", default="default", show_default=True)
@click.option("--end-pipelines", is_flag=True, help="Also stop pipeline runs, and let go of their RetrainRuns.")
@click.option("--config", type=click.Path(path_type=Path), help="The operator's configuration file: pipeline servers.")
@click.option("--deadline", metavar="DURATION", callback=duration, default="4m", show_default=True)
@click.option("--kubeconfig", type=click.Path(), help="Default: the pod's service account, else KUBECONFIG.")
def settle(
    namespaces: tuple[str, ...],
    operator: str,
    lease_namespace: str,
    end_pipelines: bool,
    config: Path | None,
    deadline: timedelta,
    kubeconfig: str | None,
) -> None:
    """Take every rollout that is under way back to stable, before the operator goes.

    Exit code 1 when a candidate still holds weight somewhere. Then a Deployment named with --operator gets its
    replicas back.
    """
    if operator and operator.count("/") != 1:
        raise click.BadParameter("must be NAMESPACE/NAME", param_hint="--operator")
    options = Options(namespaces, operator, lease_namespace, end_pipelines, config, deadline, kubeconfig)
    if not run(_settle(options)):
        raise click.exceptions.Exit(1)


async def _settle(options: Options) -> bool:
    from modelwright.cluster.access import Cluster

    cluster = await Cluster.connect(options.kubeconfig)
    replicas, settled = 0, False
    try:
        if options.operator:
            replicas = await _scale(cluster, options.operator, 0)
        settled = await _while_nobody_leads(cluster, options)
    finally:
        if replicas and not settled:
            click.echo(f"the operator {options.operator} goes on, with {replicas} replicas")
            await _scale(cluster, options.operator, replicas)
        await cluster.close()
    return settled


async def _while_nobody_leads(cluster: Cluster, options: Options) -> bool:
    from modelwright.cluster.lease import Leadership

    until = asyncio.get_running_loop().time() + options.deadline.total_seconds()
    identity = f"settle-{os.environ.get('HOSTNAME') or socket.gethostname()}-{os.getpid()}"
    leadership = Leadership(cluster, options.lease_namespace, "modelwright", identity)
    try:
        async with asyncio.timeout_at(until):
            await leadership.acquire()
    except TimeoutError:
        message = "an operator still holds the Lease: stop it first, or name its Deployment with --operator"
        raise ModelwrightError(message) from None
    keeping = asyncio.create_task(leadership.keep())
    try:
        settled = await _rollouts(cluster, options, until)
        if settled:
            await _pipelines(cluster, options)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await leadership.release()
    return settled


async def _rollouts(cluster: Cluster, options: Options, until: float) -> bool:
    from modelwright.cluster.keys import MODEL_ROLLOUT
    from modelwright.rollouts.giving_back import settle_any

    bodies = await _all(cluster, MODEL_ROLLOUT, options)
    places = asyncio.Semaphore(AT_ONCE)

    async def one(body: dict[str, Any]) -> bool:
        async with places:
            done = await settle_any(cluster, body, until)
        click.echo(f"{'settled' if done.ok else 'NOT settled'}  {done.namespace}/{done.name}: {done.says}")
        return done.ok

    settled = await asyncio.gather(*(one(body) for body in bodies))
    click.echo(f"{sum(settled)} of {len(settled)} rollouts are settled")
    return all(settled)


async def _pipelines(cluster: Cluster, options: Options) -> None:
    from modelwright.cluster.keys import RETRAIN_RUN
    from modelwright.retraining import ending

    found = ending.unfinished([*await _all(cluster, RETRAIN_RUN, options)])
    if not found:
        return
    if options.end_pipelines:
        ask = _asker(options)
        for run in found:
            click.echo(f"ended    {run.namespace}/{run.name}: {await ending.end(cluster, run, ask)}")
        return
    for run in found:
        what = f"pipeline run {run.pipeline_run} may still run" if run.pipeline_run else "it was not finished"
        click.echo(f"running  {run.namespace}/{run.name}: {what}")
    click.echo(
        f"WARNING: without an operator these {len(found)} RetrainRuns cannot be deleted, nor can their namespaces: "
        "`modelwright settle --end-pipelines` stops the pipeline runs and lets go of them"
    )


def _asker(options: Options) -> Any:
    from modelwright.configuration import read_configuration
    from modelwright.kubeflow.asking import Asker

    return Asker(read_configuration(options.config).servers if options.config else {}).ask


async def _all(cluster: Cluster, kind: Any, options: Options) -> list[dict[str, Any]]:
    found = await asyncio.gather(*(_list(cluster, kind, namespace) for namespace in options.namespaces or (None,)))
    return [body for bodies in found for body in bodies]


async def _list(cluster: Cluster, kind: Any, namespace: str | None) -> Sequence[dict[str, Any]]:
    """Asked again for a while: an API server that is busy is no reason to leave a candidate with its traffic."""
    for _ in range(TRIES):
        with suppress(Unavailable):
            return await cluster.list(kind, namespace)
        await asyncio.sleep(1)
    return await cluster.list(kind, namespace)


async def _scale(cluster: Cluster, operator: str, replicas: int) -> int:
    """Scale the operator's Deployment, and return how many replicas it had before."""
    from modelwright.cluster.keys import DEPLOYMENT

    namespace, name = operator.split("/")
    path = DEPLOYMENT.path(namespace, name, "scale")
    try:
        before = await cluster.raw("get", path)
        await cluster.merge_patch(DEPLOYMENT, namespace, name, {"spec": {"replicas": replicas}}, "scale")
    except InvalidSpec as error:
        raise ModelwrightError(f"the operator's Deployment {operator} cannot be scaled: {error}") from error
    return int(before["spec"].get("replicas", 0))
