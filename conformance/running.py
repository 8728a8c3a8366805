"""Somebody else's program, run as a child of the check, with its words in a file."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent

PATIENCE = 120.0
GRACE = 10.0


class DidNotStart(ModelwrightError):
    """The program ended, or was not ready in time; the message names its log."""


@contextmanager
def running(command: Sequence[str], ready_url: str, log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run `command` for as long as this lasts, beginning when `ready_url` answers 200."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dies_with_parent(),
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _answers(ready_url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(f"{Path(command[0]).name} is not ready: {log} says why\n{_last_words(log)}")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
