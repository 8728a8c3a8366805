"""Two operators, one API server, one Kubeflow, and a scheduler that interleaves and kills them as it is told."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.retraining.builders import NEW_DIGEST, NOW, SERVERS, counts, evaluation, rollout
from tests.retraining.fakes import FakeApiServer, FakeBackground, FakeCluster, FakeEvents, FakeKubeflow

from modelwright.api.serialising import rollout_status
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.errors import Conflict
from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.evaluation import EvaluatedModel
from modelwright.kubeflow.questions import ReadEvaluation, ReadResult
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.questions import CountsQuestion
from modelwright.retraining.reconcile import reconcile_policy, reconcile_run

POLICY = Key(RETRAIN_POLICY.name, "ml", "churn")
CONFIGURATION = Configuration(
    sources={"default": MetricSource("default", "http://127.0.0.1:9")},
    servers={"default": PipelineServer("default", "http://127.0.0.1:9", "file:///results")},
)


class Operator:
    """A process: its memory is lost when it is killed."""

    def __init__(self, world: World, ahead: timedelta = timedelta(0)) -> None:
        self._world = world
        self.ahead = ahead  # of everybody else's clock
        self.background = FakeBackground()
        self._asker = Asker(SERVERS, connect=lambda server: world.kubeflow)  # type: ignore[arg-type,return-value]
        self._pass: Coroutine[Any, Any, Any] | None = None
        self._room = Room(
            cluster=FakeCluster(world.api),  # type: ignore[arg-type]
            background=self.background,  # type: ignore[arg-type]
            events=FakeEvents(),
            may_raise=lambda: True,
            configuration=CONFIGURATION,
            now=lambda: self.now,
            leading_since=self.now,
        )

    @property
    def now(self) -> datetime:
        return self._world.kubeflow.now + self.ahead

    @property
    def is_within_a_pass(self) -> bool:
        return self._pass is not None

    def kill(self) -> None:
        if self._pass:
            self._pass.close()

    def step(self, key: Key) -> bool:
        """Go on with the pass under way, up to its next turn, or begin one over `key`. False when a pass ended."""
        if self._pass is None:
            reconcile = reconcile_policy if key.kind == RETRAIN_POLICY.name else reconcile_run
            self._pass = reconcile(key, self._room)
        try:
            self._pass.send(None)
        except (StopIteration, Conflict):
            self._pass = None
            return False
        return True

    def whole_pass(self, key: Key) -> None:
        while self.step(key):
            pass

    def answer(self, key: Key) -> None:
        """Have every question of `key` answered now."""
        for question in self.background.wanted.get(key, ()):
            at = self.now
            self.background.given[key, question] = Answer(at, at, self._world.answer(question, self._asker))


@dataclass
class World:
    api: FakeApiServer = field(default_factory=FakeApiServer)
    kubeflow: FakeKubeflow = field(default_factory=lambda: FakeKubeflow(NOW))
    operators: list[Operator] = field(default_factory=list)
    degraded: bool = True

    policy: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.api.put(self.policy or policy_body())
        self.api.put(rollout_body())
        self.operators = [Operator(self), Operator(self)]

    @property
    def now(self) -> datetime:
        return self.kubeflow.now

    def restart(self, index: int) -> None:
        self.operators[index].kill()
        self.operators[index] = Operator(self, self.operators[index].ahead)

    def keys(self) -> list[Key]:
        runs = [Key(RETRAIN_RUN.name, "ml", body["metadata"]["name"]) for body in self.runs()]
        return [POLICY, *runs]

    def runs(self) -> list[dict[str, Any]]:
        return sorted(self.api.of_kind(RETRAIN_RUN), key=lambda body: int(body["spec"]["number"]))

    def answer(self, question: Any, asker: Asker) -> Any:
        if isinstance(question, CountsQuestion):
            return counts(800 if self.degraded else 950, 1000, self.now)
        if isinstance(question, ReadEvaluation):
            name = question.model_prefix.rpartition("/")[2]
            uid = next(body["metadata"]["uid"] for body in self.runs() if body["metadata"]["name"] == name)
            model = EvaluatedModel(f"{question.model_prefix}/model", NEW_DIGEST)
            return ReadResult(evaluation(uid, model=model), "sha256:file", NEW_DIGEST)
        return asker.ask(question)

    def round(self) -> None:
        """Everybody does everything once, and ten seconds pass."""
        for operator in self.operators:
            for key in self.keys():
                operator.whole_pass(key)
                operator.answer(key)
                operator.whole_pass(key)
        self.kubeflow.pass_time(timedelta(seconds=10))

    def alive(self, run: dict[str, Any]) -> list[str]:
        """Ids of the pipeline runs of `run` that were not terminated."""
        name = f"{run['metadata']['name']}-{run['metadata']['uid']}"
        return [
            id
            for id, found in self.kubeflow.runs.items()
            if self.kubeflow.names[id] == name and found.state != "CANCELED"
        ]


def policy_body(namespace: str = "ml") -> dict[str, Any]:
    return {
        "apiVersion": RETRAIN_POLICY.api_version,
        "kind": RETRAIN_POLICY.name,
        "metadata": {"name": "churn", "namespace": namespace, "uid": "policy-uid"},
        "spec": {
            "triggers": [
                {
                    "name": "accuracy",
                    "metric": {
                        "proportion": {"events": "c{$(champion)}", "total": "l{$(champion)}", "window": "5m"},
                        "min": "0.90",
                        "for": "10s",
                    },
                }
            ],
            "limits": {"cooldown": "1h"},
            "pipeline": {"name": "churn-training", "parameters": [{"name": "epochs", "value": "20"}]},
            "gate": {"checks": [{"name": "floor", "metric": "accuracy", "min": "0.90"}]},
        },
        "status": {"observedGeneration": -1},
    }


def rollout_body(namespace: str = "ml") -> dict[str, Any]:
    container = {"name": "m", "ports": [{"name": "http", "containerPort": 8080}]}
    model = {"version": "churn-old", "uri": "file:///results/ml/churn-old/model", "digest": "sha256:" + "0" * 64}
    return {
        "apiVersion": MODEL_ROLLOUT.api_version,
        "kind": MODEL_ROLLOUT.name,
        "metadata": {"name": "churn", "namespace": namespace, "uid": "rollout-uid"},
        "spec": {
            "modelFrom": {"retrainPolicyRef": {"name": "churn"}},
            "baseline": model,
            "workload": {"deployment": {"template": {"spec": {"containers": [container]}}}},
            "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "public"}]}}},
            "strategy": {"canary": {"steps": [{"weight": 50, "hold": "10s"}]}},
        },
        "status": rollout_status(rollout().status),
    }
