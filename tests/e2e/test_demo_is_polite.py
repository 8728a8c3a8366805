"""The playground is a good neighbour: two of them do not meet, and Ctrl-C leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from tests.e2e.leftovers import processes_of, taken_ports
from tests.e2e.loop import Object, eventually, make_namespace

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import HTTP_ROUTE, POD, SERVICE, SERVICE_ACCOUNT
from modelwright_playground import lifecycle
from modelwright_playground.demo.stage import apply
from modelwright_playground.instance import Instance

pytestmark = pytest.mark.e2e

HOST = "app.example.com"


@pytest.fixture
def interrupted(programs: None, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo in a session of its own, whose files are below `tmp_path`."""
    command = [
        sys.executable,
        "-m",
        "modelwright_playground.demo",
        "--plain",
        "--report",
        str(tmp_path / "report.json"),
    ]
    folder = tmp_path / "tmp"
    folder.mkdir()
    demo = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield demo
    finally:
        if demo.poll() is None:
            os.killpg(demo.pid, signal.SIGKILL)
        demo.wait()


def test_ctrl_c_in_the_middle_of_a_demo_leaves_no_process_no_port_and_no_folder(
    interrupted: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert interrupted.stdout is not None
    said = ""
    for line in interrupted.stdout:
        said += line
        if "the first version serves" in line:
            break
    else:
        pytest.fail(f"the demo ended before its first version served: {said}")
    [folder] = (tmp_path / "tmp").glob("modelwright-demo-*")
    instance = Instance.load(folder)
    assert len(taken_ports(instance)) >= 8
    assert len(processes_of(tmp_path)) >= 10
    # As a terminal does it: to the whole group in the foreground.
    os.killpg(interrupted.pid, signal.SIGINT)
    rest, _ = interrupted.communicate(timeout=240)
    assert interrupted.returncode == 130, rest
    assert "interrupted; everything is stopped" in rest
    assert "Traceback" not in rest
    # What was killed at last is gone once the kernel has had time for it.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (processes_of(tmp_path) or taken_ports(instance)):
        time.sleep(0.1)
    assert processes_of(tmp_path) == {}
    assert taken_ports(instance) == []
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.fixture
def neighbours(programs: None, tmp_path: Path) -> Iterator[dict[str, Instance]]:
    """Two whole playgrounds at the same time."""
    made = {}
    with ExitStack() as running:
        for name in ("first", "second"):
            made[name] = Instance.create(name, tmp_path / name)
            lifecycle.start(made[name], detached=False)
            running.callback(lifecycle.stop, made[name])
        yield made


async def test_two_playgrounds_at_once_each_answer_through_their_own_gateway(neighbours: dict[str, Instance]) -> None:
    await asyncio.gather(*(_serve(instance, name) for name, instance in neighbours.items()))
    heard: dict[str, set[str]] = {name: set() for name in neighbours}

    async def each_hears_its_own_pod() -> bool:
        now = [await _ask(instance) for instance in neighbours.values()]
        for name, answer in zip(neighbours, now, strict=True):
            heard[name].add(answer)
        return now == list(neighbours)

    await eventually(each_hears_its_own_pod, "both gateways answer for their own pods", situation=lambda: heard)
    # And none ever for the other.
    assert "second" not in heard["first"]
    assert "first" not in heard["second"]


async def _ask(instance: Instance) -> str:
    async with (
        aiohttp.ClientSession() as session,
        session.get(instance.gateway_url, headers={"Host": HOST}) as answer,
    ):
        return (await answer.text()).strip()


async def _serve(instance: Instance, text: str) -> None:
    """One pod that answers `text`, behind a Service and a route of the same names in every playground."""
    cluster = await Cluster.connect(str(instance.kubeconfig))

    async def may_hold_pods() -> Object | None:
        return await cluster.get(SERVICE_ACCOUNT, "app", "default")

    try:
        await make_namespace(cluster, "app")
        await eventually(may_hold_pods, "the namespace has its service account")
        for body in _manifests(text):
            await apply(cluster, body, "app")
    finally:
        await cluster.close()


def _manifests(text: str) -> list[Object]:
    script = f"echo {text} > index.html; exec {sys.executable} -m http.server --bind $LISTEN_ADDRESS 8080"
    container = {
        "name": "app",
        "image": "modelwright.dev/shell:1.0",
        "args": [script],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1, "timeoutSeconds": 30},
    }
    pod = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    service = {"selector": {"app": "app"}, "ports": [{"port": 80, "targetPort": 8080}]}
    route = {
        "parentRefs": [{"name": "public"}],
        "hostnames": [HOST],
        "rules": [{"backendRefs": [{"name": "app", "port": 80}]}],
    }
    return [
        {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"name": "app", "labels": {"app": "app"}},
            "spec": spec,
        }
        for kind, spec in ((POD, pod), (SERVICE, service), (HTTP_ROUTE, route))
    ]
