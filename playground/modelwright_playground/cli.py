"""`modelwright playground up | status | down`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from modelwright.errors import ModelwrightError
from modelwright_playground.components import COMPONENTS
from modelwright_playground.controlplane.build import binary
from modelwright_playground.controlplane.module_definitions import gateway_api_crds
from modelwright_playground.controlplane.progress import duration
from modelwright_playground.instance import Instance, NoInstance, Ports, default_dir
from modelwright_playground.lifecycle import start, stop
from modelwright_playground.report import Report, is_running, last_report, only_one_start
from modelwright_playground.supervisor import supervise


class _InPlainWords(click.Group):
    """Errors that we raise on purpose, and a full disk, are a message and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModelwrightError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise click.ClickException("the disk is full: free some space and run this again") from error


def _of_instance(command: Callable[..., None]) -> Callable[..., None]:
    name = click.option("--name", default="default", show_default=True, help="Which playground.")
    dir = click.option("--dir", type=click.Path(path_type=Path, file_okay=False), help="Its folder, if not the usual.")
    return name(dir(command))


def _with_ports(command: Callable[..., None]) -> Callable[..., None]:
    for field in reversed(fields(Ports)):
        option = f"--port-{field.name.replace('_', '-')}"
        command = click.option(option, field.name, type=click.IntRange(1, 65535), help="Default: a free one.")(command)
    return command


@click.group(cls=_InPlainWords, context_settings={"help_option_names": ["-h", "--help"]})
def playground() -> None:
    """A whole cluster on this machine, without containers."""


@playground.command()
@_of_instance
@click.option("--foreground", is_flag=True, help="Stay until Ctrl-C, and stop everything then.")
@_with_ports
def up(name: str, dir: Path | None, foreground: bool, **ports: int | None) -> None:
    """Start a playground, and say how to use it. Does nothing if it runs already."""
    folder = (dir or default_dir(name)).resolve()
    chosen = {port_name: port for port_name, port in ports.items() if port is not None}
    _provide_programs()
    with contextlib.ExitStack() as starting:
        starting.enter_context(only_one_start(folder))
        if is_running(folder):
            _refuse_other_ports(Instance.load(folder), chosen)
            _show(Instance.load(folder), "is running already")
            return
        _refuse_foreign_folder(folder)
        instance = Instance.create(name, folder, **chosen)
        _link_kubectl(instance)
        started = time.monotonic()

        def ready() -> None:
            starting.close()
            _show(instance, f"is ready after {duration(time.monotonic() - started)}")

        if foreground:
            logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
            asyncio.run(supervise(instance, tuple(COMPONENTS), ready))
        else:
            with Console(stderr=True).status("starting the playground"):
                start(instance)
            ready()


@playground.command()
@_of_instance
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def status(name: str, dir: Path | None, output: str) -> None:
    """Show what runs, where, and since when. Exit code 1 when it does not run."""
    folder = (dir or default_dir(name)).resolve()
    instance = Instance.load(folder)
    alive = is_running(folder)
    report = last_report(folder)
    if output == "json":
        click.echo(json.dumps(_as_json(instance, alive, report), indent=2))
    elif alive and report:
        _wide_console().print(_table(report))
    else:
        click.echo(_why_not_running(instance, report))
    if not alive:
        raise click.exceptions.Exit(1)


@playground.command()
@_of_instance
@click.option("--purge", is_flag=True, help="Also remove its folder, with all its objects and logs.")
def down(name: str, dir: Path | None, purge: bool) -> None:
    """Stop a playground, and wait until nothing of it runs."""
    folder = (dir or default_dir(name)).resolve()
    try:
        instance = Instance.load(folder)
    except NoInstance:
        click.echo("there is no such playground: nothing to stop")
        return
    click.echo(f"playground {instance.name} {'is stopped' if stop(instance) else 'was not running'}")
    if purge:
        shutil.rmtree(folder)
        click.echo(f"removed {folder}")


def _refuse_other_ports(instance: Instance, chosen: dict[str, int]) -> None:
    has = asdict(instance.ports)
    for port_name, port in chosen.items():
        if has[port_name] != port:
            raise click.ClickException(
                f"the playground runs already, with {port_name.replace('_', ' ')} on port {has[port_name]}: "
                "`modelwright playground down` first"
            )


def _refuse_foreign_folder(folder: Path) -> None:
    # `down --purge` removes the whole folder: it must be ours alone.
    if folder.exists() and any(folder.iterdir()) and not (folder / "instance.json").exists():
        raise click.ClickException(f"{folder} is not empty and holds no playground: choose another --dir")


def _provide_programs() -> None:
    """Build what is missing, here, where a person sees how long it takes."""
    for component in COMPONENTS.values():
        for program in component.programs:
            binary(program)
    binary("kubectl")
    gateway_api_crds()


def _link_kubectl(instance: Instance) -> None:
    """Put kubectl where the PATH that we show leads, and beside it `modelwright`, and as a plugin of kubectl."""
    bin = instance.dir / "bin"
    bin.mkdir(exist_ok=True)
    ours = (Path(sys.executable).with_name(name) for name in ("modelwright", "kubectl-modelwright"))
    for program in (binary("kubectl"), *ours):
        link = bin / program.name
        link.unlink(missing_ok=True)
        if program.exists():
            link.symlink_to(program)


def _show(instance: Instance, how: str) -> None:
    console = _wide_console()
    report = last_report(instance.dir)
    console.print(f"Playground [bold]{instance.name}[/bold] {how}.", highlight=False)
    if report:
        console.print(_table(report))
    for line in (
        f"export KUBECONFIG={instance.kubeconfig}",
        f"export PATH={instance.dir / 'bin'}:$PATH",
        "kubectl get nodes,pods -A",
        f"modelwright playground down{_options(instance)}",
    ):
        # Not through rich: it would break long lines, and people copy these.
        click.echo(f"  {line}")


def _wide_console() -> Console:
    """For tables: what is no terminal has 80 columns for rich, which would cut the addresses short."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _options(instance: Instance) -> str:
    """What a command needs to find this playground again."""
    if instance.dir != default_dir(instance.name).resolve():
        return f" --dir {instance.dir}"
    return "" if instance.name == "default" else f" --name {instance.name}"


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("COMPONENT", "STATE", "PID", "UP", "RESTARTS", "URL"):
        # In a narrow window rather a second line than half an address.
        table.add_column(column, overflow="fold")
    for component in report.components:
        up_for = duration(time.time() - component.started_at) if component.pid else "-"
        pid = str(component.pid or "-")
        table.add_row(component.name, component.state, pid, up_for, str(component.restarts), component.url or "-")
    return table


def _as_json(instance: Instance, alive: bool, report: Report | None) -> dict[str, Any]:
    return {
        "name": instance.name,
        "dir": str(instance.dir),
        "running": alive,
        "phase": report.phase if alive and report else "Stopped",
        "kubeconfig": str(instance.kubeconfig),
        "components": [
            {
                "name": component.name,
                "state": component.state,
                "pid": component.pid,
                "url": component.url,
                "restarts": component.restarts,
                "uptimeSeconds": round(time.time() - component.started_at, 1),
            }
            for component in (report.components if alive and report else ())
        ],
    }


def _why_not_running(instance: Instance, report: Report | None) -> str:
    message = f"playground {instance.name} is not running"
    if report and report.phase == "Failed":
        return f"{message}: {report.message}"
    if report and report.phase != "Stopped":
        return f"{message}: its supervisor (process {report.pid}) was killed; `up` starts it again"
    return message
