"""What a person sees while it runs: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from modelwright_playground.demo.expectations import Expectation
from modelwright_playground.demo.witness import Moment, Witness

SHOWN_MOMENTS = 9
QUIET = {"CommandDone"}


class View:
    """Told of moments and expectations; draws the rest from the witness."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.witness: Witness | None = None
        self._began = time.time()
        self._expectations: list[Expectation] = []

    @contextmanager
    def live(self, witness: Witness) -> Iterator[None]:
        """Draw the witness until the block ends; on a plain stream only lines are printed."""
        self.witness = witness
        if not self.console.is_terminal:
            yield
            return
        with Live(get_renderable=self._draw, console=self.console, refresh_per_second=4, transient=True):
            yield

    def step(self, text: str) -> None:
        self._line(Text(f"· {text}"))

    def moment(self, moment: Moment) -> None:
        if not self.console.is_terminal:
            self._line(Text(f"  {moment.what}: {moment.says}"))

    def expectation(self, expectation: Expectation) -> None:
        self._expectations.append(expectation)
        if not self.console.is_terminal:
            self._line(_of_expectation(expectation))

    def summary(self) -> None:
        """Every expectation once more, after the live picture is gone."""
        for expectation in self._expectations if self.console.is_terminal else []:
            self.console.print(_of_expectation(expectation))

    def _line(self, text: Text) -> None:
        self.console.print(Text(f"{self._clock():>5} ", style="dim") + text, soft_wrap=True)

    def _clock(self, at: float | None = None) -> str:
        passed = int((at or time.time()) - self._began)
        return f"{passed // 60}:{passed % 60:02d}"

    def _draw(self) -> RenderableType:
        assert self.witness is not None
        return Panel(
            Group(self._headline(), Text(), self._arms(), Text(), *self._moments(), Text(), *self._checks()),
            title=f"Modelwright demo  {self._clock()}",
            border_style="cyan",
        )

    def _headline(self) -> RenderableType:
        witness = self.witness
        assert witness is not None
        progressing = witness.condition(witness.rollout, "Progressing")
        table = Table.grid(padding=(0, 2))
        table.add_row("ModelRollout", f"[b]{witness.status.get('phase', '-')}[/b]", progressing.get("message", ""))
        ready = witness.condition(witness.policy, "Ready")
        retraining = witness.condition(witness.policy, "Retraining")
        says = retraining.get("message", "") if retraining.get("status") == "True" else ready.get("message", "")
        table.add_row("RetrainPolicy", f"[b]{ready.get('reason', '-')}[/b]", says)
        return table

    def _arms(self) -> RenderableType:
        witness = self.witness
        assert witness is not None
        table = Table(box=None, padding=(0, 2), header_style="dim")
        for column in ("", "version", "traffic", "", "accuracy (5 s)", "answered", "failed"):
            table.add_column(column, justify="right" if column in ("accuracy (5 s)", "answered", "failed") else "left")
        for role, color in (("stable", "green"), ("candidate", "yellow")):
            arm = witness.status.get(role)
            if not arm:
                table.add_row(role, "-", "", "", "", "", "")
                continue
            weight = witness.candidate_weight if role == "candidate" else 100 - witness.candidate_weight
            accuracy = witness.accuracy(arm["version"])
            counts = witness.counts(arm["version"])
            table.add_row(
                role,
                arm["version"],
                Bar(100, 0, weight, width=30, color=color),
                f"{weight:>3} %",
                f"{accuracy:.3f}" if accuracy is not None else "-",
                str(counts["ok"]),
                str(counts["failed"]),
            )
        return table

    def _moments(self) -> list[Text]:
        assert self.witness is not None
        shown = [moment for moment in self.witness.moments if moment.what not in QUIET][-SHOWN_MOMENTS:]
        lines = [
            Text(f"{self._clock(m.at):>5}  {m.what:<20} {m.says}", no_wrap=True, overflow="ellipsis") for m in shown
        ]
        return lines + [Text()] * (SHOWN_MOMENTS - len(lines))

    def _checks(self) -> list[Text]:
        return [
            Text(f"{'✔' if e.ok else '✘'} {e.name}", style="green" if e.ok else "bold red") for e in self._expectations
        ]


def _of_expectation(expectation: Expectation) -> Text:
    mark = Text("✔ ", style="green") if expectation.ok else Text("✘ ", style="bold red")
    return mark + Text(expectation.name, style="bold") + Text(f" — {expectation.evidence}")
