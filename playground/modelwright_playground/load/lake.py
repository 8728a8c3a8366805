"""Writing labelled rows: one JSON line per customer, appended in whole lines so that readers may follow.

A row is `{"id", "time", "labelTime", "features", "label"}`; `time` is when the prediction was asked for.
"""

import json
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from modelwright_playground.world import Features, World


@dataclass(frozen=True)
class LabelledRow:
    """A customer, and what became of them. Times are UTC."""

    id: str
    time: datetime
    label_time: datetime
    features: Features
    label: int

    def line(self) -> bytes:
        """The row as a line of JSON."""
        row = {
            "id": self.id,
            "time": rfc3339(self.time),
            "labelTime": rfc3339(self.label_time),
            "features": self.features,
            "label": self.label,
        }
        return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def rfc3339(time: datetime) -> str:
    """A UTC time with milliseconds and Z."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rows_file(lake: Path) -> Path:
    """Where the labelled rows of live traffic go."""
    return lake / "labelled" / "rows.jsonl"


class Appender:
    """Appends rows to one or more files, which are created with their folders. Raises OSError."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files: list[int] = []
        for path in {path.resolve() for path in paths}:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files.append(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644))

    def append(self, rows: Sequence[LabelledRow]) -> None:
        """Write rows to every file; what the system takes in parts is written to its end."""
        data = b"".join(row.line() for row in rows)
        for file in self._files:
            written = 0
            while written < len(data):
                written += os.write(file, data[written:])

    def close(self) -> None:
        """Close the files."""
        while self._files:
            os.close(self._files.pop())


def prefill(lake: Path, rows: int, seed: int, until: datetime, spread: timedelta, label_delay: timedelta) -> Path:
    """Write `rows` labelled customers of the concept `before`, for the training of a first model, and return the file.

    Prediction times are spread over the `spread` before `until - label_delay`, so that every label is known at
    `until`. The customers are others than those the load meets with the same seed. A second prefill replaces the
    first. Raises OSError.
    """
    world = World(f"history-{seed}")
    chance = random.Random(f"history-times-{seed}")
    times = sorted(until - label_delay - spread * chance.random() for _ in range(rows))
    path = lake / "labelled" / "history.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not ending in .jsonl: a reader of the lake must not meet half a history.
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        for number, time in enumerate(times):
            customer = world.customer("before")
            name = f"history-{seed}-{number}"
            file.write(LabelledRow(name, time, time + label_delay, customer.features, customer.label).line())
    draft.replace(path)
    return path
