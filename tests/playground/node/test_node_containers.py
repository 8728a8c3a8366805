"""Containers as real processes: ends, restarts, probes, termination."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelwright_playground.node.process import kill_leftovers, spawn
from modelwright_playground.node.status import Running, Terminated, Waiting

Eventually = Callable[..., Any]


async def test_a_container_that_may_not_restart_ends_with_its_exit_code(bench: Any) -> None:
    container = bench.container("echo out; echo err >&2; exit 3", policy="Never")
    assert await bench.start(container) is False
    assert isinstance(container.view.state, Terminated)
    assert (container.view.state.exit_code, container.view.state.reason) == (3, "Error")
    assert bench.log.read_text().splitlines() == ["out", "err"]


async def test_a_crashing_container_backs_off_and_its_previous_log_is_kept(bench: Any, eventually: Eventually) -> None:
    container = bench.container("echo $$; exit 1", backoff=300.0)
    bench.start(container)
    await eventually(lambda: container.view.restarts == 1, "the first restart, which is immediate")
    await eventually(lambda: isinstance(container.view.state, Waiting), "the back-off")
    assert container.view.state == Waiting("CrashLoopBackOff", "back-off 300s restarting failed container app")
    assert container.view.last.exit_code == 1
    now, before = bench.log.read_text(), bench.log.with_suffix(".previous.log").read_text()
    assert now != before


async def test_stopping_a_container_in_back_off_leaves_its_last_end(bench: Any, eventually: Eventually) -> None:
    container = bench.container("exit 4", backoff=300.0)
    run = bench.start(container)
    await eventually(lambda: container.view.state == Waiting(*_back_off()), "the back-off")
    await container.stop(30)
    assert await run is False
    assert container.view.state.exit_code == 4


async def test_a_program_that_is_not_there_is_a_start_error(bench: Any) -> None:
    container = bench.container("", policy="Never", program="/no/such/program")
    assert await bench.start(container) is False
    assert container.view.state.reason == "StartError"
    assert "images.yaml names for image shell cannot be run: No such file" in container.view.state.message


async def test_sigterm_is_sent_first_and_the_exit_code_is_the_programs_own(bench: Any, eventually: Eventually) -> None:
    container = bench.container("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
    run = bench.start(container)
    await eventually(lambda: bench.log.exists() and bench.log.read_text(), "the trap")
    await container.stop(30)
    await run
    assert container.view.state.exit_code == 7


async def test_a_program_that_ignores_sigterm_is_killed_when_its_grace_is_over(
    bench: Any, eventually: Eventually
) -> None:
    container = bench.container("trap '' TERM; echo up; while :; do sleep 0.05; done")
    run = bench.start(container)
    await eventually(lambda: bench.log.exists() and bench.log.read_text(), "the trap")
    await container.stop(0.1)
    await run
    assert container.view.state.exit_code == 128 + signal.SIGKILL


async def test_the_pre_stop_hook_runs_before_sigterm(bench: Any, eventually: Eventually) -> None:
    hook = {"preStop": {"exec": {"command": ["/bin/sh", "-c", "echo hook"]}}}
    # The shell reports its killed `sleep` on stderr, which is not of interest here.
    script = "exec 2>/dev/null; trap 'echo term; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    container = bench.container(script, lifecycle=hook)
    run = bench.start(container)
    await eventually(lambda: bench.log.exists() and bench.log.read_text(), "the trap")
    await container.stop(30)
    assert await run is True
    assert bench.log.read_text().split() == ["up", "hook", "term"]


async def test_whatever_a_container_started_ends_with_it(
    bench: Any, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    script = "sleep 600 & echo $! >> $FOLDER/pids; setsid sleep 600 & echo $! >> $FOLDER/pids; echo >> $FOLDER/pids; "
    container = bench.container(script + "sleep 0.1; exit 1", policy="Never")
    await bench.start(container)
    pids = [int(line) for line in (bench.folder / "pids").read_text().split()]
    assert len(pids) == 2
    await eventually(lambda: not any(map(is_alive, pids)), "the end of what the container started")
    assert list(bench.folder.glob("*.pid")) == []


async def test_a_readiness_probe_decides_on_ready_and_takes_it_back(bench: Any, eventually: Eventually) -> None:
    probe = {"exec": {"command": ["test", "-e", str(bench.folder / "ready")]}, "periodSeconds": 0.05}
    container = bench.container("sleep 600", readinessProbe={**probe, "failureThreshold": 1})
    bench.start(container)
    await eventually(lambda: isinstance(container.view.state, Running), "the start")
    assert not container.view.ready
    (bench.folder / "ready").touch()
    await eventually(lambda: container.view.ready, "readiness")
    (bench.folder / "ready").unlink()
    await eventually(lambda: not container.view.ready, "the loss of readiness")


async def test_a_container_without_probes_is_ready_as_soon_as_it_runs(bench: Any, eventually: Eventually) -> None:
    container = bench.container("sleep 600")
    bench.start(container)
    await eventually(lambda: container.view.ready and container.view.started, "readiness")


async def test_a_failing_liveness_probe_restarts_the_container_and_says_why(bench: Any, eventually: Eventually) -> None:
    probe = {"tcpSocket": {"port": 1}, "periodSeconds": 0.05, "failureThreshold": 2}
    container = bench.container("sleep 600", livenessProbe=probe)
    bench.start(container)
    await eventually(lambda: container.view.restarts >= 1, "the restart")
    assert container.view.last.message == "Liveness probe failed: ConnectionRefusedError"
    assert container.view.last.exit_code == 128 + signal.SIGTERM


async def test_the_other_probes_wait_for_the_startup_probe(bench: Any, eventually: Eventually) -> None:
    started = {"exec": {"command": ["test", "-e", str(bench.folder / "started")]}, "periodSeconds": 0.05}
    counted = {"exec": {"command": ["/bin/sh", "-c", "echo x >> $FOLDER/asked"]}, "periodSeconds": 0.05}
    container = bench.container("sleep 600", startupProbe={**started, "failureThreshold": 999}, readinessProbe=counted)
    bench.start(container)
    await eventually(lambda: isinstance(container.view.state, Running), "the start")
    assert (container.view.started, container.view.ready) == (False, False)
    assert not (bench.folder / "asked").exists()
    (bench.folder / "started").touch()
    await eventually(lambda: container.view.ready, "readiness")
    assert container.view.started


async def test_leftovers_are_found_by_their_record_and_nobody_else_is_killed(
    bench: Any, tmp_path: Path, eventually: Eventually, is_alive: Callable[[int], bool]
) -> None:
    environment = bench.environment
    child = await spawn(["sleep", "600"], environment, tmp_path, bench.log, bench.folder / "a.pid")
    other = await spawn(["sleep", "600"], environment, tmp_path, bench.log, tmp_path / "elsewhere.pid")
    try:
        assert kill_leftovers(tmp_path / "pods", owner=1) == 0
        assert is_alive(child.pid)
        assert kill_leftovers(tmp_path / "pods", owner=os.getpid()) == 1
        assert await child.wait() == 137
        assert is_alive(other.pid)
    finally:
        other.kill()
        await other.wait()


async def test_a_record_whose_pid_is_somebody_elses_by_now_kills_nobody(
    bench: Any, tmp_path: Path, is_alive: Callable[[int], bool]
) -> None:
    record = bench.folder / "a.pid"
    child = await spawn(["sleep", "600"], bench.environment, tmp_path, bench.log, record)
    try:
        text = record.read_text()
        record.write_text(text.replace('"started": ', '"started": 1').replace('"mark": "', '"mark": "x'))
        assert kill_leftovers(tmp_path / "pods") == 0
        assert is_alive(child.pid)
    finally:
        child.kill()
        await child.wait()


def _back_off() -> tuple[str, str]:
    return "CrashLoopBackOff", "back-off 300s restarting failed container app"
