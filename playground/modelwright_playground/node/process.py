"""Child processes that cannot outlive the playground: started, recorded in a file, signalled and swept up.

A child leads a session of its own and carries a mark in its environment; everything in that session or with that mark
is the container: when its first process ends, the rest is killed, as a container's would be. The kernel kills the child
with the node; what the child has started itself is left to the guardian and to the next node, which find it by the
record.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from modelwright_playground.child import dies_with_parent

MARK = "MODELWRIGHT_CONTAINER"
# A process that forks while it is being killed leaves a child behind; looked for again until there is none.
_PASSES = 10


@dataclass(frozen=True)
class Record:
    """Enough to recognise a process for certain: a pid alone is soon somebody else's."""

    pid: int
    started: int
    boot: str
    mark: str
    owner: int
    """The pid of the node that started it."""


class Child:
    """One running container process."""

    def __init__(self, process: asyncio.subprocess.Process, mark: str, record_file: Path) -> None:
        self._process = process
        self._mark = mark
        self._record_file = record_file

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """The exit code, 128 + n after signal n, once everything else of the container is killed too."""
        code = await self._process.wait()
        _kill_all(self.pid, self._mark)
        self._record_file.unlink(missing_ok=True)
        return code if code >= 0 else 128 - code

    def terminate(self) -> None:
        """Ask the process group to stop."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        _kill_all(self.pid, self._mark)


async def spawn(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: Path, record_file: Path
) -> Child:
    """Start a process with both outputs appended to `log`. OSError when that is impossible."""
    mark = uuid.uuid4().hex
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            env={**environment, MARK: mark},
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=dies_with_parent(),
        )
    record = Record(process.pid, _start_ticks(process.pid) or 0, _boot_id(), mark, os.getpid())
    record_file.write_text(json.dumps(asdict(record)), encoding="utf-8")
    return Child(process, mark, record_file)


def kill_leftovers(pods: Path, owner: int | None = None) -> int:
    """Kill what the records below `pods` name (only those of `owner`, if given); the number of containers found."""
    found = 0
    for file in pods.glob("*/*.pid"):
        try:
            record = Record(**json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if owner is not None and record.owner != owner:
            continue
        # A leader that is gone leaves its number to its session, so nobody else can have it meanwhile.
        if record.boot == _boot_id() and _start_ticks(record.pid) in (record.started, None):
            found += 1
            _kill_all(record.pid, record.mark)
        else:
            _kill_all(None, record.mark)
        file.unlink(missing_ok=True)
    return found


def _kill_all(leader: int | None, mark: str) -> None:
    """SIGKILL every process of the session that `leader` began, also when it is gone itself, and all with the mark."""
    marked = f"{MARK}={mark}".encode()
    for _ in range(_PASSES):
        victims = [p for p in _pids() if (leader is not None and _session(p) == leader) or marked in _environment(p)]
        if not victims:
            return
        for pid in victims:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat after the name, which may itself hold spaces; None for no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    # A zombie has ended; it only waits for its parent to look.
    return int(fields[3]) if fields and fields[0] != "Z" else None


def _environment(pid: int) -> list[bytes]:
    """What a process was started with; nothing for one that has ended or is not ours to read."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _start_ticks(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
