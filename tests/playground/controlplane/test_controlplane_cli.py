"""`modelwright playground` says what it did, and what a person can do when it cannot."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from modelwright.cli.main import main
from modelwright_playground import cli, lifecycle
from modelwright_playground.instance import Instance, NoInstance
from modelwright_playground.report import running

Run = Callable[..., Result]


@pytest.fixture
def run(programs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Run a command on a playground that is etcd alone, in a folder of the test's own."""
    monkeypatch.setattr(cli, "start", partial(lifecycle.start, components=("etcd",)))
    folder = tmp_path / "playground"

    def run(command: str, *options: str) -> Result:
        return CliRunner().invoke(main, ["playground", command, "--dir", str(folder), *options])

    yield run
    try:
        lifecycle.stop(Instance.load(folder))
    except NoInstance:
        return


def test_up_shows_what_runs_and_what_to_type_next(run: Run, tmp_path: Path) -> None:
    shown = run("up")
    assert shown.exit_code == 0, shown.output
    instance = Instance.load(tmp_path / "playground")
    assert f"https://127.0.0.1:{instance.ports.etcd}" in shown.output
    assert f"export KUBECONFIG={instance.kubeconfig}\n" in shown.output
    for name in ("kubectl", "kubectl-modelwright", "modelwright"):
        assert (instance.dir / "bin" / name).exists(), name


def test_up_twice_is_up_once(run: Run, tmp_path: Path) -> None:
    run("up")
    first = running(tmp_path / "playground")
    again = run("up")
    assert again.exit_code == 0
    assert "is running already" in again.output
    assert running(tmp_path / "playground") == first


def test_up_on_other_ports_than_the_running_one_has_is_refused(run: Run) -> None:
    run("up")
    refused = run("up", "--port-gateway", "8080")
    assert refused.exit_code == 1
    assert "runs already, with gateway on port" in refused.output


def test_a_taken_port_is_a_message_and_exit_code_1(run: Run, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = run("up", "--port-kubeflow", str(port))
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: port {port}, asked for kubeflow, is in use by another program")
    assert not (tmp_path / "playground").exists()


def test_a_folder_of_somebody_else_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "playground").mkdir()
    (tmp_path / "playground" / "thesis.tex").write_text("years of work")
    refused = run("up")
    assert refused.exit_code == 1
    assert "is not empty and holds no playground" in refused.output
    run("down", "--purge")
    assert (tmp_path / "playground" / "thesis.tex").exists()


def test_status_lists_components_for_people_and_for_programs(run: Run) -> None:
    run("up")
    assert "etcd" in run("status").output
    answer = json.loads(run("status", "-o", "json").output)
    assert (answer["running"], answer["phase"]) == (True, "Ready")
    (etcd,) = answer["components"]
    assert (etcd["name"], etcd["state"]) == ("etcd", "Ready")
    os.kill(etcd["pid"], 0)


def test_status_of_a_playground_that_was_killed_says_so(run: Run, tmp_path: Path) -> None:
    run("up")
    report = running(tmp_path / "playground")
    assert report is not None
    end = os.pidfd_open(report.pid)
    os.kill(report.pid, signal.SIGKILL)
    select.select([end], [], [])
    os.close(end)
    status = run("status")
    assert status.exit_code == 1
    assert f"its supervisor (process {report.pid}) was killed" in status.output
    assert json.loads(run("status", "-o", "json").output)["components"] == []


def test_down_stops_and_keeps_the_folder_and_purge_removes_it(run: Run, tmp_path: Path) -> None:
    run("up")
    assert "is stopped" in run("down").output
    assert running(tmp_path / "playground") is None
    assert "was not running" in run("down", "--purge").output
    assert not (tmp_path / "playground").exists()


def test_status_and_down_of_nothing_say_so(run: Run) -> None:
    status = run("status")
    assert status.exit_code == 1
    assert "no playground in" in status.output
    down = run("down")
    assert down.exit_code == 0
    assert "nothing to stop" in down.output


def test_a_full_disk_is_a_message_and_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    refused = run("up")
    assert refused.exit_code == 1
    assert refused.output == "Error: the disk is full: free some space and run this again\n"


@pytest.mark.parametrize(
    ("missing", "told"),
    [("modelwright_playground.cli", "source checkout"), ("rich", "needs the Python package rich")],
)
def test_outside_of_a_checkout_the_command_says_what_is_needed(
    monkeypatch: pytest.MonkeyPatch, missing: str, told: str
) -> None:
    class Missing:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "modelwright_playground.cli":
                raise ModuleNotFoundError(name=missing)

    monkeypatch.delitem(sys.modules, "modelwright_playground.cli")
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    result = CliRunner().invoke(main, ["playground", "status"])
    assert result.exit_code == 1
    assert told in result.output
    assert "playground" in CliRunner().invoke(main, ["--help"]).output
