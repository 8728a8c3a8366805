"""One component as a process: its log, its start, its readiness and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent, signal_group
from modelwright_playground.components import Component
from modelwright_playground.instance import Instance
from modelwright_playground.report import ComponentReport, ComponentState

SECONDS_BETWEEN_LOOKS = 0.05
START_TIMEOUT = 300.0
LINES_SHOWN = 12

_CAUSES = {
    "address already in use": "a port was taken in the meantime; `modelwright playground up` chooses another one",
    "no space left on device": "the disk is full; free some space and start again",
    "No module named": "the environment is not complete; install it as CONTRIBUTING says",
}


class StartFailed(ModelwrightError):
    """A component did not become ready; the message ends with the last lines of its log."""


class ComponentProcess:
    """`state` is what the report shows; `restarts` counts starts after the first one that led to readiness."""

    def __init__(self, instance: Instance, component: Component) -> None:
        self.component = component
        self.state: ComponentState = "Waiting"
        self.restarts = 0
        self._instance = instance
        self._process: Process | None = None
        self._started_at = 0.0

    @property
    def log(self) -> Path:
        return self._instance.logs / f"{self.component.name}.log"

    async def start(self, *, first: bool) -> None:
        """Start the process; its log begins anew with the `first` start. StartFailed where it cannot run at all."""
        (self._instance.ready / self.component.name).unlink(missing_ok=True)
        command = self.component.command(self._instance)
        try:
            with self.log.open("wb" if first else "ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=STDOUT,
                    cwd=self._instance.dir,
                    env={**os.environ, "PYTHONUNBUFFERED": "1"},
                    # A group of its own: a Ctrl-C of the terminal is for the supervisor, which knows the order.
                    process_group=0,
                    preexec_fn=dies_with_parent(),
                )
        except OSError as error:
            raise StartFailed(f"{self.component.name} cannot be started: {error.strerror}") from error
        self._started_at = time.time()
        self.state = "Starting"

    async def become_ready(self) -> None:
        """Return once it is ready; StartFailed when it ends before that, or takes longer than START_TIMEOUT."""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                while not await self.component.is_ready(self._instance):
                    if self._process is None or self._process.returncode is not None:
                        raise self.failed(f"stopped while starting (exit code {self.code})")
                    await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
        except TimeoutError:
            raise self.failed(f"was not ready after {START_TIMEOUT:.0f} s") from None
        self.state = "Ready"

    async def ended(self) -> int:
        """Wait for the end of the process; its exit code, negative for a signal."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill what is left of its process group after its grace. No error if it is gone."""
        process = self._process
        # Once only: later, the number of a group that is gone may be somebody else's.
        if process is None or self.state == "Stopped":
            return
        if process.returncode is None:
            signal_group(process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), self.component.grace)
            except TimeoutError:
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
        # What it had started itself and forgot.
        signal_group(process.pid, signal.SIGKILL)
        (self._instance.ready / self.component.name).unlink(missing_ok=True)
        self.state = "Stopped"

    @property
    def code(self) -> int | None:
        return self._process.returncode if self._process else None

    def report(self) -> ComponentReport:
        return ComponentReport(
            name=self.component.name,
            state=self.state,
            pid=self._process.pid if self._process and self._process.returncode is None else 0,
            started_at=self._started_at,
            restarts=self.restarts,
            url=self.component.url(self._instance),
        )

    def failed(self, how: str) -> StartFailed:
        """An error that tells `how` it failed, why if that is known, and the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:]
        causes = [cause for sign, cause in _CAUSES.items() if any(sign in line for line in lines)]
        told = "; ".join([f"{self.component.name} {how}", *causes])
        return StartFailed(f"{told}. The end of {self.log}:\n" + "\n".join(f"  {line}" for line in lines))
