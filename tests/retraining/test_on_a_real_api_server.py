"""The same passes against a real API server: it accepts what we write, and its garbage collector meets our finalizer.

Kubeflow is a fake, and so are time and Prometheus.
"""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any, Protocol

import pytest
from click.testing import CliRunner
from tests.retraining.builders import NEW_DIGEST, NOW, SERVERS, counts, evaluation
from tests.retraining.fakes import FakeBackground, FakeEvents, FakeKubeflow
from tests.retraining.simulation import CONFIGURATION, policy_body, rollout_body

from modelwright.audit.chain import verify
from modelwright.audit.trail import Trail
from modelwright.cli.kubectl import main
from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.errors import Conflict
from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.evaluation import EvaluatedModel
from modelwright.kubeflow.questions import ReadEvaluation, ReadResult
from modelwright.metrics.questions import CountsQuestion
from modelwright.retraining.reconcile import reconcile_policy, reconcile_run


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


class Loop:
    """An operator for one namespace of the real API server."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.kubeflow = FakeKubeflow(NOW)
        self.background = FakeBackground()
        self.events = FakeEvents()
        self.trail: list[str] = []
        self.policy = Key(RETRAIN_POLICY.name, namespace, "churn")
        self._asker = Asker(SERVERS, connect=lambda server: self.kubeflow)  # type: ignore[arg-type,return-value]
        self._room = Room(
            cluster=cluster,
            background=self.background,  # type: ignore[arg-type]
            events=self.events,
            may_raise=lambda: True,
            configuration=CONFIGURATION,
            now=lambda: self.kubeflow.now,
            leading_since=NOW,
            audit=Trail(self.trail.append, "operator-0", lambda: self.kubeflow.now),
        )

    async def set_up(self, **spec: Any) -> None:
        policy, rollout = policy_body(self.namespace), rollout_body(self.namespace)
        for body in (policy, rollout):
            del body["metadata"]["uid"]
        policy["spec"] |= spec
        await self.cluster.create(RETRAIN_POLICY, policy)
        created = await self.cluster.create(MODEL_ROLLOUT, rollout)
        await self.cluster.replace(MODEL_ROLLOUT, {**created, "status": rollout["status"]}, subresource="status")

    async def runs(self) -> list[dict[str, Any]]:
        return list(await self.cluster.list(RETRAIN_RUN, self.namespace))

    async def round(self) -> None:
        """Everything is looked at and answered once, and ten seconds pass."""
        for _ in range(2):
            runs = [Key(RETRAIN_RUN.name, self.namespace, body["metadata"]["name"]) for body in await self.runs()]
            for key, reconcile in [(self.policy, reconcile_policy), *((key, reconcile_run) for key in runs)]:
                try:
                    await reconcile(key, self._room)
                except Conflict:
                    continue
                for question in self.background.wanted.get(key, ()):
                    at = self.kubeflow.now
                    value = await self._answer(question)
                    self.background.given[key, question] = Answer(at, at, value)
        self.kubeflow.pass_time(timedelta(seconds=10))

    async def _answer(self, question: Any) -> Any:
        if isinstance(question, CountsQuestion):
            return counts(800, 1000, self.kubeflow.now)
        if isinstance(question, ReadEvaluation):
            (run,) = await self.runs()
            model = EvaluatedModel(f"{question.model_prefix}/model", NEW_DIGEST)
            return ReadResult(evaluation(run["metadata"]["uid"], model=model), f"sha256:{'e' * 64}", NEW_DIGEST)
        return self._asker.ask(question)


@pytest.fixture
def loop(cluster: Cluster, namespace: str) -> Loop:
    return Loop(cluster, namespace)


async def test_a_degraded_model_is_retrained_judged_and_approved(loop: Loop) -> None:
    await loop.set_up()
    for _ in range(8):
        await loop.round()
    (id,) = loop.kubeflow.runs
    (run,) = await loop.runs()
    assert run["status"]["pipelineRun"]["id"] == id
    assert run["metadata"]["finalizers"] == ["modelwright.dev/pipeline-run"]
    assert run["metadata"]["ownerReferences"][0]["name"] == "churn"

    loop.kubeflow.end(id, "SUCCEEDED")
    for _ in range(4):
        await loop.round()
    (run,) = await loop.runs()
    assert run["status"]["phase"] == "Approved"
    assert "finalizers" not in run["metadata"]
    policy = await loop.cluster.get(RETRAIN_POLICY, loop.namespace, "churn")
    assert policy is not None
    assert policy["status"]["approved"]["retrainRun"] == run["metadata"]["name"]
    assert {"Triggered", "ModelApproved", "PipelineRunStarted", "Approved"} <= set(loop.events.told)

    await loop.round()
    assert await loop.cluster.get(RETRAIN_POLICY, loop.namespace, "churn") == policy
    assert await loop.runs() == [run]


async def test_a_person_lets_a_model_through_by_the_command_line(loop: Loop, control_plane: WithKubeconfig) -> None:
    floor = {"name": "floor", "metric": "accuracy", "min": "0.90"}
    await loop.set_up(gate={"checks": [floor], "approval": {"required": "Always"}})
    for _ in range(8):
        await loop.round()
    loop.kubeflow.end(next(iter(loop.kubeflow.runs)), "SUCCEEDED")
    for _ in range(4):
        await loop.round()
    (run,) = await loop.runs()
    assert run["status"]["phase"] == "Waiting"
    assert run["status"]["conditions"][0]["reason"] == "ApprovalRequired"

    where = ["--kubeconfig", control_plane.kubeconfig, "--namespace", loop.namespace]
    typed = asyncio.create_task(
        asyncio.to_thread(CliRunner().invoke, main, ["approve", run["metadata"]["name"], "--yes", *where])
    )
    async with asyncio.timeout(240):
        while not typed.done():
            await loop.round()
            await asyncio.sleep(0.05)
    told = await typed
    assert told.exit_code == 0, told.output
    assert "Pass   floor: accuracy 0.931 on 5000 rows, needed ≥ 0.90" in told.stdout
    assert told.stdout.endswith(f"approve of {run['metadata']['name']} by admin is done\n")
    (run,) = await loop.runs()
    approval = run["status"]["approval"]
    assert (approval["outcome"], approval["by"], approval["digest"]) == ("Approved", "admin", NEW_DIGEST)
    policy = await loop.cluster.get(RETRAIN_POLICY, loop.namespace, "churn")
    assert policy is not None
    assert policy["status"]["approved"]["retrainRun"] == run["metadata"]["name"]

    # The rollout takes the model up; where it came from is one command away.
    rollout = await loop.cluster.get(MODEL_ROLLOUT, loop.namespace, "churn")
    assert rollout is not None
    serving = {"revision": "77d0aa91c2", "weight": 100, "retrainRun": run["metadata"]["name"], **run["status"]["model"]}
    await loop.cluster.replace(
        MODEL_ROLLOUT, {**rollout, "status": {**rollout["status"], "stable": serving}}, subresource="status"
    )
    traced = await asyncio.to_thread(CliRunner().invoke, main, ["lineage", "churn", "-o", "json", *where])
    assert traced.exit_code == 0, traced.output
    found = json.loads(traced.stdout)
    assert found["approval"]["by"] == "admin"
    assert found["data"]["evaluationRows"] == "sha256:evaluate"
    assert found["model"]["digest"] == NEW_DIGEST

    assert not verify(loop.trail).broken
    decisions = [json.loads(line) for line in loop.trail]
    assert [each["decision"] for each in decisions] == [
        "Triggered",
        "PipelineRunStarted",
        "ApprovalRequired",
        "Approved",
        "ModelApproved",
    ]
    assert decisions[3]["facts"]["approval"]["by"] == "admin"
    assert decisions[0]["facts"]["champion"]["digest"] == "sha256:" + "0" * 64


async def test_a_person_cancels_a_run_by_the_command_line(loop: Loop, control_plane: WithKubeconfig) -> None:
    await loop.set_up()
    for _ in range(8):
        await loop.round()
    (id,), (run,) = loop.kubeflow.runs, await loop.runs()
    name = run["metadata"]["name"]
    where = ["--kubeconfig", control_plane.kubeconfig, "--namespace", loop.namespace, "--timeout", "4m"]
    typed = asyncio.create_task(asyncio.to_thread(CliRunner().invoke, main, ["cancel", name, *where]))
    async with asyncio.timeout(240):
        while not typed.done():
            await loop.round()
            await asyncio.sleep(0.05)
    told = await typed
    assert told.output == f"cancel of {name} by admin: run {name} is cancelled\n"
    assert loop.kubeflow.runs[id].state in ("CANCELING", "CANCELED")
    ended = await loop.cluster.get(RETRAIN_RUN, loop.namespace, name)
    assert ended is not None
    assert (ended["status"]["phase"], ended["status"]["conditions"][0]["reason"]) == ("Failed", "Cancelled")
    assert ended["status"]["cancelled"]["by"] == "admin"


async def test_deleting_the_policy_stops_the_pipeline_before_the_run_goes(loop: Loop) -> None:
    await loop.set_up()
    for _ in range(8):
        await loop.round()
    (id,) = loop.kubeflow.runs
    await loop.cluster.delete(RETRAIN_POLICY, loop.namespace, "churn")
    async with asyncio.timeout(240):
        while await loop.runs():
            await loop.round()
    assert loop.kubeflow.runs[id].state == "CANCELED"


async def test_a_policy_that_cannot_work_as_written_is_stalled_and_mended_by_an_edit(loop: Loop) -> None:
    pipeline = {"name": "churn-training", "parameters": [{"name": "epochs", "value": "many"}]}
    await loop.set_up(pipeline=pipeline)
    for _ in range(8):
        await loop.round()
    policy = await loop.cluster.get(RETRAIN_POLICY, loop.namespace, "churn")
    assert policy is not None
    conditions = {each["type"]: each["reason"] for each in policy["status"]["conditions"]}
    assert conditions["Stalled"] == "InvalidParameters"
    assert await loop.runs() == []
    mended = {"spec": {"pipeline": {"parameters": [{"name": "epochs", "value": "20"}]}}}
    await loop.cluster.merge_patch(RETRAIN_POLICY, loop.namespace, "churn", mended)
    for _ in range(8):
        await loop.round()
    assert len(await loop.runs()) == 1
