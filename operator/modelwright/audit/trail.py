"""Writes the audit trail to standard output or a file, in the order of the decisions.

A file goes on where it ended: the first line of this process names the hash of the last whole line in it. On standard
output every process begins a chain of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from modelwright.audit.chain import Link, line_after
from modelwright.audit.configuration import AuditTarget, To
from modelwright.audit.file import AppendedFile
from modelwright.audit.records import decision
from modelwright.errors import InvalidSpec

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that a decision waits for its line. A disk that hangs is told in the log, and holds nothing up."""

Write = Callable[[str], None]


class News(Protocol):
    """What a plan tells of a decision."""

    @property
    def reason(self) -> str: ...

    @property
    def message(self) -> str: ...


class Ends(Protocol):
    """Tells where a chain stands that others add to."""

    def held(self) -> AbstractContextManager[None]: ...

    def end(self) -> Link | None: ...


class Trail:
    """Appends lines; safe from many tasks. `by` names this process, `shared` is what others may write to as well."""

    def __init__(self, write: Write | None, by: str, now: Callable[[], datetime], shared: Ends | None = None) -> None:
        self._write = write
        self._by = by
        self._now = now
        self._shared = shared
        self._link = Link(secrets.token_hex(8))
        self._lock = asyncio.Lock()
        self._writing: set[asyncio.Task[None]] = set()

    async def decided(self, body: Mapping[str, Any], status: Mapping[str, Any], news: Iterable[News]) -> None:
        """One line for each piece of `news` about the object `body`, which came to `status`.

        A trail that cannot be written to is loud in the log, and stops nothing: a rollback must not wait for a disk.
        """
        records = [decision(body, status, each.reason, each.message, self._by, self._now()) for each in news]
        if self._write is None or not records:
            return
        # A task of its own: whoever waits may be cancelled, and the line is written all the same.
        writing = asyncio.create_task(self._append(records))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        if not (await asyncio.wait({writing}, timeout=PATIENCE))[0]:
            log.error("the audit trail is late: its disk has not answered within %s s", PATIENCE)

    async def _append(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            async with self._lock:
                try:
                    await asyncio.to_thread(self._append_one, json.loads(json.dumps(record, default=str)))
                except OSError as error:
                    log.error("the audit trail lost a line: %s", error.strerror)

    def _append_one(self, record: Mapping[str, Any]) -> None:
        assert self._write is not None
        with self._shared.held() if self._shared else nullcontext():
            last = self._shared.end() if self._shared else None
            line, link = line_after(replace(self._link, hash=last.hash) if last else self._link, record)
            self._write(line + "\n")
        self._link = link


def trail(target: AuditTarget, by: str, now: Callable[[], datetime]) -> Trail:
    """The trail that the platform wants. InvalidSpec where its file cannot be written."""
    if target.to is To.STDOUT:
        return Trail(_to_stdout, by, now)
    if target.to is To.FILE and target.path is not None:
        try:
            file = AppendedFile(target.path)
        except OSError as error:
            raise InvalidSpec("audit.path", f"cannot be written: {error.strerror}") from None
        return Trail(file.write, by, now, file)
    return Trail(None, by, now)


def _to_stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
