"""A bench for single containers without an API server, and a node with namespaces on the real control plane."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.playground.running_node import RunningNode

from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import CONFIG_MAP, ENDPOINT_SLICE, POD, SERVICE_ACCOUNT, Kind
from modelwright_playground.instance import Instance
from modelwright_playground.node.backoff import Backoff
from modelwright_playground.node.checks import Target
from modelwright_playground.node.container import Container, Prepared
from modelwright_playground.node.environment import Command
from modelwright_playground.node.probing import parse_probes

PATIENCE_SECONDS = 180.0
ADDRESS = "127.0.0.1"

Eventually = Callable[..., Any]


async def _eventually(condition: Callable[[], Any], what: str) -> Any:
    """The first true answer of `condition` (awaited if need be); fails after PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        await asyncio.sleep(0.05)
    pytest.fail(f"not within {PATIENCE_SECONDS:g} s: {what}")


@pytest.fixture
def eventually() -> Eventually:
    return _eventually


def alive(pid: int) -> bool:
    """Whether a process exists and has not ended (a zombie has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    return alive


class Bench:
    """Starts containers of shell scripts in one pod folder, and ends them after the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.changes = 0
        self._running: list[tuple[Container, asyncio.Task[bool]]] = []

    def container(
        self, script: str, policy: str = "Always", backoff: float = 0.05, program: str = "/bin/sh", **spec: Any
    ) -> Container:
        """A container named `app` that runs `script`; it has not started yet."""
        body = {"name": "app", "image": "shell", **spec}

        async def prepare(_: Any) -> Prepared:
            return Prepared(Command([program, "-c", script], self.environment), self.target(body), parse_probes(body))

        return Container(body, policy, prepare, self._changed, grace=5.0, backoff=Backoff(base=backoff))

    def target(self, body: dict[str, Any]) -> Target:
        return Target(body, ADDRESS, self.environment, {}, self.folder, self.log, self.folder)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "FOLDER": str(self.folder)}

    @property
    def log(self) -> Path:
        return self.folder / "app.log"

    def start(self, container: Container) -> "asyncio.Task[bool]":
        task = asyncio.create_task(container.run())
        self._running.append((container, task))
        return task

    async def close(self) -> None:
        for container, task in self._running:
            await container.stop(0)
            await task

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    folder = tmp_path / "pods" / "uid"
    folder.mkdir(parents=True)
    bench = Bench(folder)
    yield bench
    await bench.close()


NAMESPACE = Kind("", "v1", "namespaces", "Namespace", namespaced=False)
IMAGES = """
images:
  test/web:1: {command: ["{python}", "-u", "-m", "http.server", "--bind", "$(LISTEN_ADDRESS)"], args: ["8080"]}
  test/shell:1: {command: ["/bin/sh", "-c"], args: ["sleep 600"]}
"""


@pytest.fixture
def another_node(control_plane: Any, tmp_path: Path) -> Iterator[Callable[[], RunningNode]]:
    """Starts one more node of the same instance."""
    started: list[RunningNode] = []

    def start() -> RunningNode:
        started.append(RunningNode(control_plane.instance, tmp_path / "another.log"))
        return started[-1]

    yield start
    for node in started:
        node.stop()


@pytest.fixture(scope="module")
def node(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    (control_plane.instance.dir / "images.yaml").write_text(IMAGES)
    running = RunningNode(control_plane.instance, tmp_path_factory.mktemp("node") / "log")
    yield running
    running.stop()


class Home:
    """A namespace for one test's pods; most have one pod, `pod`, with one container, `app`, that runs a script."""

    def __init__(self, name: str, cluster: Cluster, instance: Instance) -> None:
        self.name = name
        self.cluster = cluster
        self._instance = instance

    async def create_pod(self, script: str = "sleep 600", name: str = "pod", **more: Any) -> Object:
        """`more` goes to the pod's spec, and its `container` to that of the container."""
        container = {"name": "app", "image": "test/shell:1", "args": [script], **more.pop("container", {})}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 5, **more}
        metadata = {"name": name, "namespace": self.name}
        return await self.cluster.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})

    async def create_config(self, data: dict[str, str]) -> None:
        metadata = {"name": "settings", "namespace": self.name}
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self.cluster.create(CONFIG_MAP, body)

    async def pod(self) -> Object | None:
        return await self.cluster.get(POD, self.name, "pod")

    async def in_phase(self, phase: str) -> Object | None:
        pod = await self.pod()
        return pod if pod and pod["status"]["phase"] == phase else None

    async def waiting_reason(self) -> tuple[str, str] | None:
        """Reason and message for which the container waits, once it is more than being created."""
        pod = await self.pod()
        assert pod is not None
        for status in pod["status"].get("containerStatuses", []):
            waiting = status["state"].get("waiting", {})
            if waiting.get("reason", "ContainerCreating") != "ContainerCreating":
                return waiting["reason"], waiting["message"]
        return None

    async def ready_addresses(self) -> list[str]:
        slices = await self.cluster.list(ENDPOINT_SLICE, self.name)
        endpoints = [endpoint for item in slices for endpoint in item.get("endpoints") or []]
        return sorted(address for e in endpoints if e["conditions"].get("ready") for address in e["addresses"])

    async def logs(self, pod: str, **query: str) -> tuple[int, str]:
        """What `kubectl logs` gets: status code and text."""
        trust = ssl.create_default_context(cafile=str(self._instance.pki / "ca.crt"))
        trust.load_cert_chain(self._instance.pki / "admin.crt", self._instance.pki / "admin.key")
        url = f"{self._instance.apiserver_url}/api/v1/namespaces/{self.name}/pods/{pod}/log"
        async with aiohttp.ClientSession() as session, session.get(url, params=query, ssl=trust) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def home(node: RunningNode, cluster: Cluster, namespace: str, eventually: Eventually) -> AsyncIterator[Home]:
    """Pods can be created in it, and none is left when the test is over."""
    await eventually(lambda: cluster.get(SERVICE_ACCOUNT, namespace, "default"), "the default service account")
    yield Home(namespace, cluster, node.instance)
    await cluster.delete(NAMESPACE, None, namespace)

    async def no_pods() -> bool:
        return not await cluster.list(POD, namespace)

    await eventually(no_pods, "the end of all pods of the test")
