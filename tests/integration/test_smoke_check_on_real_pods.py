"""The smoke check with real parts: API server, the playground's node, model servers with real models, evaluations.

Pods are asked through the node's proxy, which the operator's configuration names. Gateway and looks at metrics are
fakes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.integration.fake_kubelet import accept_route
from tests.integration.stage import PATIENCE, SPEC, Stage
from tests.kubeflow.documents import document
from tests.playground.running_node import RunningNode

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import (
    MODEL_ROLLOUT,
    NAMESPACE,
    POD,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    SERVICE_ACCOUNT,
    Kind,
)
from modelwright.configuration import parse_configuration
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright.smoke.asking import Asker
from modelwright.smoke.questions import SmokeQuestion
from modelwright_playground.child import dies_with_parent
from modelwright_playground.load.lake import prefill

REPO = Path(__file__).resolve().parents[2]
ML_PYTHON = REPO / "pipelines/.venv/bin/python"
TWO_MODELS = """
import sys
from pathlib import Path
from modelwright_pipelines.lake import snapshot
from modelwright_pipelines.make_model import make
rows = snapshot(sys.argv[1], "")
print(make(rows, Path(sys.argv[2]) / "v1", "champion", 0), make(rows[200:], Path(sys.argv[2]) / "v2", "champion", 0))
"""
GATE = {"checks": [{"name": "floor", "metric": "accuracy", "min": "0.9"}]}
POLICY = {"triggers": [{"name": "weekly", "schedule": {"cron": "0 3 * * 0"}}], "pipeline": {"name": "p"}, "gate": GATE}
POD_SPEC = {
    "terminationGracePeriodSeconds": 1,
    "containers": [
        {
            "name": "model",
            "image": "modelwright.dev/modelserver:1.0",
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": [{"name": "DRAIN_SECONDS", "value": "0"}],
            "readinessProbe": {
                "httpGet": {"path": "/v2/health/ready", "port": "http"},
                "periodSeconds": 1,
                # Pods that are only slow, on a busy machine, stay.
                "timeoutSeconds": 10,
            },
        }
    ],
}


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Two models, trained on rows that are not quite the same: the folder above them, and the digest of each."""
    folder = tmp_path_factory.mktemp("results")
    lake = folder / "lake"
    hour, second = timedelta(hours=1), timedelta(seconds=1)
    prefill(lake, rows=600, seed=1, until=datetime.now(UTC), spread=hour, label_delay=second)
    command = [str(ML_PYTHON), "-c", TWO_MODELS, lake.as_uri(), str(folder)]
    made = subprocess.run(
        command, cwd=REPO / "pipelines", check=True, capture_output=True, text=True, preexec_fn=dies_with_parent()
    )
    return folder, made.stdout.split()


@pytest.fixture
def node(control_plane: Any, tmp_path: Path) -> Iterator[RunningNode]:
    running = RunningNode(control_plane.instance, tmp_path / "node.log")
    yield running
    running.stop()


class RealPods(Stage):
    """A rollout that follows a policy, and whose pods are real. Runs and approvals are written by the test."""

    def __init__(self, cluster: Cluster, namespace: str, results: Path, proxy: str) -> None:
        super().__init__(cluster, namespace)
        self.results = results
        server = {"name": "default", "url": "http://127.0.0.1:9", "resultRoot": results.as_uri()}
        found = parse_configuration({"pipelineServers": [server], "smokeCheck": {"proxy": proxy}})
        self._smoke = Asker(found.servers, found.smoke)

    def look(self, question: Any) -> Any:
        return self._smoke.ask(question) if isinstance(question, SmokeQuestion) else super().look(question)

    async def set_up(self) -> None:
        spec = {name: value for name, value in SPEC.items() if name != "model"} | {
            "modelFrom": {"retrainPolicyRef": {"name": "churn"}},
            "replicas": 1,
            "workload": {"deployment": {"template": {"spec": POD_SPEC}}},
            "promotion": {"bakeTime": "1s", "smokeCheck": "GoldenRows"},
        }
        await self._write(RETRAIN_POLICY, "churn", POLICY)
        await self._write(MODEL_ROLLOUT, "churn", spec)

    async def approve(self, number: int, digest: str, rows_of: str) -> None:
        """A run whose evaluation recorded what the model `rows_of` said."""
        name, version = f"churn-{number}", f"v{number}"
        recorded = json.loads((self.results / rows_of / "golden.json").read_text())
        raw = json.dumps(document(goldenRows=recorded)).encode()
        place = self.results / f"{name}.json"
        place.write_bytes(raw)
        spec = {
            "number": number,
            "policyRef": {"name": "churn", "uid": "1f0c3c52-0f0e-4c0c-9a51-3f9a5b6d7e80", "generation": 1},
            "key": str(number),
            "evidence": [{"trigger": "weekly", "at": "2026-11-22T02:00:00Z", "query": "", "value": "", "bound": ""}],
            "pipeline": {"server": "default", "name": "p"},
        }
        evaluation = {"uri": place.as_uri(), "digest": f"sha256:{hashlib.sha256(raw).hexdigest()}", "samples": 5000}
        await self._write(RETRAIN_RUN, name, spec)
        await self._say(RETRAIN_RUN, name, {"evaluation": evaluation})
        model = {"version": version, "uri": (self.results / version).as_uri(), "digest": digest}
        await self._say(RETRAIN_POLICY, "churn", {"approved": {"number": number, "retrainRun": name, **model}})

    async def play(self, reached: Any) -> None:
        async def act() -> None:
            await accept_route(self.cluster, self.namespace, "churn")
            await reconcile_rollout(self.key, self.room)

        await self.repeat(act, reached)

    async def _write(self, kind: Kind, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        await self.cluster.create(kind, body, strict=True)

    async def _say(self, kind: Kind, name: str, status: dict[str, Any]) -> None:
        await self.cluster.merge_patch(kind, self.namespace, name, {"status": status}, "status")


async def until(reached: Callable[[], Awaitable[bool]]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if await reached():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"not reached: {reached.__name__}")


@pytest.fixture
async def stage(
    cluster: Cluster, namespace: str, node: RunningNode, digests: tuple[Path, list[str]]
) -> AsyncIterator[RealPods]:
    stage = RealPods(cluster, namespace, digests[0], node.instance.pod_proxy_url)

    async def has_account() -> bool:
        return bool(await cluster.get(SERVICE_ACCOUNT, namespace, "default"))

    async def is_empty() -> bool:
        return not await cluster.list(POD, namespace)

    await until(has_account)
    yield stage
    await stage.background.close()
    await cluster.delete(NAMESPACE, None, namespace)
    # While their node runs: afterwards nobody would end them.
    await until(is_empty)


async def test_pods_that_reproduce_their_evaluation_go_live_and_others_never_get_traffic(
    stage: RealPods, digests: tuple[Path, list[str]]
) -> None:
    _, (first, second) = digests
    await stage.set_up()
    await stage.approve(1, first, rows_of="v1")
    await stage.play(lambda: stage.serves("v1"))

    await stage.approve(2, second, rows_of="v1")

    async def refused() -> bool:
        return bool((await stage.body())["status"].get("rejected")) and await stage.serves("v1")

    await stage.play(refused)
    (rejected,) = (await stage.body())["status"]["rejected"]
    assert rejected["version"] == "v2"
    assert "golden row 0: probability 0." in rejected["reason"]
    assert "WeightRaised" not in stage.told.reasons
    assert await stage.weights() == [100, 0]
