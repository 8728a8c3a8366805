"""Runs are executed for real: their states, their ends, and what a crash of the server makes of them."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import kfp_server_api
import pytest
from tests.playground.kubeflow.package import APPEND, FAIL, HANG, NOTHING, TEXT, pipeline
from tests.playground.kubeflow.server import Server

# A task that never starts never opens its named pipe.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may kill."""
    server = Server(tmp_path / "instance")
    yield server
    server.close()


@pytest.fixture
def told(tmp_path: Path) -> Path:
    """A named pipe through which a hanging task tells its process id."""
    path = tmp_path / "told"
    os.mkfifo(path)
    return path


def is_gone(pid: int) -> bool:
    """Waits for the end of a process that is not our child."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([watched], [], [], 60)
    os.close(watched)
    return bool(ready)


def states(run: kfp_server_api.V2beta1Run) -> list[str]:
    return [entry.state for entry in run.state_history]


def test_a_run_goes_from_pending_over_running_to_succeeded(kubeflow: Server, tmp_path: Path) -> None:
    run = kubeflow.ended(kubeflow.create_run(pipeline(APPEND, path=TEXT), path=str(tmp_path / "mark")))
    assert states(run) == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert (tmp_path / "mark").read_text() == "ran "
    assert run.error is None
    assert run.created_at <= run.finished_at
    (task,) = run.run_details.task_details
    assert (task.display_name, task.state, task.outputs) == ("step", "SUCCEEDED", None)


def test_a_failing_task_fails_the_run_and_says_why(kubeflow: Server) -> None:
    run = kubeflow.ended(kubeflow.create_run(pipeline(FAIL)))
    assert states(run) == ["PENDING", "RUNNING", "FAILED"]
    assert run.error.message == "task 'step' failed: ValueError: found no labels, need some"
    assert [task.state for task in run.run_details.task_details] == ["FAILED"]


def test_an_identical_task_is_not_executed_again_unless_caching_is_off(kubeflow: Server, tmp_path: Path) -> None:
    cached, always = tmp_path / "cached", tmp_path / "always"
    runs = [
        kubeflow.ended(kubeflow.create_run(pipeline(APPEND, caching=file == cached, path=TEXT), path=str(file)))
        for file in (cached, always, cached, always)
    ]
    assert [run.state for run in runs] == ["SUCCEEDED"] * 4
    assert (cached.read_text(), always.read_text()) == ("ran ", "ran ran ")
    assert [run.run_details.task_details[0].state for run in runs] == ["SUCCEEDED", "SUCCEEDED", "SKIPPED", "SUCCEEDED"]


def test_a_terminated_run_is_canceled_and_its_processes_are_gone(kubeflow: Server, told: Path) -> None:
    run_id = kubeflow.create_run(pipeline(HANG, path=TEXT), path=str(told))
    pid = int(told.read_text())
    kubeflow.runs.run_service_terminate_run(run_id)
    run = kubeflow.ended(run_id)
    assert states(run) == ["PENDING", "RUNNING", "CANCELING", "CANCELED"]
    assert is_gone(pid)
    with pytest.raises(kfp_server_api.ApiException, match="it has ended as CANCELED"):
        kubeflow.runs.run_service_terminate_run(run_id)


def test_a_third_run_waits_and_can_be_canceled_before_it_starts(kubeflow: Server, tmp_path: Path) -> None:
    pipes = [tmp_path / "first", tmp_path / "second"]
    for pipe in pipes:
        os.mkfifo(pipe)
    under_way = [kubeflow.create_run(pipeline(HANG, path=TEXT), path=str(pipe)) for pipe in pipes]
    for pipe in pipes:
        assert pipe.read_text()
    waiting = kubeflow.create_run(pipeline(NOTHING))
    kubeflow.runs.run_service_terminate_run(waiting)
    for run_id in under_way:
        kubeflow.runs.run_service_delete_run(run_id)
    assert states(kubeflow.ended(waiting)) == ["PENDING", "CANCELING", "CANCELED"]


def test_a_deleted_run_is_gone_with_its_processes(kubeflow: Server, told: Path) -> None:
    run_id = kubeflow.create_run(pipeline(HANG, path=TEXT), path=str(told))
    pid = int(told.read_text())
    kubeflow.runs.run_service_delete_run(run_id)
    assert is_gone(pid)
    with pytest.raises(kfp_server_api.ApiException, match="not found"):
        kubeflow.runs.run_service_get_run(run_id)


def test_a_failed_run_can_be_retried_under_its_own_id(kubeflow: Server, tmp_path: Path) -> None:
    needed = tmp_path / "needed"
    run_id = kubeflow.create_run(pipeline("open(path).close()", path=TEXT), path=str(needed))
    assert kubeflow.ended(run_id).state == "FAILED"
    needed.touch()
    kubeflow.runs.run_service_retry_run(run_id)
    run = kubeflow.ended(run_id)
    assert states(run) == ["PENDING", "RUNNING", "FAILED", "PENDING", "RUNNING", "SUCCEEDED"]
    assert run.error is None


def test_after_a_crash_what_was_under_way_has_failed_and_what_had_ended_is_remembered(
    own_server: Server, told: Path
) -> None:
    ended = own_server.ended(own_server.create_run(pipeline(NOTHING), name="ended"))
    under_way = own_server.create_run(pipeline(HANG, path=TEXT), name="under way", path=str(told))
    pid = int(told.read_text())
    own_server.stop(signal.SIGKILL)
    assert is_gone(pid)
    own_server.restart()
    listed = {run.display_name: run for run in own_server.runs.run_service_list_runs().runs}
    assert listed.keys() == {"ended", "under way"}
    assert (listed["ended"].state, listed["ended"].finished_at) == ("SUCCEEDED", ended.finished_at)
    failed = own_server.runs.run_service_get_run(under_way)
    assert failed.state == "FAILED"
    assert "stopped while this run was under way" in failed.error.message


def test_a_server_that_is_told_to_stop_takes_its_runs_along(own_server: Server, told: Path) -> None:
    own_server.create_run(pipeline(HANG, path=TEXT), path=str(told))
    pid = int(told.read_text())
    own_server.stop()
    assert own_server.process.returncode == 0
    assert is_gone(pid)


def test_a_taken_port_is_said_in_one_line(own_server: Server) -> None:
    with pytest.raises(AssertionError, match="kubeflow: a port is in use"):
        own_server.restart()
