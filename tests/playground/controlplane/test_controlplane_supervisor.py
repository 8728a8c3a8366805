"""The supervisor starts in order, fails fast and says why, mends what dies later, and stops everything.

Small scripts stand in for the components: what is tested is what the supervisor does with them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from modelwright_playground.component_process import StartFailed
from modelwright_playground.components import Component
from modelwright_playground.instance import Instance
from modelwright_playground.report import AlreadyRunning, ComponentReport, claim, last_report
from modelwright_playground.supervisor import Supervisor

# Is ready as soon as it has written down that it runs, and writes down that it was told to end.
GOOD = """
import pathlib, signal, sys
def end(*_):
    with open("diary", "a") as diary: print("end", name, file=diary)
    sys.exit(0)
name = sys.argv[1]
signal.signal(signal.SIGTERM, end)
with open("diary", "a") as diary: print("start", name, file=diary)
pathlib.Path("ready", name).touch()
while True: signal.pause()
"""


def component(
    name: str,
    script: str = GOOD,
    after: Sequence[str] = (),
    grace: float = 10.0,
    looked: Callable[[bool], None] = lambda ready: None,
) -> Component:
    """`looked` is told what each look at its readiness found."""

    async def is_ready(instance: Instance) -> bool:
        ready = (instance.ready / name).exists()
        looked(ready)
        return ready

    def command(instance: Instance) -> Sequence[str]:
        return [sys.executable, "-c", script, name]

    return Component(name, command, is_ready, after=tuple(after), grace=grace)


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    return Instance.create("test", tmp_path)


async def run_until(
    instance: Instance,
    components: Sequence[Component],
    then: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0),
) -> None:
    """Run a supervisor until it is ready, do `then`, and have it stop."""
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(Supervisor(instance, components).run(stop, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not running.done():
        await then()
        stop.set()
    await running


def diary(instance: Instance) -> list[str]:
    return (instance.dir / "diary").read_text().splitlines()


def state(instance: Instance, name: str) -> ComponentReport:
    report = last_report(instance.dir)
    assert report is not None
    return next(component for component in report.components if component.name == name)


async def test_a_component_starts_only_when_what_it_waits_for_is_ready(instance: Instance) -> None:
    await run_until(instance, [component("b", after=["a"]), component("a")])
    assert diary(instance)[:2] == ["start a", "start b"]


async def test_when_it_has_stopped_nothing_runs_and_the_report_says_so(instance: Instance) -> None:
    pids: list[int] = []

    async def remember() -> None:
        pids.append(state(instance, "a").pid)

    await run_until(instance, [component("a")], remember)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
    report = last_report(instance.dir)
    assert report is not None
    assert (report.phase, report.components[0].state, report.components[0].pid) == ("Stopped", "Stopped", 0)
    assert list(instance.ready.iterdir()) == []


async def test_a_component_that_dies_while_starting_ends_the_attempt_with_the_end_of_its_log(
    instance: Instance,
) -> None:
    broken = component("broken", "print('I need a spoon'); raise SystemExit(3)")
    with pytest.raises(StartFailed, match=r"broken stopped while starting \(exit code 3\)(.|\n)*I need a spoon"):
        await run_until(instance, [component("good"), broken])
    report = last_report(instance.dir)
    assert report is not None
    assert report.phase == "Failed"
    assert "I need a spoon" in report.message
    assert {component.state for component in report.components} == {"Stopped"}


async def test_a_component_that_dies_while_others_still_start_ends_the_attempt(instance: Instance) -> None:
    short = component("short", "import pathlib; pathlib.Path('ready/short').touch(); input()")
    slow = component("slow", "import signal; signal.pause()")
    with pytest.raises(StartFailed, match="short stopped"):
        await run_until(instance, [short, slow])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("listen tcp 127.0.0.1:1: bind: address already in use", "a port was taken in the meantime"),
        ("write: no space left on device", "the disk is full"),
    ],
)
async def test_common_causes_are_said_in_plain_words(instance: Instance, line: str, told: str) -> None:
    with pytest.raises(StartFailed, match=told):
        await run_until(instance, [component("broken", f"raise SystemExit({line!r})")])


async def test_a_program_that_is_not_there_is_told(instance: Instance) -> None:
    async def never(_: Instance) -> bool:
        return False

    missing = Component("missing", lambda _: ["/nonexistent/program"], never)
    with pytest.raises(StartFailed, match="missing cannot be started: No such file"):
        await run_until(instance, [missing])


async def test_a_component_that_dies_later_is_started_again_and_the_log_says_so(
    instance: Instance, caplog: pytest.LogCaptureFixture
) -> None:
    ready = asyncio.Event()

    def looked(found: bool) -> None:
        if found:
            ready.set()

    async def kill_and_wait_for_the_next() -> None:
        first = state(instance, "a").pid
        ready.clear()
        os.kill(first, signal.SIGKILL)
        await ready.wait()
        assert state(instance, "a").pid not in (0, first)
        assert (state(instance, "a").state, state(instance, "a").restarts) == ("Ready", 1)

    with caplog.at_level(logging.INFO):
        await run_until(instance, [component("a", looked=looked)], kill_and_wait_for_the_next)
    assert diary(instance) == ["start a", "start a", "end a"]
    assert "a ended with exit code -9: starting it again" in caplog.text


async def test_a_component_that_does_not_want_to_end_is_killed_with_all_it_started(instance: Instance) -> None:
    stubborn = """
import os, pathlib, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("child").write_text(str(subprocess.Popen(["sleep", "infinity"]).pid))
pathlib.Path("ready", "stubborn").touch()
while True: signal.pause()
"""
    ends: list[int] = []

    async def watch() -> None:
        for pid in (state(instance, "stubborn").pid, int((instance.dir / "child").read_text())):
            ends.append(os.pidfd_open(pid))

    await run_until(instance, [component("stubborn", stubborn, grace=0.1)], watch)
    for end in ends:
        # Readable once the process is gone; the test's own time limit is the bound.
        await _readable(end)
        os.close(end)


async def test_a_stop_in_the_middle_of_the_start_stops_what_has_started(instance: Instance) -> None:
    stop = asyncio.Event()
    never_ready = component("slow", "import signal; signal.pause()", looked=lambda ready: stop.set())
    await Supervisor(instance, [never_ready]).run(stop)
    assert state(instance, "slow").state == "Stopped"


def test_there_is_one_supervisor_per_folder(instance: Instance) -> None:
    with claim(instance.dir), pytest.raises(AlreadyRunning), claim(instance.dir):
        pass


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    await readable.wait()
    loop.remove_reader(descriptor)
