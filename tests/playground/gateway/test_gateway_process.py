"""The room as a process: how it starts, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelwright_playground.instance import Instance

PATIENCE_MS = 120_000


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """An instance whose API server is not there."""
    instance = Instance.create("test", tmp_path)
    server = {"name": "c", "cluster": {"server": instance.apiserver_url}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    instance.kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [server],
                "contexts": [context],
                "current-context": "x",
                "users": [{"name": "u", "user": {"token": "t"}}],
            }
        )
    )
    return instance


@pytest.fixture
def room(instance: Instance) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-u", "-m", "modelwright_playground.gateway", "--dir", str(instance.dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield process
    process.kill()
    process.communicate()


def envoy_of(room: subprocess.Popen[str]) -> int:
    """A pidfd of the room's Envoy, once it is there: the room then asks for the API server, which is not."""
    assert room.stdout is not None
    for line in room.stdout:
        if "listing gatewayclasses again" in line:
            break
    children = Path(f"/proc/{room.pid}/task/{room.pid}/children").read_text().split()
    (pid,) = (int(child) for child in children)
    assert Path(f"/proc/{pid}/comm").read_text().strip() == "envoy"
    return os.pidfd_open(pid)


def gone(pidfd: int) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    try:
        return bool(poll.poll(PATIENCE_MS))
    finally:
        os.close(pidfd)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_ends_cleanly_and_takes_envoy_along(
    room: subprocess.Popen[str], number: signal.Signals
) -> None:
    envoy = envoy_of(room)
    room.send_signal(number)
    assert room.wait(PATIENCE_MS / 1000) == 0
    assert gone(envoy)


def test_killed_outright_it_takes_envoy_along(room: subprocess.Popen[str]) -> None:
    envoy = envoy_of(room)
    room.kill()
    assert gone(envoy)


def test_it_is_not_ready_before_it_has_seen_the_cluster(room: subprocess.Popen[str], instance: Instance) -> None:
    os.close(envoy_of(room))
    assert not (instance.ready / "gateway").exists()


def test_a_taken_port_is_named_and_ends_it(instance: Instance) -> None:
    with socket.create_server(("127.0.0.1", instance.ports.gateway)):
        command = [sys.executable, "-m", "modelwright_playground.gateway", "--dir", str(instance.dir)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_MS / 1000, check=False)
    assert result.returncode == 1
    assert f"Envoy needs port {instance.ports.gateway}, which another program uses" in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
