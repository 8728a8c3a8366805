"""Runs the tests of one check, in the folder that it is asked for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def run_tests(folder: Path, options: Sequence[str], python: Path | None = None) -> int:
    """The exit code of pytest, run by `python` or the interpreter that runs this."""
    command = [str(python or sys.executable), "-m", "pytest", "-p", "no:cacheprovider", str(folder), *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode
