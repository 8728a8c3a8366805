"""From drift over a scored champion to a retrained model: two operators, all else in memory."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.retraining.builders import CHAMPION, DECLARED, OLD_DIGEST, evaluation
from tests.retraining.fakes import FakeKubeflow
from tests.retraining.simulation import World, policy_body

from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.evaluation import EvaluatedModel, MetricResult
from modelwright.kubeflow.questions import ReadEvaluation, ReadResult


class WithPurpose(FakeKubeflow):
    def pipeline_version(self, name: str, version: str, namespace: str) -> tuple[str, Any]:
        parameters = {each.name: {"parameterType": each.type, "isOptional": each.optional} for each in DECLARED}
        parameters["purpose"] = {"parameterType": "STRING", "isOptional": True}
        spec = {"root": {"inputDefinitions": {"parameters": parameters}}}
        return "p", SimpleNamespace(pipeline_version_id="v", display_name="1", pipeline_spec=spec)


class Drifting(World):
    """`accuracy` is what the champion's evaluation finds; the floor is 0.90."""

    accuracy = 0.95

    def __post_init__(self) -> None:
        self.kubeflow = WithPurpose(self.kubeflow.now)
        super().__post_init__()
        body = policy_body()
        body["spec"]["triggers"][0]["action"] = "Evaluate"
        self.api.put(body)

    def answer(self, question: Any, asker: Asker) -> Any:
        if not (isinstance(question, ReadEvaluation) and question.of_champion):
            return super().answer(question, asker)
        name = question.model_prefix.rpartition("/")[2]
        uid = next(body["metadata"]["uid"] for body in self.runs() if body["metadata"]["name"] == name)
        found = evaluation(
            uid,
            model=EvaluatedModel(CHAMPION.uri, OLD_DIGEST),
            metrics={"accuracy": MetricResult(self.accuracy, 5000, higher_is_better=True)},
        )
        return ReadResult(found, "sha256:file", "")

    def until_all_ended(self, rounds: int) -> None:
        for _ in range(rounds):
            self.round()
            for id_, found in list(self.kubeflow.runs.items()):
                if found.state == "RUNNING":
                    self.kubeflow.end(id_, "SUCCEEDED")


def outcomes(world: World) -> list[tuple[str, str]]:
    return [
        (body["spec"].get("purpose", "Retrain"), body["status"]["conditions"][0]["reason"]) for body in world.runs()
    ]


def test_a_champion_that_holds_is_kept_and_scored_again_after_the_cooldown() -> None:
    world = Drifting()
    world.until_all_ended(30)
    assert outcomes(world) == [("Evaluate", "ChampionHolds")]
    world.kubeflow.pass_time(timedelta(hours=1))
    world.until_all_ended(12)
    assert outcomes(world) == [("Evaluate", "ChampionHolds")] * 2
    assert len(world.kubeflow.runs) == 2


def test_a_champion_that_fails_is_retrained_once() -> None:
    world = Drifting()
    world.accuracy = 0.8
    world.until_all_ended(40)
    assert outcomes(world) == [("Evaluate", "ChampionFails"), ("Retrain", "Approved")]
    assert len(world.kubeflow.runs) == 2
    (evidence,) = world.runs()[1]["spec"]["evidence"]
    assert evidence["occasion"] == f"evaluation/{world.runs()[0]['metadata']['name']}"


def test_a_killed_operator_loses_nothing_and_repeats_nothing() -> None:
    world = Drifting()
    world.accuracy = 0.8
    for turn in range(40):
        world.operators[turn % 2].step(world.keys()[-1])
        world.restart(turn % 2)
        world.until_all_ended(1)
    assert outcomes(world) == [("Evaluate", "ChampionFails"), ("Retrain", "Approved")]
    assert len([run for run in world.kubeflow.runs.values() if run.state == "SUCCEEDED"]) == 2
