"""What a person sees while programs are built: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

# What is being done now, how much of it is done, and how much there is (None: not known yet).
Advance = Callable[[str, int, int | None], None]


class Display(Protocol):
    """Where a build tells what it does."""

    def say(self, line: str) -> None: ...

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]: ...


def display() -> Display:
    """The display that fits what standard error is now."""
    return Bars(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


class Lines:
    """Plain lines. A step that goes on for long says so every `every` seconds."""

    def __init__(self, stream: TextIO, every: float = 15.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._every = every
        self._clock = clock

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]:
        started = said = self._clock()
        self.say(f"{title}: started")

        def advance(doing: str, done: int, total: int | None) -> None:
            nonlocal said
            now = self._clock()
            if now - said >= self._every:
                said = now
                self.say(f"{title}: {doing}, {done} of {total or '?'}, {duration(now - started)} so far")

        yield advance
        self.say(f"{title}: done in {duration(self._clock() - started)}")


class Bars:
    """A moving bar with the time taken, for terminals."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)

    def say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[Advance]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        started = time.monotonic()
        with Progress(*columns, console=self._console, transient=True) as progress:
            task = progress.add_task(title, total=None)

            def advance(doing: str, done: int, total: int | None) -> None:
                progress.update(task, description=f"{title}: {doing}", completed=done, total=total)

            yield advance
        self.say(f"{title}: done in {duration(time.monotonic() - started)}")


def duration(seconds: float) -> str:
    """`65.2` → `1 min 5 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
