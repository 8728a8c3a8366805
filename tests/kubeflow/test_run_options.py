"""What a run is given besides parameters, and as whom we ask: on a scripted server that notes every request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kubeflow.server import Scripted, scripted
from tests.playground.kubeflow import package as packages

from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.configuration import Tenancy
from modelwright.kubeflow.packages import package_digest
from modelwright.kubeflow.questions import (
    Asked,
    DescribePipeline,
    EnsureRun,
    Failure,
    KubeflowRun,
    PackageToRun,
    PipelineDescription,
    RetryRun,
    RunOptions,
    Trouble,
)
from modelwright.metrics.credentials import Bearer, Credentials

RUNS, PIPELINES = "/apis/v2beta1/runs", "/apis/v2beta1/pipelines"
VERSIONS, EXPERIMENTS = f"{PIPELINES}/p/versions", "/apis/v2beta1/experiments"
INTENT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SPEC = packages.pipeline(packages.NOTHING, caching=True)
ENSURE = EnsureRun("default", "churn-1-uid", "churn-training", "", "", (), (), True, INTENT, "ml")
TEXT = yaml.safe_dump(SPEC)


def version_with(spec: Any) -> tuple[int, Any]:
    return 200, {"pipeline_versions": [{"pipeline_version_id": "v", "pipeline_spec": spec}]}


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted() as script:
        script.replies = {
            ("GET", RUNS): (200, {"runs": []}),
            ("GET", PIPELINES): (200, {"pipelines": [{"pipeline_id": "p", "display_name": "churn-training"}]}),
            ("GET", VERSIONS): version_with(SPEC),
            ("GET", EXPERIMENTS): (200, {"experiments": [{"experiment_id": "e", "display_name": "Default"}]}),
            ("POST", RUNS): (200, {"run_id": "r", "display_name": "churn-1-uid", "state": "PENDING"}),
        }
        yield script


def created(script: Scripted, question: EnsureRun, **server: Any) -> dict[str, Any]:
    """The body of the create call that `question` led to."""
    answer = Asker({"default": replace(script.server(), **server)}).ask(question)
    assert isinstance(answer, KubeflowRun), answer
    (body,) = script.bodies
    assert isinstance(body, dict)
    return body


def test_a_run_of_a_version_names_the_version_and_nothing_more(script: Scripted) -> None:
    body = created(script, ENSURE)
    assert body["pipeline_version_reference"] == {"pipeline_id": "p", "pipeline_version_id": "v"}
    assert not {"pipeline_spec", "service_account"} & body.keys()


def test_service_account_and_pipeline_root_are_passed_on(script: Scripted) -> None:
    body = created(script, replace(ENSURE, options=RunOptions("trainer", "s3://models/artefacts")))
    assert (body["service_account"], body["runtime_config"]["pipeline_root"]) == ("trainer", "s3://models/artefacts")


def test_without_the_cache_the_spec_is_sent_along_with_caching_off_in_every_task(script: Scripted) -> None:
    body = created(script, replace(ENSURE, options=RunOptions(caching_off=True)))
    assert "pipeline_version_reference" not in body
    assert body["pipeline_spec"]["root"]["dag"]["tasks"]["step"]["cachingOptions"] == {}


def test_a_version_that_has_its_cache_off_runs_as_that_version(script: Scripted) -> None:
    spec = packages.pipeline(packages.NOTHING)
    script.replies["GET", VERSIONS] = (
        200,
        {"pipeline_versions": [{"pipeline_version_id": "v", "pipeline_spec": spec}]},
    )
    assert "pipeline_spec" not in created(script, replace(ENSURE, options=RunOptions(caching_off=True)))


def test_a_pipeline_whose_cache_cannot_be_switched_off_is_told_and_not_run(script: Scripted) -> None:
    spec = {"root": {"inputDefinitions": {}, "executorLabel": "exec-step"}}
    script.replies["GET", VERSIONS] = (
        200,
        {"pipeline_versions": [{"pipeline_version_id": "v", "pipeline_spec": spec}]},
    )
    asker = Asker({"default": script.server()})
    described = asker.ask(DescribePipeline("default", "churn-training", ""))
    assert isinstance(described, PipelineDescription)
    assert not described.caching_controllable
    answer = asker.ask(replace(ENSURE, options=RunOptions(caching_off=True)))
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.INVALID
    assert script.bodies == []


def test_the_token_is_read_again_for_every_request(script: Scripted, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    server = replace(script.server(), credentials=Credentials(Bearer(str(token))))
    asker = Asker({"default": server})
    asker.ask(DescribePipeline("default", "churn-training", ""))
    token.write_text("second\n")
    asker.ask(DescribePipeline("default", "churn-training", ""))
    assert set(script.authorizations[:2]) == {"Bearer first"}
    assert set(script.authorizations[2:]) == {"Bearer second"}


def test_a_token_that_cannot_be_read_is_told_without_its_place_and_nothing_is_sent(
    script: Scripted, tmp_path: Path
) -> None:
    server = replace(script.server(), credentials=Credentials(Bearer(str(tmp_path / "none"))))
    answer = Asker({"default": server}).ask(ENSURE)
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.UNAVAILABLE
    assert str(tmp_path) not in answer.message
    assert script.asked == []


def test_a_server_without_tenants_is_never_told_a_namespace(script: Scripted) -> None:
    created(script, ENSURE)
    assert not any("namespace" in query for query in script.queries)


def test_in_multi_user_mode_runs_and_experiments_are_those_of_the_namespace(script: Scripted) -> None:
    created(script, ENSURE, tenancy=Tenancy.PER_NAMESPACE)
    asked = dict(zip([path for _, path in script.asked], script.queries, strict=True))
    assert asked[EXPERIMENTS]["namespace"] == ["ml"]
    assert asked[RUNS] == {} or asked[RUNS]["namespace"] == ["ml"]


def test_a_package_is_sent_as_it_is(script: Scripted) -> None:
    question = replace(ENSURE, pipeline="", package=PackageToRun(package_digest(TEXT), TEXT))
    assert created(script, question)["pipeline_spec"] == SPEC


def test_a_package_that_changed_since_the_run_was_created_is_not_run(script: Scripted) -> None:
    changed = replace(ENSURE, pipeline="", package=PackageToRun("sha256:" + "0" * 64, TEXT))
    answer = Asker({"default": script.server()}).ask(changed)
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.INVALID
    assert script.bodies == []


def test_a_package_is_taken_only_from_below_a_root_of_the_platform(script: Scripted, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    for folder in (tmp_path / "ours", tmp_path):
        (folder / "churn.yaml").write_text(TEXT)
    asker = Asker({"default": replace(script.server(), package_roots=(f"file://{tmp_path}/ours",))})
    allowed, refused = (
        asker.ask(DescribePipeline("default", "", "", "ml", f"file://{folder}/churn.yaml"))
        for folder in (tmp_path / "ours", tmp_path)
    )
    assert isinstance(allowed, PipelineDescription)
    assert allowed.digest == package_digest(TEXT)
    assert isinstance(refused, Failure)
    assert refused.trouble is Trouble.INVALID


def test_a_retry_of_what_runs_again_already_needs_nothing(script: Scripted) -> None:
    asker = Asker({"default": script.server()})
    for status in (200, 400):
        script.replies["POST", f"{RUNS}/r:retry"] = (status, {})
        assert asker.ask(RetryRun("default", "r", 1)) == Asked()
