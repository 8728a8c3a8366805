"""`runs`: the attempts of a RetrainPolicy, newest first, with what each has cost, and what waits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from modelwright.cli.connection import Target, on_a_cluster, run
from modelwright.errors import ModelwrightError

if TYPE_CHECKING:
    from modelwright.api.policy import PolicyStatus
    from modelwright.api.run import RetrainRun


@click.command(short_help="Show the runs of a RetrainPolicy, and what they cost.")
@click.argument("policy")
@on_a_cluster
def runs(target: Target, policy: str) -> None:
    """The runs of a RetrainPolicy: why each was started, what came of it, how long it took, what it cost."""
    from modelwright.cli import drawing

    status, found = run(_found(target, policy))
    console = drawing.console()
    for drawn in story(status, found):
        console.print(drawn)


def story(status: PolicyStatus, found: Sequence[RetrainRun]) -> Iterator[Any]:
    """What was spent, what waits, and a table of the runs."""
    from rich.text import Text

    if status.spending:
        yield Text(f"spent this month: {status.spending.this_month or 'nothing'}")
    if status.pending:
        yield Text(f"{status.pending.reason}: {status.pending.message}", style="yellow")
    yield _table(found)


def _table(found: Sequence[RetrainRun]) -> Any:
    from rich.table import Table
    from rich.text import Text

    from modelwright.api.durations import format_duration
    from modelwright.retraining.plan import lineage

    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    for column in ("RUN", "TRIGGERS", "CREATED (UTC)", "RESULT", "TOOK", "COST"):
        drawn.add_column(column, no_wrap=True)
    for each in sorted(found, key=lambda each: -each.spec.number):
        known, condition = each.status.pipeline_run, lineage.succeeded(each)
        hours = f"{known.gpu_hours} GPU-hours" if known.gpu_hours else ""
        cells = (
            each.name,
            ", ".join(evidence.trigger for evidence in each.spec.evidence),
            f"{each.created_at:%Y-%m-%d %H:%M}" if each.created_at else "-",
            condition.reason if condition else "Pending",
            format_duration(known.duration) if known.duration is not None else "-",
            ", ".join(filter(None, (known.cost, hours))) or "-",
        )
        drawn.add_row(*map(Text, cells))
    return drawn


async def _found(target: Target, name: str) -> tuple[PolicyStatus, list[RetrainRun]]:
    from modelwright.api.parsing import parse_policy_status, parse_run
    from modelwright.cluster.keys import RETRAIN_POLICY, RETRAIN_RUN

    async with target.connected() as (cluster, namespace):
        body = await cluster.get(RETRAIN_POLICY, namespace, name)
        if body is None:
            raise ModelwrightError(f"no RetrainPolicy '{name}' in namespace '{namespace}'")
        bodies = await cluster.list(RETRAIN_RUN, namespace)
        mine = [each for each in bodies if each["spec"]["policyRef"]["uid"] == body["metadata"]["uid"]]
        return parse_policy_status(body), [parse_run(each) for each in mine]
