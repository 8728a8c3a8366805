"""Programs of the playground: found on this machine in the right version, else built once from pinned Go modules.

`python -m modelwright_playground.controlplane.build [NAME...]` makes sure of the named ones, or of all that
the playground and the tests can need.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.controlplane.cache import build_lock, recipe_folder, whole_or_not_at_all
from modelwright_playground.controlplane.golang import BuildFailed, explain, find_go, run_go
from modelwright_playground.controlplane.module_definitions import ISTIO, KSERVE, crds_of, gateway_api_crds
from modelwright_playground.controlplane.progress import Advance, Display, display
from modelwright_playground.controlplane.toolchain import ON_DEMAND, TOOLS, Tool

_KNOWN = TOOLS | ON_DEMAND


def binary(name: str, shown: Display | None = None) -> Path:
    """The program called `name` (a key of TOOLS or ON_DEMAND), built now if need be, which takes minutes.

    Progress is `shown` on standard error by default. BuildFailed when the program cannot be had.
    """
    tool = _KNOWN[name]
    built = recipe_folder(tool) / tool.name
    return _found(tool) or (built if built.exists() else _build(tool, built, shown or display()))


def _found(tool: Tool) -> Path | None:
    """A copy on this machine, if it is of the right version: another version is not the cluster that was tested."""
    for folder in (os.environ.get("KUBEBUILDER_ASSETS", ""), os.environ.get("PATH", "")):
        candidate = folder and shutil.which(tool.name, path=folder)
        if candidate and _is_right(tool, Path(candidate)):
            return Path(candidate)
    return None


def _is_right(tool: Tool, candidate: Path) -> bool:
    try:
        answer = subprocess.run([candidate, *tool.version_args], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return tool.accepts.search(answer.stdout) is not None


def _build(tool: Tool, target: Path, shown: Display) -> Path:
    purpose = f"building {tool.name} {tool.version}"
    try:
        with build_lock(waiting=shown.say):
            # Whoever had the lock before us may have built it.
            if not target.exists():
                go = find_go(shown)
                with shown.step(purpose) as advance, whole_or_not_at_all(target) as partial:
                    _compile(go, tool, partial, purpose, advance)
    except OSError as error:
        raise explain(str(error), purpose) from error
    return target


def _compile(go: Path, tool: Tool, output: Path, purpose: str, advance: Advance) -> None:
    downloaded = 0

    def count_downloads(line: str) -> None:
        nonlocal downloaded
        downloaded += line.startswith("go: downloading ")
        advance("modules downloaded", downloaded, None)

    tags = [flag for flag in tool.build_flags if flag.startswith("-tags=")]
    packages = run_go(go, ["list", "-deps", *tags, tool.package], tool.folder, purpose, count_downloads)
    total = len(packages.splitlines())
    compiled = 0

    def count_packages(line: str) -> None:
        nonlocal compiled
        compiled += 1
        advance("packages compiled" if compiled < total else "linking", compiled, total)

    run_go(
        go, ["build", "-v", "-o", str(output), *tool.build_flags, tool.package], tool.folder, purpose, count_packages
    )


def main(names: Sequence[str]) -> int:
    """Make sure of `names`, or of everything the playground and the tests can need."""
    shown = display()
    unknown = [name for name in names if name not in _KNOWN]
    if unknown:
        shown.say(f"unknown: {', '.join(unknown)}; known are {', '.join(_KNOWN)}")
        return 1
    try:
        for name in names or TOOLS:
            shown.say(f"{name}: {binary(name, shown)}")
        if not names:
            shown.say(f"Gateway API: {gateway_api_crds(shown)}")
            shown.say(f"Istio, for tests: {crds_of(ISTIO, shown)}")
            shown.say(f"KServe, for tests: {crds_of(KSERVE, shown)}")
    except ModelwrightError as error:
        shown.say(str(error))
        return 1
    except KeyboardInterrupt:
        shown.say("interrupted; what is finished is kept")
        return 130
    return 0


__all__ = ["BuildFailed", "binary", "main"]

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
