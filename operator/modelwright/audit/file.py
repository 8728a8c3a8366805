"""The file of a trail: appended to only, and by several processes after one another, or at once during a takeover.

Each line has to name the hash of the line before, whoever wrote that: so the file is held while one is added, and its
end is read again where it is not where we left it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelwright.audit.chain import Link, read_link

TAIL = 1 << 20
"""A line is never longer: statuses are bounded, and the file is read from its end."""


class AppendedFile:
    """Opened once. Raises OSError where it cannot be written to."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        self._known = -1

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else adds a line meanwhile."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def end(self) -> Link | None:
        """Where the chain stands, None where no other process has added to it since our last line. A line that was torn
        by a kill is ended."""
        size = os.fstat(self._descriptor).st_size
        if size == self._known:
            return None
        start = max(size - TAIL, 0)
        lines = os.pread(self._descriptor, size - start, start).decode("utf-8", "surrogateescape").split("\n")
        if lines[-1]:
            os.write(self._descriptor, b"\n")
        links = (link for line in reversed(lines) if line and (link := read_link(line)))
        return next(links, None)

    def write(self, line: str) -> None:
        os.write(self._descriptor, line.encode("utf-8", "surrogatepass"))
        os.fsync(self._descriptor)
        self._known = os.fstat(self._descriptor).st_size
