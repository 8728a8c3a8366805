"""Reading a container's log file: the last lines, a limit in bytes, and following it while its process runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

FOLLOW_SECONDS = 0.2
_BLOCK = 64 * 1024


async def read_log(
    file: Path, *, tail_lines: int | None, limit_bytes: int | None, follow: Callable[[], bool] | None
) -> AsyncIterator[bytes]:
    """Yield the log in blocks. `follow` says whether more may come; without it, what is there is all.

    A file that is renamed meanwhile (the container restarted) is read to its end and not left for the new one.
    """
    left = limit_bytes
    with file.open("rb") as source:
        if tail_lines is not None:
            source.seek(_tail_start(source, tail_lines))
        while left is None or left > 0:
            # Asked before reading: what was written before the process ended is then surely seen.
            more = follow is not None and follow() and os.fstat(source.fileno()).st_ino == _inode(file)
            block = source.read(_BLOCK if left is None else min(_BLOCK, left))
            if block:
                left = None if left is None else left - len(block)
                yield block
            elif more:
                await asyncio.sleep(FOLLOW_SECONDS)
            else:
                return


def _tail_start(source: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin, found from the end."""
    position = end = source.seek(0, os.SEEK_END)
    if lines == 0:
        return end
    found = 0
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        source.seek(position)
        block = source.read(size)
        index = len(block)
        while (index := block.rfind(b"\n", 0, index)) != -1:
            # A newline that ends the file ends its last line, and begins none.
            if position + index == end - 1:
                continue
            found += 1
            if found == lines:
                return position + index + 1
    return 0


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
