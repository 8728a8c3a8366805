"""The real operator, at work with no more than the chart's rights."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contract.chart import RELEASE
from tests.contract.conftest import WithKubeconfig
from tests.contract.corpus import HERE, merged, read
from tests.contract.policed import PATIENCE

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import (
    CONTROLLER_REVISION,
    DEPLOYMENT,
    EVENT,
    LEASE,
    MODEL_ROLLOUT,
    RETRAIN_POLICY,
    SERVICE,
    Kind,
)
from modelwright_playground.child import dies_with_parent

# Nobody answers on the port of `discard`: what metrics and pipelines say is not asked here.
CONFIG = """
metricSources: [{name: default, url: "http://127.0.0.1:9"}]
pipelineServers: [{name: default, url: "http://127.0.0.1:9", resultRoot: "file:///nowhere"}]
"""


class Operator:
    """Started again when it ends, as its container would be: on a busy machine it may lose its lease."""

    def __init__(self, command: list[str], log: Path) -> None:
        self.log = log
        self._command = command
        self._told_to_stop = False
        self._process: Process | None = None

    async def run(self) -> int:
        """Until it is told to stop; how it ended then."""
        with self.log.open("w") as output:
            while True:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, stdout=output, stderr=STDOUT, preexec_fn=dies_with_parent()
                )
                code = await self._process.wait()
                if self._told_to_stop:
                    return code

    def stop(self) -> None:
        self._told_to_stop = True
        if self._process:
            self._process.terminate()


@pytest.fixture
async def log(cluster: Cluster, installed: str, control_plane: WithKubeconfig, tmp_path: Path) -> AsyncIterator[Path]:
    """The log of an operator that runs as the service account of the release."""
    account = f"/api/v1/namespaces/{installed}/serviceaccounts/{RELEASE}/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = (await cluster.raw("post", account, request))["status"]["token"]
    kubeconfig = yaml.safe_load(Path(control_plane.kubeconfig).read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    (tmp_path / "config.yaml").write_text(CONFIG)
    arguments = {
        "--config": tmp_path / "config.yaml",
        "--kubeconfig": tmp_path / "kubeconfig",
        "--lease-namespace": installed,
        "--health-port": 0,
        "--metrics-port": 0,
    }
    flat = [str(part) for pair in arguments.items() for part in pair]
    operator = Operator([sys.executable, "-m", "modelwright", "run", *flat], tmp_path / "operator.log")
    running = asyncio.create_task(operator.run())
    yield operator.log
    operator.stop()
    assert await running == 0


async def created(cluster: Cluster, kind: Kind, namespace: str, manifest: str) -> None:
    body = read(HERE / "accepted" / f"{manifest}.yaml")[0]
    await cluster.create(kind, merged(body, {"metadata": {"namespace": namespace}}))


async def answered(cluster: Cluster, kind: Kind, namespace: str) -> dict[str, Any]:
    """The status of the first object of `kind` that the operator has looked at."""
    async with asyncio.timeout(PATIENCE):
        async for _, found in cluster.watch(kind, namespace):
            if found["status"]["observedGeneration"] == found["metadata"]["generation"]:
                return dict(found["status"])
    raise AssertionError(f"the watch of {kind.plural} ended before the operator answered")


async def test_the_operator_does_its_work_with_the_rights_of_the_chart(
    cluster: Cluster, installed: str, log: Path
) -> None:
    await created(cluster, MODEL_ROLLOUT, installed, "rollout")
    await created(cluster, RETRAIN_POLICY, installed, "policy")
    assert (await answered(cluster, MODEL_ROLLOUT, installed))["stage"] == "Starting"
    assert (await answered(cluster, RETRAIN_POLICY, installed))["triggers"][0]["name"] == "accuracy"
    ours = {"modelwright.dev/rollout": "churn"}
    for kind, count in ((DEPLOYMENT, 1), (SERVICE, 2), (CONTROLLER_REVISION, 1)):
        assert len(await cluster.list(kind, installed, ours)) == count, kind.plural
    assert await cluster.get(LEASE, installed, "modelwright")
    async with asyncio.timeout(PATIENCE):
        while not await cluster.list(EVENT, installed):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    refused = [line for line in log.read_text().lower().splitlines() if "forbidden" in line]
    # Namespaces of other tests, on their way out, take nothing new from anybody.
    assert [line for line in refused if "is being terminated" not in line] == []
