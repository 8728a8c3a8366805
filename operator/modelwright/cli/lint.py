"""`lint`: what is wrong with manifests, without a cluster, and how long their decisions will take."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelwright.cli.connection import span
from modelwright.errors import ModelwrightError

if TYPE_CHECKING:
    from modelwright.api.rollout import ModelRollout
    from modelwright.configuration import Configuration

Foretell = Callable[["ModelRollout"], list[str]]


@click.command(short_help="Check manifests, without a cluster.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--config", type=click.Path(path_type=Path), help="The operator's configuration: check against it too.")
@click.option("--namespace", "-n", help="Of manifests that name none. Default: `default`.")
@click.option(
    "--requests-per-second",
    type=click.FloatRange(0, min_open=True),
    help="Say how long each decision will take if both versions together get so many.",
)
@click.option(
    "--base-rate",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="For that: the share of events (errors, slow requests, conversions) of a healthy version.",
)
@click.option(
    "--deviation",
    type=click.FloatRange(0, 0.5),
    default=0.1,
    show_default=True,
    help="For that: the standard deviation of what a mean measures, as a part of the width of its bounds.",
)
@click.option("--prometheus", metavar="URL", help="Say it for the traffic that this API has seen, for every source.")
@click.option("--ask", is_flag=True, help="Say it for the traffic that the sources of --config have seen.")
@click.option("--over", metavar="SPAN", callback=span, default="1h", show_default=True, help="Seen in the last …")
def lint(
    files: tuple[Path, ...],
    config: Path | None,
    namespace: str | None,
    requests_per_second: float | None,
    base_rate: float,
    deviation: float,
    prometheus: str | None,
    ask: bool,
    over: timedelta,
) -> None:
    """Check manifests of our kinds; `-` is standard input, a folder means the YAML files in it.

    Other kinds are passed over. Exit code 1 when something is wrong. No cluster is asked, and a metric source only with
    --prometheus or --ask.
    """
    from modelwright.cli.linting import problems, rollouts
    from modelwright.configuration import read_configuration
    from modelwright.rollouts.profiled import with_profile

    if sum((requests_per_second is not None, prometheus is not None, ask)) > 1:
        raise click.UsageError("give one of --requests-per-second, --prometheus and --ask: traffic is assumed or seen")
    if ask and config is None:
        raise click.UsageError("--ask needs --config: it says where the sources are, and how to be let in")
    if over < timedelta(minutes=1):
        raise click.BadParameter("must be at least 1m", param_hint="--over")
    try:
        platform = read_configuration(config) if config else None
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from error
    foretell: Foretell | None = None
    if requests_per_second is not None:
        foretell = _assuming(requests_per_second, base_rate, deviation)
    elif prometheus or ask:
        foretell = _asking(prometheus, platform, over)
    found = looked_at = 0
    for file in _expanded(files):
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise click.ClickException(f"{file} cannot be read: {reason}") from None
        report = problems(text, platform, namespace)
        looked_at += report.looked_at
        found += len(report.problems)
        for problem in report.problems:
            click.echo(f"{file}: {problem}")
        for rollout in rollouts(text, namespace) if foretell else ():
            whole, _ = with_profile(rollout, platform.profiles if platform else {})
            for line in foretell(whole) if foretell else ():
                click.echo(f"{file}: ModelRollout/{rollout.name}: {line}")
    click.echo(f"{_counted(looked_at, 'manifest')}, {_counted(found, 'problem')}", err=True)
    if found:
        raise click.exceptions.Exit(1)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _assuming(requests_per_second: float, base_rate: float, deviation: float) -> Foretell:
    from modelwright.rollouts.plan.beforehand import assumed, how_long

    def foretell(rollout: ModelRollout) -> list[str]:
        return how_long(rollout.spec, assumed(rollout.spec, requests_per_second, base_rate, deviation))

    return foretell


def _asking(prometheus: str | None, platform: Configuration | None, over: timedelta) -> Foretell:
    from modelwright.cli.asked import seen_lately
    from modelwright.metrics.configuration import MetricSource
    from modelwright.rollouts.plan.beforehand import how_long

    now = datetime.now(UTC)

    def foretell(rollout: ModelRollout) -> list[str]:
        source = rollout.spec.analysis.source
        sources = {source: MetricSource(source, prometheus, timeout=timedelta(seconds=60))} if prometheus else {}
        try:
            seen, lines = seen_lately(rollout, sources or (platform.sources if platform else {}), now, over)
        except ModelwrightError as error:
            return [f"no forecast: {error}"]
        return lines + how_long(rollout.spec, seen)

    return foretell


def _expanded(files: tuple[Path, ...]) -> list[Path]:
    found: list[Path] = []
    for file in files:
        found += sorted([*file.rglob("*.yaml"), *file.rglob("*.yml")]) if file.is_dir() else [file]
    return found
