"""Runs the tests of one check, in the folder that it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_tests(folder: Path, options: Sequence[str], python: Path | None = None) -> int:
    """The exit code of pytest, run by `python` or the interpreter that runs this."""
    command = [str(python or sys.executable), "-m", "pytest", "-p", "no:cacheprovider", str(folder), *options]
    # Another interpreter has the operator installed, but no playground.
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("operator", "playground"))}
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode
