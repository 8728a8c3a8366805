"""The stream of labels: a JSON-lines file that grows, followed like a topic by a consumer that starts at its end.

Traps: the file may not be there yet (then all of it is new), may be replaced or cut while it is followed, and may end
in half a line. Lines that are no label are skipped and counted. Memory: one read of at most READ_BYTES and one
unfinished line.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

READ_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Label:
    """The true class of the prediction with this request id."""

    id: str
    label: int


class LabelFile:
    """A follower of one file; `skipped` counts lines that were no label."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self.skipped = 0
        self._file: BinaryIO | None = self._open()
        if self._file is not None:
            self._file.seek(0, os.SEEK_END)

    def read(self) -> Iterator[Label]:
        """Labels written since the last call (of at most READ_BYTES); OSError if the file cannot be read."""
        if self._file is None:
            self._file = self._open()
        if self._file is None:
            return
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._restart()
        data = self._file.read(READ_BYTES)
        if not data and self._replaced():
            # Only once the old file is read to its end: a writer that rotates has left its last lines there.
            self.close()
            self._rest = b""
            self._file = self._open()
            data = self._file.read(READ_BYTES) if self._file is not None else b""
        yield from self._labels(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO | None:
        try:
            return self._path.open("rb", buffering=0)
        except FileNotFoundError:
            return None

    def _restart(self) -> None:
        assert self._file is not None
        self._file.seek(0)
        self._rest = b""

    def _replaced(self) -> bool:
        assert self._file is not None
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return True

    def _labels(self, data: bytes) -> Iterator[Label]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            # The remainder of such a line cannot be a JSON object, so it is skipped when its end comes.
            self._rest = b"?"
        for line in lines:
            label = parse(line)
            if label is not None:
                yield label
            elif line.strip():
                self.skipped += 1


def parse(line: bytes) -> Label | None:
    """The label in a line `{"id": text, "label": integer, ...}`, or None."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    label, name = value.get("label"), value.get("id")
    if not isinstance(name, str) or not isinstance(label, int) or isinstance(label, bool):
        return None
    return Label(name, label)
