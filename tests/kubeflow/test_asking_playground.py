"""The same questions to the playground's Kubeflow API, which runs pipelines for real."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.playground.kubeflow import package
from tests.playground.kubeflow.server import Server

from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.questions import (
    DeclaredParameter,
    DescribePipeline,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    PipelineDescription,
    RunOptions,
    StopRun,
    Trouble,
)

INTENT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def kubeflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("kubeflow"))
    bodies = {"quick 100%+": "pass", "endless": "import time\ntime.sleep(3600)", "cached": "pass"}
    for name, body in bodies.items():
        spec = package.pipeline(body, name == "cached", epochs={"parameterType": "NUMBER_INTEGER"})
        file = server.instance.dir / "pipeline.json"
        file.write_text(json.dumps(spec))
        server.uploads.upload_pipeline(str(file), name=name)
    yield server
    server.close()


@pytest.fixture
def asker(kubeflow: Server) -> Asker:
    return Asker({"default": PipelineServer("default", kubeflow.url, "file:///results")})


def ensure(name: str, pipeline: str = "quick 100%+", **changes: Any) -> EnsureRun:
    required, offered = (("epochs", "20"),), (("run_name", name),)
    question = EnsureRun("default", name, pipeline, "", "churn", required, offered, may_create=True, intent=INTENT)
    return replace(question, **changes)


def until_ended(asker: Asker, run: KubeflowRun, name: str) -> KubeflowRun:
    end = time.monotonic() + 240
    while time.monotonic() < end:
        answer = asker.ask(FollowRun("default", run.id, name, eager=True))
        assert isinstance(answer, KubeflowRun)
        if answer.ended:
            return answer
        time.sleep(0.2)
    raise AssertionError("the run did not end")


def test_a_pipeline_is_described_by_its_newest_version(asker: Asker) -> None:
    answer = asker.ask(DescribePipeline("default", "quick 100%+", ""))
    assert isinstance(answer, PipelineDescription)
    assert answer.parameters == (DeclaredParameter("epochs", "NUMBER_INTEGER"),)
    assert answer.version_id


def test_a_pipeline_or_version_that_is_not_there_is_not_found(asker: Asker) -> None:
    for question in (DescribePipeline("default", "none", ""), DescribePipeline("default", "endless", "none")):
        answer = asker.ask(question)
        assert isinstance(answer, Failure)
        assert answer.trouble is Trouble.NOT_FOUND


def test_asking_twice_makes_one_run_which_succeeds(asker: Asker, kubeflow: Server) -> None:
    first, second = asker.ask(ensure("one")), asker.ask(ensure("one"))
    assert isinstance(first, KubeflowRun)
    assert isinstance(second, KubeflowRun)
    assert first.id == second.id
    assert kubeflow.runs.run_service_get_run(first.id).runtime_config.parameters == {"epochs": 20}
    ended = until_ended(asker, first, "one")
    assert ended.state == "SUCCEEDED"
    assert ended.finished_at is not None


def test_two_operators_that_both_created_keep_the_same_run(asker: Asker, kubeflow: Server) -> None:
    kept = asker.ask(ensure("two", "endless"))
    assert isinstance(kept, KubeflowRun)
    original = kubeflow.runs.run_service_get_run(kept.id)
    late = kubeflow.runs.run_service_create_run(
        {
            "display_name": "two",
            "experiment_id": original.experiment_id,
            "pipeline_version_reference": original.pipeline_version_reference,
            "runtime_config": {"parameters": {"epochs": 20}},
        }
    )
    other = Asker({"default": PipelineServer("default", kubeflow.url, "file:///results")})
    found = [one.ask(ensure("two", "endless", intent=INTENT + timedelta(minutes=1))) for one in (asker, other)]
    assert all(isinstance(run, KubeflowRun) for run in found)
    assert len({run.id for run in found if isinstance(run, KubeflowRun)}) == 1
    (kept,) = {run for run in found[:1] if isinstance(run, KubeflowRun)}
    (ended,) = {kept.id, late.run_id, original.run_id} - {kept.id}
    assert kubeflow.runs.run_service_get_run(ended).state in ("CANCELING", "CANCELED")
    asker.ask(StopRun("default", kept.id, "two"))
    assert until_ended(asker, kept, "two").state == "CANCELED"


def test_a_run_that_was_deleted_is_gone_and_not_made_again(asker: Asker, kubeflow: Server) -> None:
    run = asker.ask(ensure("three"))
    assert isinstance(run, KubeflowRun)
    until_ended(asker, run, "three")
    kubeflow.runs.run_service_delete_run(run.id)
    assert asker.ask(FollowRun("default", run.id, "three", eager=False)) == NoRun()
    assert asker.ask(StopRun("default", run.id, "three")) == NoRun()


def test_the_server_answers_from_its_cache_unless_the_run_brings_the_spec_without_it(
    asker: Asker, kubeflow: Server
) -> None:
    def states(name: str, *, caching_off: bool) -> list[str]:
        run = asker.ask(ensure(name, "cached", options=RunOptions(caching_off=caching_off)))
        assert isinstance(run, KubeflowRun)
        until_ended(asker, run, name)
        return [task.state for task in kubeflow.runs.run_service_get_run(run.id).run_details.task_details]

    states("warm the cache", caching_off=False)
    assert "SKIPPED" in states("from the cache", caching_off=False)
    assert "SKIPPED" not in states("executed", caching_off=True)
