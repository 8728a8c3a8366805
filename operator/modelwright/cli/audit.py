"""`modelwright audit verify`: whether a trail is whole."""

from __future__ import annotations

from typing import TextIO

import click


@click.group()
def audit() -> None:
    """The operator's audit trail."""


@audit.command()
@click.argument("file", type=click.File(encoding="utf-8", errors="surrogateescape"))
@click.option("--last", metavar="HASH", help="The hash that the last line must have: what was cut off shows by it.")
@click.option("--mixed", is_flag=True, help="Ignore lines that are none of the trail's, as in a pod's log.")
def verify(file: TextIO, last: str | None, mixed: bool) -> None:
    """Follow the chain of hashes through FILE (`-` for standard input). Exit code 1 where it breaks."""
    from modelwright.audit.chain import BEGINS_WITH
    from modelwright.audit.chain import verify as follow

    lines = (line.rstrip("\n") for line in file)
    found = follow(line for line in lines if not mixed or line.startswith(BEGINS_WITH))
    if not found.lines and not found.broken:
        raise click.ClickException(f"{file.name} holds no line of an audit trail")
    for note in found.notes:
        click.echo(note, err=True)
    if found.broken:
        raise click.ClickException(f"the chain is broken: {found.broken}")
    if last and found.last.hash != last:
        raise click.ClickException(f"the last line is {found.last.hash}, not {last}: lines are missing at the end")
    click.echo(f"{found.lines} lines in {found.segments} segments hold together; the last is {found.last.hash}")
