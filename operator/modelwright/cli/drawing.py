"""Draws rollouts for people: one as a tree, many as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from modelwright.api.durations import format_duration
from modelwright.api.parsing import parse_rollout, parse_rollout_status
from modelwright.api.rollout import Arm, Candidate, MetricStatus, RolloutStatus
from modelwright.api.steering import Waived
from modelwright.api.times import parse_time
from modelwright.cli.outcomes import Outcome, outcome_of
from modelwright.errors import InvalidSpec
from modelwright.rollouts.plan.forecast import outlook_of
from modelwright.traffic.route import Split

BAR = 20
WAIVED = {Waived.STEPS: "steps", Waived.STEPS_AND_BAKE: "steps and bake time"}
HISTORY_SHOWN = 5
WIDTH_OF_A_FILE = 200
COLOR = {Outcome.HEALTHY: "green", Outcome.DEGRADED: "red", Outcome.PROGRESSING: "yellow"}
COLOR_OF_VERDICT = {"Pass": "green", "Fail": "bold red"}

Object = Mapping[str, Any]


def console() -> Console:
    """Where to draw. Rich keeps to NO_COLOR, and to 80 columns where nobody looks: lines in a file may be longer."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE)


def tree(body: Object) -> Tree:
    """One rollout with all that its status remembers."""
    metadata = body["metadata"]
    outcome, says = outcome_of(body)
    try:
        status = parse_rollout_status(body)
    except InvalidSpec as error:
        status, outcome, says = RolloutStatus(), Outcome.DEGRADED, f"its status cannot be read: {error}"
    title = Text.assemble(
        ("ModelRollout ", "dim"),
        (f"{metadata['namespace']}/{metadata['name']}", "bold"),
        "  ",
        (status.phase or "Unknown", f"bold {COLOR[outcome]}"),
        f"\n{says}",
    )
    outlooks = _outlooks(body, status)
    drawn = Tree(title, guide_style="dim")
    for line in _arms(status):
        drawn.add(line)
    if status.step:
        drawn.add(_step(status))
    profile = body.get("spec", {}).get("analysis", {}).get("profile")
    _branch(
        drawn,
        f"metrics of {profile}" if profile else "metrics",
        [_metric(metric, outlooks.get(metric.name, "")) for metric in status.metrics],
    )
    _branch(drawn, "rejected", [_past(r.version, r.revision, r.at, r.reason, "red") for r in status.rejected])
    shown = status.history[:HISTORY_SHOWN]
    _branch(drawn, "history", [_past(entry.version, entry.revision, entry.at, entry.result) for entry in shown])
    if status.pin:
        by = f" by {status.pin.actor}" if status.pin.actor else ""
        drawn.add(
            Text.assemble(("pinned  ", "bold"), f"{status.pin.model.version}  {status.pin.revision}{by}, until unpin")
        )
    if status.shortcut:
        drawn.add(Text.assemble(("shortcut  ", "bold"), f"without {WAIVED[status.shortcut.waived]}"))
    if status.command:
        drawn.add(_command(status))
    return drawn


def table(bodies: Sequence[Object], now: datetime, *, namespaces: bool, wide: bool) -> Table:
    """Many rollouts, one line each."""
    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="")
    columns = ["NAME", "PHASE", "STABLE", "CANDIDATE", "WEIGHT", "STEP", "AGE"]
    for column in [*(["NAMESPACE"] if namespaces else []), *columns, *(["SAYS"] if wide else [])]:
        drawn.add_column(column, no_wrap=True, overflow="ignore" if column == "SAYS" else "ellipsis")
    for body in bodies:
        metadata, status = body["metadata"], body.get("status", {})
        outcome, says = outcome_of(body)
        stable, candidate, step = (status.get(name, {}) for name in ("stable", "candidate", "step"))
        cells = [
            *([metadata["namespace"]] if namespaces else []),
            metadata["name"],
            Text(status.get("phase", "-"), style=COLOR[outcome]),
            stable.get("version", "-"),
            candidate.get("version", "-"),
            f"{candidate.get('audience') or candidate['weight']} %" if "weight" in candidate else "-",
            f"{step['number']}/{step['of']}" if step else "-",
            _age(parse_time(metadata["creationTimestamp"]), now),
            *([says] if wide else []),
        ]
        # TRAP: rich would take brackets in a plain string for markup.
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))
    return drawn


def _arms(status: RolloutStatus) -> Iterator[Text]:
    arms = [(role, arm) for role, arm in (("stable", status.stable), ("candidate", status.candidate)) if arm]
    longest = max((len(arm.model.version) for _, arm in arms), default=0)
    audience = status.candidate.audience if status.candidate else None
    for role, arm in arms:
        color, share = "green" if role == "stable" else "yellow", _share(arm, audience)
        yield Text.assemble(
            (f"{role:<9}  ", "bold"),
            f"{arm.model.version:<{longest}}  {arm.revision}  ",
            (_bar(share), color),
            f" {share:>3} %{' of users' if audience else ''}",
            _origin(arm),
        )


def _share(arm: Arm, audience: int | None) -> int:
    """The percent that an arm has of all requests, or of all users where they have an `audience`."""
    if not audience:
        return arm.weight
    return audience if isinstance(arm, Candidate) else 100 - audience


def _bar(weight: int) -> str:
    full = round(BAR * weight / 100)
    return "█" * full + "░" * (BAR - full)


def _origin(arm: Arm) -> tuple[str, str]:
    return (f"  of RetrainRun {arm.retrain_run}" if arm.retrain_run else "", "dim")


def _step(status: RolloutStatus) -> Text:
    step = status.step
    assert step is not None
    told = [str(Split(step.weight, step.mirror or 0, step.testers))]
    for what, at in (("asked", step.asked_at), ("accepted", step.accepted_at), ("confirmed", step.confirmed_at)):
        if at:
            told.append(f"{what} {at:%H:%M:%S}")
    told.append(f"held {format_duration(step.held)}")
    if step.passing_since:
        told.append(f"passing since {step.passing_since:%H:%M:%S}")
    if step.restarts:
        told.append(f"lost its endpoints {step.restarts} times")
    if status.paused:
        told.append(f"paused: {status.paused_message or status.paused}")
    return Text.assemble((f"step {step.number} of {step.of}  ", "bold"), ", ".join(told))


def _outlooks(body: Object, status: RolloutStatus) -> Mapping[str, str]:
    """By metric, how long until it is decided."""
    try:
        spec = parse_rollout(body).spec
    except InvalidSpec:
        return {}
    return {metric.name: outlook_of(metric, spec, status) for metric in status.metrics}


def _metric(metric: MetricStatus, outlook: str) -> Text:
    numbers = [
        f"{name} {value}" for name, value in (("candidate", metric.candidate), ("stable", metric.stable)) if value
    ]
    if metric.bound:
        numbers.append(f"bound {metric.bound}")
    if metric.samples:
        numbers.append(f"n = {metric.samples:,}")
    return Text.assemble(
        f"{metric.name}  ",
        (metric.verdict, COLOR_OF_VERDICT.get(metric.verdict, "yellow")),
        f" {metric.reason}",
        f": {metric.message}" if metric.message else "",
        (f"\n{', '.join(numbers)}" if numbers else "", "dim"),
        (f"\n{outlook}" if outlook else "", "dim"),
    )


def _past(version: str, revision: str, at: datetime, says: str, color: str = "") -> Text:
    return Text.assemble(f"{version or '-'}  {revision}  ", (f"{at:%Y-%m-%d %H:%M}  ", "dim"), (says, color))


def _command(status: RolloutStatus) -> Text:
    command = status.command
    assert command is not None
    by = f" by {command.actor}" if command.actor else ""
    why = f": {command.message}" if command.message else ""
    color = "green" if command.outcome == "Done" else "red"
    return Text.assemble(
        ("last command  ", "bold"), f"{command.verb} {command.revision}{by}  ", (command.outcome, color), why
    )


def _branch(drawn: Tree, name: str, lines: Sequence[Text]) -> None:
    if lines:
        branch = drawn.add(Text(name, style="bold"))
        for line in lines:
            branch.add(line)


def _age(since: datetime, now: datetime) -> str:
    """As kubectl writes it: the largest unit that is not zero."""
    seconds = max(0, int((now - since).total_seconds()))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
