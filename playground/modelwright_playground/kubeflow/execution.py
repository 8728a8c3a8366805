"""Executes runs: at most two at a time, each in a process group of its own that never outlives this server.

A run's state is written before what it says happens, so that after a crash nothing that was under way is taken for
waiting: it becomes FAILED, and is never started twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelwright_playground.kubeflow import runs as states
from modelwright_playground.kubeflow.errors import invalid
from modelwright_playground.kubeflow.runs import Runs

log = logging.getLogger("kubeflow")

AT_ONCE = 2
GRACE = 5.0  # seconds between asking a run's processes to end and ending them
RUNNER = Path(__file__).with_name("runner.py")


@dataclass(frozen=True)
class Environment:
    """What a run's processes get: the Python that has kfp, and what the pipelines' image would bring along."""

    python: Path
    variables: Mapping[str, str]
    cache: Path


class Executor:
    """Takes pending runs from a queue and follows their processes to the end."""

    def __init__(self, runs: Runs, environment: Environment) -> None:
        self._runs = runs
        self._environment = environment
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def serve(self) -> None:
        """Works until cancelled, then ends what is under way."""
        self._settle_after_restart()
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(AT_ONCE):
                    workers.create_task(self._work())
        finally:
            for process in self._processes.values():
                _signal(process, signal.SIGKILL)

    def submit(self, run_id: str) -> None:
        """Queues a run that is PENDING."""
        self._queue.put_nowait(run_id)

    def terminate(self, run_id: str) -> None:
        """Begins to cancel a run; ApiError if it has ended."""
        state = self._runs.get(run_id)["state"]
        if state in states.FINAL:
            raise invalid(f"Failed to terminate run {run_id}: it has ended as {state}, need one under way")
        if state != states.CANCELING:
            self._runs.move(run_id, states.CANCELING)
        if process := self._processes.get(run_id):
            _signal(process, signal.SIGTERM)
            asyncio.get_running_loop().call_later(GRACE, self._insist, run_id, process)
        elif state == states.PENDING:
            self._runs.move(run_id, states.CANCELED)

    def retry(self, run_id: str) -> None:
        """Queues an ended run again, under its own id; ApiError if it succeeded or is under way."""
        state = self._runs.get(run_id)["state"]
        if state not in (states.FAILED, states.CANCELED):
            raise invalid(f"Failed to retry run {run_id}: it is {state}, only a failed or canceled run can be retried")
        self._runs.move(run_id, states.PENDING)
        self.submit(run_id)

    def forget(self, run_id: str) -> None:
        """Deletes a run, ends its processes and removes its folder."""
        self._runs.get(run_id)
        self._runs.delete(run_id)
        if process := self._processes.get(run_id):
            _signal(process, signal.SIGKILL)
        else:
            shutil.rmtree(self._runs.folder(run_id), ignore_errors=True)

    def _insist(self, run_id: str, process: asyncio.subprocess.Process) -> None:
        # By now its number may belong to somebody else, unless it is still in our books.
        if self._processes.get(run_id) is process:
            _signal(process, signal.SIGKILL)

    def _settle_after_restart(self) -> None:
        for run_id in self._runs.in_state(states.RUNNING):
            self._runs.move(run_id, states.FAILED, "the Kubeflow Pipelines server stopped while this run was under way")
        for run_id in self._runs.in_state(states.CANCELING):
            self._runs.move(run_id, states.CANCELED)
        for run_id in self._runs.in_state(states.PENDING):
            self.submit(run_id)

    async def _work(self) -> None:
        while True:
            run_id = await self._queue.get()
            # Canceled or deleted while it waited, or queued once by the API and once after a restart.
            if self._runs.state(run_id) == states.PENDING:
                await self._execute(run_id)

    async def _execute(self, run_id: str) -> None:
        self._runs.move(run_id, states.RUNNING)
        folder = self._runs.folder(run_id)
        try:
            command = self._prepare(run_id, folder)
            with (folder / "log").open("ab") as output:
                process = await self._start(command, folder, output.fileno())
        except OSError as error:
            log.warning("run %s could not be started: %s", run_id, error)
            self._runs.move(run_id, states.FAILED, f"the run could not be started: {error.strerror or error}")
            return
        self._processes[run_id] = process
        if self._runs.state(run_id) != states.RUNNING:
            # Terminated or deleted in the moment in which the process was being made.
            _signal(process, signal.SIGKILL)
        try:
            code = await process.wait()
        finally:
            # A task may outlive the runner that started it.
            _signal(process, signal.SIGKILL)
            del self._processes[run_id]
        self._finish(run_id, folder, code)

    def _prepare(self, run_id: str, folder: Path) -> Sequence[str]:
        row = self._runs.get(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        for left in ("tasks.json", "outcome.json"):
            (folder / left).unlink(missing_ok=True)
        job = {
            "spec": json.loads(row["pipeline_spec"]),
            "arguments": json.loads(row["runtime_config"]).get("parameters", {}),
            "cache": str(self._environment.cache),
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        # -P: our own modules, which lie beside the runner, must not hide the ones that kfp imports.
        return (str(self._environment.python), "-P", str(RUNNER), str(folder), str(os.getpid()))

    async def _start(self, command: Sequence[str], folder: Path, output: int) -> asyncio.subprocess.Process:
        # Every component unpacks its code into a temporary folder and leaves it there.
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**self._environment.variables, "TMPDIR": str(temporary)},
            start_new_session=True,
        )

    def _finish(self, run_id: str, folder: Path, code: int) -> None:
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        state = self._runs.state(run_id)
        if not state:
            shutil.rmtree(folder, ignore_errors=True)
        elif code == 0:
            # Also from CANCELING, as in Kubeflow: the pipeline was faster.
            self._runs.move(run_id, states.SUCCEEDED)
        elif state == states.CANCELING:
            self._runs.move(run_id, states.CANCELED)
        else:
            self._runs.move(run_id, states.FAILED, _reason(folder, code))


def _reason(folder: Path, code: int) -> str:
    try:
        error = json.loads((folder / "outcome.json").read_text(encoding="utf-8"))["error"]
    except (FileNotFoundError, ValueError):
        error = ""
    return str(error) or f"the run's process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """To the whole process group, whose number is its leader's; one that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
