"""`lineage`: where the live model of a rollout comes from, from its data to who let it through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from modelwright.api.durations import format_duration
from modelwright.api.times import format_time
from modelwright.cli.connection import Target, on_a_cluster, one_rollout, run
from modelwright.errors import ModelwrightError

if TYPE_CHECKING:
    from rich.tree import Tree

    from modelwright.api.rollout import RolloutStatus
    from modelwright.api.run import RetrainRun


@click.command(short_help="Show where the model of a rollout comes from.")
@click.argument("name")
@click.option("--candidate", is_flag=True, help="Of the candidate instead of stable.")
@click.option("--output", "-o", type=click.Choice(["json"]), help="Default: for people.")
@on_a_cluster
def lineage(target: Target, name: str, candidate: bool, output: str | None) -> None:
    """Show where the model that a rollout serves comes from: data, run, evaluation, approval, rollout."""
    found = run(_found(target, name, candidate))
    if output:
        click.echo(json.dumps(found, indent=4, ensure_ascii=False))
        return
    from modelwright.cli import drawing

    drawing.console().print(drawn(name, found))


def origins(name: str, status: RolloutStatus, candidate: bool, made: RetrainRun | None) -> dict[str, dict[str, Any]]:
    """Section by section, in the order in which it happened. ModelwrightError where nothing serves."""
    arm = status.candidate if candidate else status.stable
    if arm is None:
        raise ModelwrightError(f"rollout '{name}' has no {'candidate' if candidate else 'stable model'}")
    found: dict[str, dict[str, Any]] = {}
    if made:
        found |= _of_run(made)
    model = {"version": arm.model.version, "uri": arm.model.uri}
    if arm.model.digest:
        model["digest"] = arm.model.digest
    if not made:
        model["origin"] = "no RetrainRun is known: named by the spec, or its record is gone"
    entry = next((each for each in status.history if each.revision == arm.revision), None)
    ended = {"result": entry.result, "at": _told(entry.at)} if entry else {}
    return {
        **found,
        "model": model,
        "rollout": {"name": name, "revision": arm.revision, "weight": f"{arm.weight} %", **ended},
    }


def _of_run(made: RetrainRun) -> dict[str, dict[str, Any]]:
    status = made.status
    summary, pipeline, approval = status.evaluation, status.pipeline_run, status.approval
    sections: dict[str, dict[str, Any]] = {}
    if summary:
        sections["data"] = {
            "trainingRows": summary.data,
            "evaluationRows": summary.rows_digest,
            "recipe": summary.recipe,
        }
    why = {
        each.trigger: f"{each.value} {each.bound} at {_told(each.at)}" + (f" by {each.actor}" if each.actor else "")
        for each in made.spec.evidence
    }
    sections["trigger"] = why
    sections["run"] = {
        "name": made.name,
        "policy": made.spec.policy_name,
        "pipeline": f"{made.spec.pipeline.name} {made.spec.pipeline.version}".strip(),
        "pipelineRun": pipeline.url or pipeline.id,
        "finishedAt": _told(pipeline.finished_at),
        "took": format_duration(pipeline.duration) if pipeline.duration is not None else "",
        "cost": ", ".join(filter(None, (pipeline.cost, pipeline.gpu_hours and f"{pipeline.gpu_hours} GPU-hours"))),
    }
    if summary:
        judged = f"{summary.samples} rows, champion {summary.champion or 'none'}"
        sections["evaluation"] = {"digest": summary.digest, "uri": summary.uri, "on": judged}
    sections["gate"] = {line.check: f"{line.verdict}  {line.message}" for line in status.gate}
    if approval:
        sections["approval"] = {"outcome": approval.outcome, "by": approval.by, "at": _told(approval.at)}
    return {title: {key: text for key, text in lines.items() if text} for title, lines in sections.items()}


def _told(at: datetime | None) -> str:
    return format_time(at.replace(microsecond=0)) if at else ""


def drawn(name: str, found: Mapping[str, Mapping[str, Any]]) -> Tree:
    """The sections as a tree."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text.assemble(("Lineage of ", "dim"), (name, "bold")), guide_style="dim")
    for title, lines in found.items():
        branch = tree.add(Text(title, style="bold"))
        for line in _aligned(lines):
            branch.add(line)
    return tree


def _aligned(lines: Mapping[str, Any]) -> Iterator[Any]:
    from rich.text import Text

    width = max((len(key) for key in lines), default=0)
    for key, text in lines.items():
        yield Text.assemble((f"{key:<{width}}  ", "dim"), str(text))


async def _found(target: Target, name: str, candidate: bool) -> dict[str, dict[str, Any]]:
    from modelwright.api.parsing import parse_rollout_status, parse_run
    from modelwright.cluster.keys import RETRAIN_RUN

    async with target.connected() as (cluster, namespace):
        status = parse_rollout_status(await one_rollout(cluster, namespace, name))
        arm = status.candidate if candidate else status.stable
        # A model of ours carries the name of its run as its version.
        made = arm and (arm.retrain_run or arm.model.version)
        body = await cluster.get(RETRAIN_RUN, namespace, made) if made else None
        known = parse_run(body) if body else None
    digest = known.status.model.digest if known and known.status.model else ""
    matches = known if known and arm and digest == arm.model.digest else None
    return origins(name, status, candidate, matches)
