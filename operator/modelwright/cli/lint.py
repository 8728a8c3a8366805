"""`lint`: what is wrong with manifests, without a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from modelwright.errors import ModelwrightError


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The operator's configuration: check against it too.")
@click.option(
    "--requests-per-second",
    type=click.FloatRange(0, min_open=True),
    help="Say how long each guardrail will take to decide if both versions together get so many.",
)
@click.option(
    "--base-rate",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="For that: the share of events (errors, slow requests) of a healthy version.",
)
def lint(files: tuple[Path, ...], config: Path | None, requests_per_second: float | None, base_rate: float) -> None:
    """Check manifests of our kinds offline; `-` is standard input, a folder means the YAML files in it.

    Other kinds are passed over. Exit code 1 when something is wrong.
    """
    from modelwright.cli.linting import problems, rollouts
    from modelwright.configuration import read_configuration
    from modelwright.rollouts.plan.forecast import how_long
    from modelwright.rollouts.profiled import with_profile

    try:
        platform = read_configuration(config) if config else None
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from error
    found = looked_at = 0
    for file in _expanded(files):
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise click.ClickException(f"{file} cannot be read: {reason}") from None
        report = problems(text, platform)
        looked_at += report.looked_at
        found += len(report.problems)
        for problem in report.problems:
            click.echo(f"{file}: {problem}")
        if requests_per_second is None:
            continue
        for rollout in rollouts(text):
            whole, _ = with_profile(rollout, platform.profiles if platform else {})
            for line in how_long(whole.spec, requests_per_second, base_rate):
                click.echo(f"{file}: ModelRollout/{rollout.name}: {line}")
    click.echo(f"{looked_at} manifests, {found} problems", err=True)
    if found:
        raise click.exceptions.Exit(1)


def _expanded(files: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        found += sorted([*file.rglob("*.yaml"), *file.rglob("*.yml")]) if file.is_dir() else [file]
    return found
