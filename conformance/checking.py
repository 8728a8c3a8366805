"""Installs what a check needs, and runs its tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from modelwright_playground.controlplane.build import BuildFailed

ROOT = Path(__file__).resolve().parents[1]


def check(folder: Path, install: Callable[[], Path | None], options: Sequence[str]) -> int:
    """The exit code of pytest for the tests in `folder`, 1 where something cannot be installed.

    `install` gives the interpreter that has what they need, None for the one that runs this.
    """
    try:
        python = install() or Path(sys.executable)
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", str(folder), *options]
    # Another interpreter has the operator installed, but no playground.
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("operator", "playground"))}
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
