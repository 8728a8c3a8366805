"""`modelwright run`: the operator itself."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import click

from modelwright.errors import ModelwrightError


@click.command()
@click.option("--config", type=click.Path(path_type=Path), required=True, help="The operator's configuration file.")
@click.option("--namespace", "-n", "namespaces", multiple=True, help="Watch only this namespace; may be repeated.")
@click.option("--lease-namespace", envvar="POD_NAMESPACE", default="default", show_default=True)
@click.option("--listen-address", envvar="LISTEN_ADDRESS", default="0.0.0.0", show_default=True)
@click.option("--health-port", default=8080, show_default=True, help="Port of /healthz; 0 for none.")
@click.option("--metrics-port", default=8081, show_default=True, help="Port of /metrics; 0 for none.")
@click.option("--events-port", default=8082, show_default=True, help="Port for events, if receivers are configured.")
@click.option("--kubeconfig", type=click.Path(), help="Default: the pod's service account, else KUBECONFIG.")
@click.option("--log-level", default="INFO", type=click.Choice(["DEBUG", "INFO", "WARNING"]), show_default=True)
def run(
    config: Path,
    namespaces: tuple[str, ...],
    lease_namespace: str,
    listen_address: str,
    health_port: int,
    metrics_port: int,
    events_port: int,
    kubeconfig: str | None,
    log_level: str,
) -> None:
    """Run the operator until it is told to stop."""
    from modelwright import wiring
    from modelwright.configuration import read_configuration

    logging.basicConfig(level=log_level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    if log_level != "DEBUG":
        for chatty in ("kopf", "aiohttp.access"):
            logging.getLogger(chatty).setLevel(logging.WARNING)
    listen = f"{listen_address}:{health_port}" if health_port else ""
    try:
        metrics = (listen_address, metrics_port) if metrics_port else None
        events = (listen_address, events_port) if events_port else None
        options = wiring.Options(
            read_configuration(config), namespaces, lease_namespace, listen, kubeconfig, metrics, events
        )
        asyncio.run(wiring.run(options))
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from error
    except ExceptionGroup as group:
        meant, unexpected = group.split(ModelwrightError)
        if unexpected or meant is None:
            raise
        raise click.ClickException(str(_first(meant))) from group


def _first(group: BaseException) -> BaseException:
    return _first(group.exceptions[0]) if isinstance(group, BaseExceptionGroup) else group
