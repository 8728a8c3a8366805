"""The folder of built programs: one sub-folder per exact recipe, filled by one build at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from modelwright_playground.controlplane.toolchain import Tool


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/modelwright`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelwright"


def recipe_folder(tool: Tool) -> Path:
    """Where `tool` lies once built. Any change of its modules, its flags or this machine's kind is another folder."""
    recipe = hashlib.sha256()
    for file in ("go.mod", "go.sum"):
        recipe.update((tool.folder / file).read_bytes())
    recipe.update("\0".join((tool.package, *tool.build_flags, platform.system(), platform.machine())).encode())
    return cache_root() / "bin" / recipe.hexdigest()[:24]


def compiler_folder() -> Path:
    """Where the compiler works while the build lock is held."""
    return cache_root() / "building"


@contextmanager
def build_lock(waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the cache for one build; `waiting` is told once when another process has it.

    The kernel gives the lock back when its holder dies, so an interrupted build never blocks the next one.
    """
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "build.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            # Empty for the moment between taking the lock and writing one's name.
            holder = file.read().strip() or "just started"
            waiting(f"another build is under way (process {holder}): waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        # A compiler that is killed leaves its work there; whoever holds the lock may clear it away.
        shutil.rmtree(compiler_folder(), ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(compiler_folder(), ignore_errors=True)


@contextmanager
def whole_or_not_at_all(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`, which becomes `target` only if the block succeeds.

    Call it while holding the build lock: leftovers of builds that were killed are removed here.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f".{target.name}.*.partial"):
        leftover.unlink(missing_ok=True)
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        yield partial
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
