"""The REST API as kfp-server-api, the official generated client, sees it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import kfp_server_api
import pytest
from tests.playground.kubeflow.package import NOTHING, TEXT, pipeline
from tests.playground.kubeflow.server import Server


@pytest.fixture
def package(tmp_path: Path) -> Path:
    file = tmp_path / "one-step.yaml"
    file.write_text(json.dumps(pipeline(NOTHING)))
    return file


def refused(call: Any, *args: Any, **kwargs: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of a refused call."""
    with pytest.raises(kfp_server_api.ApiException) as caught:
        call(*args, **kwargs)
    return caught.value.status, json.loads(caught.value.body)


def test_an_uploaded_pipeline_is_found_by_its_name_and_has_one_version(kubeflow: Server, package: Path) -> None:
    uploaded = kubeflow.uploads.upload_pipeline(str(package), name="found-by-name", description="a description")
    found = kubeflow.pipelines.pipeline_service_get_pipeline_by_name("found-by-name")
    versions = kubeflow.pipelines.pipeline_service_list_pipeline_versions(found.pipeline_id)
    assert (found.pipeline_id, found.description) == (uploaded.pipeline_id, "a description")
    assert [version.pipeline_spec["pipelineInfo"]["name"] for version in versions.pipeline_versions] == ["one-step"]


def test_a_package_may_be_a_zip_archive(kubeflow: Server, package: Path, tmp_path: Path) -> None:
    archive = tmp_path / "package.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.write(package, "pipeline.yaml")
    assert kubeflow.uploads.upload_pipeline(str(archive), name="zipped").name == "zipped"


def test_a_name_that_is_taken_is_a_conflict(kubeflow: Server, package: Path) -> None:
    kubeflow.uploads.upload_pipeline(str(package), name="taken")
    status, body = refused(kubeflow.uploads.upload_pipeline, str(package), name="taken")
    assert status == 409
    assert "The name taken already exists" in body["error_message"]


def test_a_file_that_is_no_pipeline_is_refused(kubeflow: Server, tmp_path: Path) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("kind: Deployment\n")
    status, body = refused(kubeflow.uploads.upload_pipeline, str(file), name="no-pipeline")
    assert status == 400
    assert "no pipeline spec is provided" in body["error_message"]


def test_a_run_without_a_version_takes_the_newest(kubeflow: Server, package: Path) -> None:
    uploaded = kubeflow.uploads.upload_pipeline(str(package), name="newest")
    newest = kubeflow.uploads.upload_pipeline_version(str(package), name="v2", pipelineid=uploaded.pipeline_id)
    run = {"display_name": "r", "pipeline_version_reference": {"pipeline_id": uploaded.pipeline_id}}
    created = kubeflow.runs.run_service_create_run(run)
    assert created.pipeline_version_reference.pipeline_version_id == newest.pipeline_version_id
    assert created.pipeline_spec is None
    assert created.state in ("PENDING", "RUNNING")
    kubeflow.runs.run_service_delete_run(created.run_id)


def test_a_pipeline_with_versions_is_only_deleted_together_with_them(kubeflow: Server, package: Path) -> None:
    uploaded = kubeflow.uploads.upload_pipeline(str(package), name="to-be-deleted")
    status, body = refused(kubeflow.pipelines.pipeline_service_delete_pipeline, uploaded.pipeline_id)
    assert (status, body["code"]) == (400, 3)
    kubeflow.pipelines.pipeline_service_delete_pipeline(uploaded.pipeline_id, cascade=True)
    status, _ = refused(kubeflow.pipelines.pipeline_service_get_pipeline, uploaded.pipeline_id)
    assert status == 404


def test_a_run_that_is_not_there_is_a_404_with_the_real_servers_body(kubeflow: Server) -> None:
    status, body = refused(kubeflow.runs.run_service_get_run, "11111111-2222-3333-4444-555555555555")
    assert status == 404
    assert (body["code"], body["error"]) == (5, body["message"])
    assert "Run 11111111-2222-3333-4444-555555555555 not found" in body["message"]
    assert body["details"][0]["@type"] == "type.googleapis.com/google.rpc.Status"


@pytest.mark.parametrize(
    ("parameters", "needed"),
    [
        ({}, "parameter text is not optional"),
        ({"text": 7}, "input parameter text requires type string"),
        ({"text": "a", "count": "7"}, "input parameter count requires type double or integer"),
        ({"text": "a", "count": True}, "input parameter count requires type double or integer"),
        ({"text": "a", "yes": "true"}, "input parameter yes requires type bool"),
        ({"text": "a", "other": "b"}, "not required by pipeline: other"),
    ],
)
def test_parameters_that_do_not_fit_the_pipeline_are_refused(
    kubeflow: Server, parameters: dict[str, Any], needed: str
) -> None:
    spec = pipeline(
        NOTHING,
        text=TEXT,
        count={"parameterType": "NUMBER_INTEGER", "isOptional": True},
        yes={"parameterType": "BOOLEAN", "isOptional": True},
    )
    run = {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": parameters}}
    status, body = refused(kubeflow.runs.run_service_create_run, run)
    assert status == 400
    assert needed in body["message"]


@pytest.mark.parametrize(
    ("run", "needed"),
    [
        ({"pipeline_spec": pipeline(NOTHING)}, "run name is empty"),
        ({"display_name": "r"}, "no pipeline spec is provided"),
        ({"display_name": "r", "pipeline_spec": {**pipeline(NOTHING), "schemaVersion": "2.0"}}, "schema version 2.0"),
        ({"display_name": "r", "pipeline_spec": ["no", "object"]}, "no pipeline spec is provided"),
        ({"display_name": ["r"]}, "found list in display_name"),
    ],
)
def test_a_run_that_cannot_be_understood_is_refused(kubeflow: Server, run: dict[str, Any], needed: str) -> None:
    status, body = refused(kubeflow.runs.run_service_create_run, run)
    assert status == 400
    assert needed in body["message"]


def test_a_run_in_an_experiment_that_is_not_there_is_refused_and_not_started(kubeflow: Server) -> None:
    run = {"display_name": "nowhere", "pipeline_spec": pipeline(NOTHING), "experiment_id": "no-such"}
    assert refused(kubeflow.runs.run_service_create_run, run)[0] == 404
    only = json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "nowhere"}]})
    assert kubeflow.runs.run_service_list_runs(filter=only).runs is None


def test_a_path_that_is_not_there_is_a_404_in_json(kubeflow: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(kubeflow.url + "/apis/v2beta1/nothing")
    assert caught.value.code == 404
    assert json.load(caught.value)["code"] == 5


def test_an_archived_experiment_archives_its_runs(kubeflow: Server) -> None:
    experiment = kubeflow.experiments.experiment_service_create_experiment({"display_name": "to-be-archived"})
    run = {"display_name": "r", "pipeline_spec": pipeline(NOTHING), "experiment_id": experiment.experiment_id}
    created = kubeflow.runs.run_service_create_run(run)
    kubeflow.experiments.experiment_service_archive_experiment(experiment.experiment_id)
    assert kubeflow.runs.run_service_get_run(created.run_id).storage_state == "ARCHIVED"
    kubeflow.runs.run_service_unarchive_run(created.run_id)
    assert kubeflow.runs.run_service_get_run(created.run_id).storage_state == "AVAILABLE"
    kubeflow.runs.run_service_delete_run(created.run_id)
