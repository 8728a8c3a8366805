"""Up and down on real programs: two at once, nothing left behind, and a clean start after a kill."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import NAMESPACE
from modelwright_playground import lifecycle
from modelwright_playground.components import CONTROL_PLANE
from modelwright_playground.instance import Instance, is_free
from modelwright_playground.report import Report, is_running, last_report, running

# The smallest real component: it starts in a moment and has ports and data of its own.
SMALLEST = ("etcd",)


@pytest.fixture
def instance(programs: None, tmp_path: Path) -> Iterator[Instance]:
    made = Instance.create("test", tmp_path)
    yield made
    lifecycle.stop(made)


def processes(report: Report) -> list[int]:
    """A pidfd for the supervisor and each component."""
    return [os.pidfd_open(pid) for pid in (report.pid, *(component.pid for component in report.components))]


def assert_all_end(pidfds: list[int]) -> None:
    for pidfd in pidfds:
        ended, _, _ = select.select([pidfd], [], [], 120)
        os.close(pidfd)
        assert ended


def assert_ports_are_free(instance: Instance) -> None:
    assert [port for port in asdict(instance.ports).values() if not is_free("127.0.0.1", port)] == []


def test_after_a_stop_no_process_and_no_port_is_left(instance: Instance) -> None:
    left = processes(lifecycle.start(instance, SMALLEST))
    assert lifecycle.stop(instance)
    assert_all_end(left)
    assert_ports_are_free(instance)
    assert not is_running(instance.dir)
    assert not lifecycle.stop(instance)


def test_after_the_supervisor_is_killed_no_process_and_no_port_is_left(instance: Instance) -> None:
    report = lifecycle.start(instance, SMALLEST)
    left = processes(report)
    os.kill(report.pid, signal.SIGKILL)
    assert_all_end(left)
    assert_ports_are_free(instance)


def test_a_killed_playground_is_not_taken_for_a_running_one_and_starts_again(instance: Instance) -> None:
    report = lifecycle.start(instance, SMALLEST)
    left = processes(report)
    os.kill(report.pid, signal.SIGKILL)
    assert_all_end(left)
    stale = last_report(instance.dir)
    assert stale is not None
    assert stale.phase == "Ready"
    assert running(instance.dir) is None

    again = lifecycle.start(Instance.create("test", instance.dir), SMALLEST)
    assert again.pid != report.pid
    assert running(instance.dir) == again


def test_a_playground_that_is_not_detached_dies_with_the_process_that_started_it(instance: Instance) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, pathlib\n"
            "from modelwright_playground import lifecycle\n"
            "from modelwright_playground.instance import Instance\n"
            "lifecycle.start(Instance.load(pathlib.Path(sys.argv[1])), ('etcd',), detached=False)\n"
            "print('ready', flush=True)\n"
            "sys.stdin.read()\n",
            str(instance.dir),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        report = running(instance.dir)
        assert report is not None
        left = processes(report)
        owner.kill()
    assert_all_end(left)


def test_a_start_that_fails_says_which_component_and_why(instance: Instance) -> None:
    (instance.data).mkdir()
    (instance.data / "etcd").write_text("a file where etcd wants its folder")
    with pytest.raises(lifecycle.NotStarted, match="etcd stopped while starting"):
        lifecycle.start(instance, SMALLEST)
    assert not is_running(instance.dir)


async def test_two_playgrounds_run_side_by_side(control_plane: Any, tmp_path: Path) -> None:
    other = Instance.create("other", tmp_path)
    lifecycle.start(other, CONTROL_PLANE, detached=False)
    try:
        first = await Cluster.connect(control_plane.kubeconfig)
        second = await Cluster.connect(str(other.kubeconfig))
        try:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "only-in-one"}}
            await second.create(NAMESPACE, namespace)
            assert await second.get(NAMESPACE, None, "only-in-one")
            assert await first.get(NAMESPACE, None, "only-in-one") is None
        finally:
            await first.close()
            await second.close()
    finally:
        lifecycle.stop(other)
