"""What a supervisor tells the world: a lock that says it lives, and a file that says how its components are.

The lock decides. The file of a supervisor that was killed stays behind, and a process id alone may by now be
somebody else's.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from modelwright.errors import ModelwrightError
from modelwright_playground.controlplane.cache import cache_root

Phase = Literal["Starting", "Ready", "Stopping", "Stopped", "Failed"]
ComponentState = Literal["Waiting", "Starting", "Ready", "Restarting", "Stopped"]


class AlreadyRunning(ModelwrightError):
    """Another supervisor runs the same instance."""


@dataclass(frozen=True)
class ComponentReport:
    """`started_at` is in seconds since the epoch, 0 before the first start; `url` is "" for what serves nothing."""

    name: str
    state: ComponentState
    pid: int
    started_at: float
    restarts: int
    url: str


@dataclass(frozen=True)
class Report:
    """`message` is what a person must know when the phase is Failed, else empty."""

    phase: Phase
    pid: int
    message: str
    components: tuple[ComponentReport, ...]

    def save(self, dir: Path) -> None:
        temporary = dir / f".supervisor.{self.pid}.json"
        temporary.write_text(json.dumps(asdict(self), indent=2) + "\n")
        temporary.replace(dir / "supervisor.json")


def last_report(dir: Path) -> Report | None:
    """What the last supervisor of this folder said, whether it still lives or not."""
    try:
        saved = json.loads((dir / "supervisor.json").read_text())
        components = tuple(ComponentReport(**component) for component in saved.pop("components"))
        return Report(components=components, **saved)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def running(dir: Path) -> Report | None:
    """The report of the supervisor that runs now, or None where none does."""
    return last_report(dir) if is_running(dir) else None


def is_running(dir: Path) -> bool:
    """Whether a supervisor lives, also one that has not reported yet."""
    try:
        with (dir / "supervisor.lock").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def only_one_start(dir: Path) -> Iterator[None]:
    """Wait until nobody else is about to start the playground of this folder, and keep others from it meanwhile.

    Otherwise two that start it at once would each choose its ports.
    """
    # Not in the folder itself, which must not come into being when the start is refused.
    locks = cache_root() / "starting"
    locks.mkdir(parents=True, exist_ok=True)
    with (locks / hashlib.sha256(os.fsencode(dir.resolve())).hexdigest()).open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def claim(dir: Path) -> Iterator[None]:
    """Be the one supervisor of this folder; AlreadyRunning if there is one. The kernel ends a dead one's claim."""
    with (dir / "supervisor.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning("this playground is running already") from None
        Report("Starting", os.getpid(), "", ()).save(dir)
        yield
