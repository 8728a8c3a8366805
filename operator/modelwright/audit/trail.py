"""Writes the audit trail to standard output or a file, in the order of the decisions.

A file goes on where it ended: the first line of this process names the hash of the last whole line in it. On standard
output every process begins a chain of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from modelwright.audit.chain import Link, line_after, read_link
from modelwright.audit.configuration import AuditTarget, To
from modelwright.audit.records import decision
from modelwright.errors import InvalidSpec

log = logging.getLogger(__name__)

TAIL = 1 << 20
"""A line is never longer: statuses are bounded, and the file is read from its end."""

Write = Callable[[str], None]


class News(Protocol):
    """What a plan tells of a decision."""

    @property
    def reason(self) -> str: ...

    @property
    def message(self) -> str: ...


class Trail:
    """Appends lines; safe from many tasks. `by` names this process."""

    def __init__(self, write: Write | None, by: str, now: Callable[[], datetime], after: Link | None = None) -> None:
        self._write = write
        self._by = by
        self._now = now
        self._link = Link(secrets.token_hex(8), 0, after.hash if after else "")
        self._lock = asyncio.Lock()

    async def decided(self, body: Mapping[str, Any], status: Mapping[str, Any], news: Iterable[News]) -> None:
        """One line for each piece of `news` about the object `body`, which came to `status`.

        A trail that cannot be written to is loud in the log, and stops nothing: a rollback must not wait for a disk.
        """
        if self._write is None:
            return
        for each in news:
            record = decision(body, status, each.reason, each.message, self._by, self._now())
            async with self._lock:
                line, link = line_after(self._link, json.loads(json.dumps(record, default=str)))
                try:
                    await asyncio.to_thread(self._write, line + "\n")
                except OSError as error:
                    log.error("the audit trail lost a line: %s", error.strerror)
                    continue
                self._link = link


def trail(target: AuditTarget, by: str, now: Callable[[], datetime]) -> Trail:
    """The trail that the platform wants. InvalidSpec where its file cannot be written."""
    if target.to is To.STDOUT:
        return Trail(_to_stdout, by, now)
    if target.to is To.FILE and target.path is not None:
        try:
            return _on_file(target.path, by, now)
        except OSError as error:
            raise InvalidSpec("audit.path", f"cannot be written: {error.strerror}") from None
    return Trail(None, by, now)


def _on_file(path: Path, by: str, now: Callable[[], datetime]) -> Trail:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    last, torn = _end_of(path)
    if torn:
        os.write(descriptor, b"\n")

    def write(line: str) -> None:
        os.write(descriptor, line.encode("utf-8", "surrogatepass"))
        os.fsync(descriptor)

    return Trail(write, by, now, last)


def _end_of(path: Path) -> tuple[Link | None, bool]:
    """Where the chain in the file stands, and whether its last line was not finished."""
    with path.open("rb") as stream:
        stream.seek(0, os.SEEK_END)
        stream.seek(max(stream.tell() - TAIL, 0))
        tail = stream.read()
    lines = tail.decode("utf-8", "surrogateescape").split("\n")
    links = (link for line in reversed(lines) if line and (link := read_link(line)))
    return next(links, None), bool(lines[-1])


def _to_stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
