"""Runs one compiled pipeline with the Kubeflow SDK's local runner: `python -P runner.py <run folder> <parent's pid>`.

Started by path in the pipelines' environment, hence standard library and kfp only. Reads `job.json` (spec, arguments,
cache), writes `tasks.json` after every change of a task and `outcome.json` at the end; its output is the run's log.
Exit code 0 means that the pipeline succeeded.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

_PR_SET_PDEATHSIG = 1
_COLOUR = re.compile(r"\x1b\[\d+m")
# The last line of a traceback: `package.SomeError: message`.
_RAISED = re.compile(r"^\s*(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt): .*$|^\s*MemoryError\s*$")


class Tee:
    """A log without kfp's colours, which remembers the last exception a task printed: kfp tells only that it failed."""

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self.raised = ""

    def write(self, text: str) -> int:
        """Writes the text to the log."""
        if _RAISED.match(text.rstrip("\n")):
            self.raised = text.strip()
        self._log.write(_COLOUR.sub("", text))
        return len(text)

    def flush(self) -> None:
        """Passes the call on."""
        self._log.flush()

    def isatty(self) -> bool:
        """A log is not a terminal."""
        return False


class Tasks:
    """What became of each task, kept in `tasks.json`."""

    def __init__(self, file: Path, log: Tee) -> None:
        self._file = file
        self._log = log
        self._tasks: list[dict[str, Any]] = []
        self._was_executed = False

    def failed(self) -> str:
        """Which tasks failed and what they said; "" if none did."""
        return "; ".join(f"task {t['name']!r} failed: {t['error']}" for t in self._tasks if t["state"] == "FAILED")

    def around(self, execute: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps kfp's execution of a task of the graph."""

        def recorded(task_name: str, *args: Any, **kwargs: Any) -> Any:
            task = {"name": task_name, "state": "RUNNING", "start": time.time(), "end": 0.0, "error": ""}
            self._tasks.append(task)
            self._write()
            self._log.raised, self._was_executed = "", False
            state = "FAILED"
            try:
                result = execute(task_name, *args, **kwargs)
                if result[1].name == "SUCCESS":
                    # Kubeflow's word for a task whose outputs came from the cache.
                    state = "SUCCEEDED" if self._was_executed else "SKIPPED"
                return result
            finally:
                error = "" if state != "FAILED" else self._log.raised or "it ended with an error, see the run's log"
                task.update(state=state, end=time.time(), error=error)
                self._write()

        return recorded

    def executing(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Wraps kfp's start of a task's process, which a cache hit never reaches."""

        def noted(*args: Any, **kwargs: Any) -> Any:
            self._was_executed = True
            return run(*args, **kwargs)

        return noted

    def _write(self) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(self._tasks), encoding="utf-8")
        part.replace(self._file)


def die_with(parent: int) -> None:
    """Has the kernel tell us when the API server is gone; the tasks, which are in our process group, go with us.

    PDEATHSIG is not inherited by children, hence a signal that can be handled rather than SIGKILL.
    """
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit("the API server is gone")


def run(folder: Path, tasks: Tasks) -> str:
    """Runs the job of `folder`; returns why it failed, "" if it succeeded."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    # Tasks run here rather than in the image that the pipeline names: the playground has no containers.
    warnings.filterwarnings("ignore", message="You may be attemping to run a task")
    from kfp import components, local
    from kfp.local import task_dispatcher
    from kfp.local.orchestrator import task_executor

    # kfp.local has no hooks; both of its graph runners look these two up when they call them.
    task_executor.execute_single_task = tasks.around(task_executor.execute_single_task)
    task_dispatcher.run_single_task_implementation = tasks.executing(task_dispatcher.run_single_task_implementation)
    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(folder / "root"),
        workspace_root=str(folder / "workspace"),
        raise_on_error=True,
        enable_caching=True,
        cache_root=job["cache"],
    )
    try:
        components.load_component_from_text(json.dumps(job["spec"]))(**job["arguments"])
    except Exception as error:
        # The boundary to other people's pipelines: whatever is wrong with one is its run's error.
        return tasks.failed() or f"{type(error).__name__}: {error}"
    return ""


def main() -> int:
    """See the module."""
    die_with(int(sys.argv[2]))
    folder = Path(sys.argv[1])
    log = Tee(sys.stdout)
    sys.stdout = log
    error = run(folder, Tasks(folder / "tasks.json", log))
    (folder / "outcome.json").write_text(json.dumps({"error": error}), encoding="utf-8")
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
