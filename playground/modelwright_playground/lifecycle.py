"""Starts a supervisor, waits for it, and stops it: what `up` and `down` do, for people and for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent
from modelwright_playground.components import COMPONENTS
from modelwright_playground.instance import Instance
from modelwright_playground.report import Report, is_running, last_report

SECONDS_BETWEEN_LOOKS = 0.1
STOP_TIMEOUT = 45.0


class NotStarted(ModelwrightError):
    """The playground did not come up; the message says which component failed, and how."""


class NotStopped(ModelwrightError):
    """A supervisor could not be ended."""


def start(instance: Instance, components: Sequence[str] = tuple(COMPONENTS), *, detached: bool = True) -> Report:
    """Start a supervisor and return its report once everything is ready. NotStarted if it ends before.

    `detached`: it outlives this process. Otherwise it is killed with it, and everything it runs with it.
    """
    instance.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "modelwright_playground.supervisor", "--dir", str(instance.dir)]
    with (instance.logs / "supervisor.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--components", ",".join(components)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if detached else dies_with_parent(),
        )
    try:
        while process.poll() is None:
            report = last_report(instance.dir)
            if report and report.pid == process.pid and report.phase == "Ready":
                return report
            time.sleep(SECONDS_BETWEEN_LOOKS)
    except BaseException:
        # Ctrl-C while it starts: half a playground is of no use to anybody.
        process.terminate()
        process.wait()
        raise
    report = last_report(instance.dir)
    if report and report.pid == process.pid and report.message:
        raise NotStarted(report.message)
    raise NotStarted(f"the supervisor ended with exit code {process.returncode}; its log is {log.name}")


def stop(instance: Instance) -> bool:
    """Stop the instance and wait until all of it is gone. False when it was not running; NotStopped if it resists."""
    if not is_running(instance.dir):
        return False
    deadline = time.monotonic() + STOP_TIMEOUT
    _signal(instance, signal.SIGTERM)
    while is_running(instance.dir):
        if time.monotonic() > deadline:
            # Its children die with it.
            _signal(instance, signal.SIGKILL)
            break
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True


def _signal(instance: Instance, number: signal.Signals) -> None:
    report = last_report(instance.dir)
    if report is None:
        raise NotStopped(f"the supervisor runs, but {instance.dir / 'supervisor.json'} does not say as which process")
    try:
        os.kill(report.pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise NotStopped(f"process {report.pid} belongs to another user") from error
