"""Programs and packages of others that a check needs, in pinned versions, kept in the user's cache between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modelwright_playground.controlplane.build import BuildFailed
from modelwright_playground.controlplane.cache import build_lock, cache_root
from modelwright_playground.controlplane.golang import find_go
from modelwright_playground.controlplane.progress import display

FOLDER = "conformance"


def go_program(package: str, version: str) -> Path:
    """The program of a Go package; its modules are those that the version itself names. BuildFailed where it cannot."""
    name = package.rpartition("/")[2]
    folder = cache_root() / FOLDER / f"{name}-{version}"
    if not (folder / name).exists():
        shown = display()
        with build_lock(waiting=shown.say):
            settings = {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath", "GOWORK": "off"}
            with shown.step(f"building {name} {version}"):
                _run([str(find_go(shown)), "install", f"{package}@{version}"], settings)
    return folder / name


def environment_with(name: str, *requirements: str) -> Path:
    """The bin folder of a Python environment of its own, made anew where one of its `requirements` changed."""
    folder = cache_root() / FOLDER / name
    written, wanted = folder / "requirements", "\n".join(requirements)
    if not written.exists() or written.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        uv = str(Path(sys.executable).parent / "uv")
        with display().step(f"installing {name}"):
            _run([uv, "venv", "-q", str(folder)], {})
            _run([uv, "pip", "install", "-q", "--python", str(folder), *requirements], {})
        written.write_text(wanted)
    return folder / "bin"


def _run(command: Sequence[str], settings: dict[str, str]) -> None:
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-10:])
        raise BuildFailed(f"{Path(command[0]).name} {command[1]} failed:\n{last}")
