"""`lint`: what is wrong with manifests, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def lint(files: tuple[Path, ...]) -> None:
    """Check manifests of our kinds offline; `-` is standard input, a folder means the YAML files in it.

    Other kinds are passed over. Exit code 1 when something is wrong.
    """
    from modelwright.cli.linting import problems

    found = looked_at = 0
    for file in _expanded(files):
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise click.ClickException(f"{file} cannot be read: {reason}") from None
        report = problems(text)
        looked_at += report.looked_at
        found += len(report.problems)
        for problem in report.problems:
            click.echo(f"{file}: {problem}")
    click.echo(f"{looked_at} manifests, {found} problems", err=True)
    if found:
        raise click.exceptions.Exit(1)


def _expanded(files: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        found += sorted([*file.rglob("*.yaml"), *file.rglob("*.yml")]) if file.is_dir() else [file]
    return found
