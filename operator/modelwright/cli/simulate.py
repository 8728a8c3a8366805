"""`simulate`: when a policy would have fired, from what a Prometheus remembers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelwright.cli.connection import span
from modelwright.errors import InvalidSpec, ModelwrightError

if TYPE_CHECKING:
    from modelwright.api.policy import RetrainPolicy
    from modelwright.metrics.configuration import MetricSource
    from modelwright.simulation.replay import Assumptions, Replayed


def _cost(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Decimal, str] | None:
    if value is None:
        return None
    amount, _, currency = value.partition(" ")
    try:
        return Decimal(amount), currency
    except InvalidOperation:
        raise click.BadParameter("must be like '3.10 EUR'", ctx, param) from None


TIME = click.DateTime(["%Y-%m-%dT%H:%M:%SZ"])


@click.command(short_help="Replay a RetrainPolicy over the past.")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--prometheus", metavar="URL", help="The API that remembers, taken for every source.")
@click.option("--config", type=click.Path(path_type=Path), help="Instead: the operator's configuration.")
@click.option("--namespace", "-n", help="Default: the manifest's, else `default`.")
@click.option("--since", metavar="SPAN", callback=span, default="30d", show_default=True, help="How far back.")
@click.option("--until", metavar="TIME", type=TIME, help="In UTC, as 2026-11-21T08:00:00Z. Default: now.")
@click.option("--step", metavar="SPAN", callback=span, default="5m", show_default=True, help="Time between two looks.")
@click.option("--takes", metavar="SPAN", callback=span, default="1h", show_default=True, help="Duration of a run.")
@click.option(
    "--outcome",
    type=click.Choice(["Approved", "Rejected", "Failed"]),
    default="Approved",
    show_default=True,
    help="How each run is assumed to end; an approved model is assumed to be promoted at once.",
)
@click.option(
    "--cost-per-run", metavar="AMOUNT", callback=_cost, help="Such as '3.10 EUR'. Default: by the rates of --config."
)
@click.option(
    "--compare",
    multiple=True,
    metavar="FIELD=A,B",
    help="Replay with each of these, side by side: accuracy.min=0.90,0.88 or limits.cooldown=1h,6h. Repeatable.",
)
def simulate(
    file: Path,
    prometheus: str | None,
    config: Path | None,
    namespace: str | None,
    since: timedelta,
    until: datetime | None,
    step: timedelta,
    takes: timedelta,
    outcome: str,
    cost_per_run: tuple[Decimal, str] | None,
    compare: tuple[str, ...],
) -> None:
    """Replay the RetrainPolicy in FILE over the past, by the operator's own planner.

    Says when it would have fired, what held it back, what its runs would have cost, and how long each metric was beyond
    its bounds. The past knows no better model: a decline that lasts goes on firing.
    """
    from modelwright.cli import drawing
    from modelwright.cli.replayed import comparison, story
    from modelwright.simulation.replay import Assumptions

    if bool(prometheus) == bool(config):
        raise click.UsageError("give either --prometheus or --config")
    if step < timedelta(seconds=1):
        raise click.BadParameter("must be at least 1s", param_hint="--step")
    # Whole steps of the clock: the same question twice is the same answer.
    end = until.replace(tzinfo=UTC) if until else datetime.now(UTC)
    end = datetime.fromtimestamp(end.timestamp() // step.total_seconds() * step.total_seconds(), UTC)
    try:
        found = _replayed(
            file, namespace, prometheus, config, end - since, end, step, Assumptions(takes, outcome), compare
        )
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from error
    console = drawing.console()
    if compare:
        console.print(comparison(found, cost_per_run))
    else:
        ((_, replayed),) = found
        for drawn in story(replayed, cost_per_run):
            console.print(drawn)


def _replayed(
    file: Path,
    namespace: str | None,
    prometheus: str | None,
    config: Path | None,
    start: datetime,
    end: datetime,
    step: timedelta,
    assumptions: Assumptions,
    compare: tuple[str, ...],
) -> list[tuple[str, Replayed]]:
    from modelwright.configuration import read_configuration
    from modelwright.metrics.prometheus import Source
    from modelwright.metrics.reasons import Unanswered
    from modelwright.simulation.reading import record
    from modelwright.simulation.recorded import Recorded
    from modelwright.simulation.replay import Replay
    from modelwright.simulation.variants import variants

    platform = read_configuration(config) if config else None
    policies = [
        (name, _policy(body, priced=platform is not None))
        for name, body in variants(_manifest(file, namespace), compare)
    ]
    sources = platform.sources if platform else _anywhere(policies[0][1], prometheus or "")
    rates = platform.rates if platform else {}
    clients = {name: Source(source) for name, source in sources.items()}
    asked: dict[tuple[Any, ...], Mapping[float, float]] = {}

    def values(source: str, *question: Any) -> Mapping[float, float]:
        # Variants mostly ask the same: once is enough.
        if (source, *question) not in asked:
            if source not in clients:
                raise InvalidSpec("source", f"{source!r} is not configured; known: {', '.join(sorted(clients))}")
            try:
                samples = clients[source].values(*question)
            except Unanswered as unanswered:
                raise ModelwrightError(unanswered.message) from None
            asked[source, *question] = {sample[0]: sample[1] for sample in samples}
        return asked[source, *question]

    found = []
    for name, policy in policies:
        recorded: Recorded = record(policy, start, end, step, values)
        found.append((name, Replay(policy, recorded, sources, step, assumptions, rates).through(start, end)))
    return found


def _manifest(file: Path, namespace: str | None) -> dict[str, Any]:
    import yaml

    try:
        bodies = [body for body in yaml.safe_load_all(file.read_text()) if isinstance(body, dict)]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ModelwrightError(f"{file} cannot be read: {type(error).__name__}") from None
    found = [body for body in bodies if body.get("kind") == "RetrainPolicy"]
    if len(found) != 1:
        raise ModelwrightError(f"{file} must hold one RetrainPolicy, found {len(found)}")
    given = found[0].get("metadata") or {}
    metadata = {"name": given.get("name", "policy"), "namespace": namespace or given.get("namespace", "default")}
    return {**found[0], "metadata": {**metadata, "uid": "simulated", "generation": 1, "resourceVersion": "1"}}


def _policy(body: Mapping[str, Any], *, priced: bool) -> RetrainPolicy:
    """Without prices what is limited in money cannot be reckoned: GPU-hours can."""
    from modelwright.api.budget import GPU_HOURS
    from modelwright.api.parsing import parse_policy

    policy = parse_policy(body)
    budget = policy.spec.limits.budget
    if budget is None or priced:
        return policy
    day, month = (
        allowance if allowance and allowance.unit == GPU_HOURS else None
        for allowance in (budget.per_day, budget.per_month)
    )
    known = replace(budget, rates="", per_day=day, per_month=month)
    return replace(policy, spec=replace(policy.spec, limits=replace(policy.spec.limits, budget=known)))


def _anywhere(policy: RetrainPolicy, prometheus: str) -> Mapping[str, MetricSource]:
    from modelwright.metrics.configuration import MetricSource

    names = {asked.source for trigger in policy.spec.triggers if (asked := trigger.metric or trigger.data)}
    return {name: MetricSource(name, prometheus, timeout=timedelta(seconds=60)) for name in names | {"default"}}
