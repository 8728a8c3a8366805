"""The labelled lake: reads rows (a prediction's features, and the label that came later) and fixes a snapshot of them.

A row of `<data>/labelled/*.jsonl` is
`{"id", "time", "labelTime", "features": {name: number or string}, "label": 0 or 1}`.
Its `time` is that of the prediction; it may name the "entity" that it is about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from modelwright_pipelines.storage import local_path

Value = float | str | None


class LakeError(Exception):
    """The lake cannot be read as it is: the message says what was found, where, and what is needed."""


@dataclass(frozen=True)
class Row:
    """One labelled prediction. `entity` is whom it is about; where the lake does not say, every row is its own."""

    id: str
    time: datetime
    label_time: datetime
    features: dict[str, Value]
    label: int | None
    entity: str

    def to_json(self) -> dict[str, Any]:
        """The row as the lake writes it, with the entity spelled out."""
        return {
            "id": self.id,
            "time": self.time.isoformat(),
            "labelTime": self.label_time.isoformat(),
            "features": self.features,
            "label": self.label,
            "entity": self.entity,
        }


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with its offset; LakeError if it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise LakeError(f"found the time {text!r}, need RFC 3339 such as 2026-11-21T07:50:00Z") from None
    if time.tzinfo is None:
        raise LakeError(f"found the time {text!r} without an offset, need RFC 3339 such as 2026-11-21T07:50:00Z")
    return time


def parse_row(line: str, where: str) -> Row:
    """One line of the lake; LakeError naming `where` if it is not a row."""
    try:
        found = json.loads(line)
        row_id, features = str(found["id"]), dict(found["features"])
        label = found["label"]
        return Row(
            row_id,
            parse_time(found["time"]),
            parse_time(found["labelTime"]),
            features,
            None if label is None else int(label),
            str(found.get("entity", row_id)),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LakeError(f"{where} is not a labelled row: {type(error).__name__} {error}") from None


def read_rows(path: Path) -> list[Row]:
    """All rows of one JSON lines file, in its order."""
    return list(_parse_file(path))


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes a snapshot as JSON lines."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row.to_json(), sort_keys=True) + "\n" for row in rows)


def snapshot(data: str, since: str = "", limit: int = 20_000) -> list[Row]:
    """The labelled rows of the lake at URI `data`, predicted at or after `since` (RFC 3339, "" for no bound).

    Sorted by time, each id once (the first label stays), at most the newest `limit`. Raises LakeError or StorageError.
    """
    folder = local_path(data) / "labelled"
    files = sorted(folder.glob("*.jsonl"))
    if not files:
        raise LakeError(f"found no labelled/*.jsonl in {data}, need at least one file of labelled rows")
    start = parse_time(since) if since else None
    rows: dict[str, Row] = {}
    for file in files:
        for row in _parse_file(file):
            if start is None or row.time >= start:
                rows.setdefault(row.id, row)
    return sorted(rows.values(), key=lambda row: (row.time, row.id))[-limit:]


def rows_digest(rows: Iterable[Row]) -> str:
    """`sha256:…` over the rows in their order: equal snapshots, equal digests."""
    content = hashlib.sha256()
    for row in rows:
        content.update(json.dumps(row.to_json(), sort_keys=True).encode() + b"\n")
    return f"sha256:{content.hexdigest()}"


def _parse_file(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            # The load appends while we read: a last line without its end is one that is still being written.
            if line.endswith("\n") and line.strip():
                yield parse_row(line, f"{path.name} line {number}")
