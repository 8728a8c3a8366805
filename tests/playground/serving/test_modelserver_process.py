"""A real model server process with a real model."""

import json
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from modelwright_playground.modelserver.settings import ServerRefused, Settings
from modelwright_playground.world import CATEGORY, NEW_PLAN, Features, World

DIGEST = "import sys; from modelwright_pipelines.digest import digest_folder; print(digest_folder(sys.argv[1]), end='')"

Starter = Callable[..., Any]
Metric = Callable[..., Awaitable[float]]


def request(features: Features, **more: Any) -> dict[str, Any]:
    inputs = [
        {"name": name, "datatype": "BYTES" if name == CATEGORY else "FP64", "shape": [1], "data": [value]}
        for name, value in features.items()
    ]
    return {"inputs": inputs, **more}


@pytest.fixture
def features() -> Features:
    return World(1, new_plan_share=0.0).customer("before").features


async def test_a_row_is_predicted_and_counted(
    http: aiohttp.ClientSession, server: Starter, models: Path, until_ready: Starter, metric: Metric, features: Features
) -> None:
    process = server(models / "good", POD_NAME="churn-1")
    await until_ready(process)
    url = f"{process.url}/v2/models/churn/infer"
    async with http.post(url, json=request(features, id="r1")) as answer:
        assert answer.status == 200
        assert (answer.headers["x-model-version"], answer.headers["x-pod"]) == ("v1", "churn-1")
        body = await answer.json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("r1", "churn", "v1")
    label, probability = (output["data"][0] for output in body["outputs"])
    assert label == int(probability > 0.5)
    assert await metric(process, "model_requests_total", code="200") == 1
    assert await metric(process, "model_predictions_total", **{"class": str(label)}) == 1
    assert await metric(process, "model_predictions_total") == 1
    assert await metric(process, "model_request_duration_seconds_count", model="churn", version="v1") == 1


async def test_errors_are_zero_from_the_start_and_bad_input_is_none(
    http: aiohttp.ClientSession, server: Starter, models: Path, until_ready: Starter, metric: Metric, features: Features
) -> None:
    process = server(models / "good")
    await until_ready(process)
    for name in ("model_request_errors_total", "modelwright_matured_total", "modelwright_matured_wrong_total"):
        assert await metric(process, name, model="churn", version="v1") == 0
    for bad in (b"{", b"[]", json.dumps(request({**features, "age": 3.0})).encode()):
        async with http.post(f"{process.url}/v2/models/churn/infer", data=bad) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]
    async with http.post(f"{process.url}/v2/models/churn/infer", data=b" " * (2 << 20)) as answer:
        assert answer.status == 413
    assert await metric(process, "model_requests_total", code="400") == 3
    assert await metric(process, "model_request_errors_total") == 0


async def test_a_model_that_raises_is_a_500_and_an_error(
    http: aiohttp.ClientSession, server: Starter, models: Path, until_ready: Starter, metric: Metric, features: Features
) -> None:
    process = server(models / "strict")
    await until_ready(process)
    url = f"{process.url}/v2/models/churn/infer"
    async with http.post(url, json=request({**features, CATEGORY: NEW_PLAN})) as answer:
        assert answer.status == 500
        assert answer.headers["x-model-version"] == "v1"
        assert "ValueError" in (await answer.json())["error"]
    async with http.post(url, json=request(features)) as answer:
        assert answer.status == 200
    assert await metric(process, "model_request_errors_total") == 1
    assert await metric(process, "model_requests_total", code="500") == 1


async def test_metadata_is_the_models_signature_and_other_models_are_unknown(
    http: aiohttp.ClientSession, server: Starter, models: Path, until_ready: Starter, features: Features
) -> None:
    process = server(models / "good")
    await until_ready(process)
    async with http.get(f"{process.url}/v2/models/churn") as answer:
        metadata = await answer.json()
    assert metadata["versions"] == ["v1"]
    assert {each["name"]: each["datatype"] for each in metadata["inputs"]}[CATEGORY] == "BYTES"
    for path in ("/v2", "/v2/health/live", "/v2/models/churn/ready"):
        async with http.get(process.url + path) as answer:
            assert answer.status == 200
    async with http.post(f"{process.url}/v2/models/other/infer", json=request(features)) as answer:
        assert answer.status == 404
        assert "churn" in (await answer.json())["error"]


async def test_a_label_in_time_makes_a_prediction_correct_or_wrong_and_none_leaves_it_unlabelled(
    http: aiohttp.ClientSession,
    server: Starter,
    models: Path,
    until_ready: Starter,
    metric: Metric,
    features: Features,
    tmp_path: Path,
    eventually: Starter,
) -> None:
    labels = tmp_path / "rows.jsonl"
    process = server(models / "good", LABELS_URI=labels.as_uri(), LABEL_HORIZON="4s")
    await until_ready(process)

    async def predict(name: str) -> int:
        async with http.post(f"{process.url}/v2/models/churn/infer", json=request(features, id=name)) as answer:
            return int((await answer.json())["outputs"][0]["data"][0])

    # All are the same row, so the first tells what is predicted for the others: their labels are there at once.
    predicted = await predict("none")
    rows = [{"id": "right", "label": predicted}, {"id": "wrong", "label": 1 - predicted}]
    for row in rows:
        await predict(str(row["id"]))
        with labels.open("a") as file:
            file.write(json.dumps(row) + "\n")

    async def all_matured() -> bool:
        return await metric(process, "modelwright_matured_total") == 3

    await eventually(all_matured, "three predictions have matured")
    for name, count in {"labelled": 2, "correct": 1, "wrong": 1}.items():
        assert await metric(process, f"modelwright_matured_{name}_total") == count


async def test_the_right_digest_is_served_and_another_is_refused_naming_both(
    server: Starter, models: Path, until_ready: Starter, ml: Callable[..., str]
) -> None:
    digest = ml(DIGEST, str(models / "good"))
    await until_ready(server(models / "good", MODEL_DIGEST=digest))
    code, errors = await server(models / "strict", MODEL_DIGEST=digest).ended()
    assert code == 1
    assert f"needed {digest}" in errors
    assert ml(DIGEST, str(models / "strict")) in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("case", ["no folder", "no signature", "no model", "broken model"])
async def test_a_model_that_cannot_be_loaded_ends_the_server_with_one_sentence(
    server: Starter, models: Path, tmp_path: Path, case: str
) -> None:
    folder = tmp_path / "model"
    if case != "no folder":
        shutil.copytree(models / "good", folder)
    if case == "no signature":
        (folder / "signature.json").unlink()
    if case == "no model":
        (folder / "model.joblib").unlink()
    if case == "broken model":
        (folder / "model.joblib").write_bytes(b"no pickle")
    code, errors = await server(folder).ended()
    assert code == 1
    assert errors.startswith("modelserver: ")
    assert errors.count("\n") == 1


async def test_a_taken_port_is_named(server: Starter, models: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, errors = await server(models / "good", PORT=port).ended()
    assert code == 1
    assert f"127.0.0.1:{port}" in errors
    assert "a free port is needed" in errors


async def test_labels_that_cannot_be_read_end_the_server_with_one_sentence(server: Starter, models: Path) -> None:
    code, errors = await server(models / "good", LABELS_URI=models.as_uri()).ended()
    assert code == 1
    assert errors.startswith("modelserver: LABELS_URI cannot be read")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    "env",
    [
        {"MODEL_URI": "s3://models/churn"},
        {"LABELS_URI": "labels.jsonl"},
        {"PORT": "http"},
        {"MODEL_DIGEST": "sha256:1"},
        {"LABEL_HORIZON": "2"},
        {"LABEL_HORIZON": "0s"},
        {"DRAIN_SECONDS": "-1"},
    ],
    ids=str,
)
def test_a_malformed_setting_is_named(env: dict[str, str]) -> None:
    with pytest.raises(ServerRefused, match=next(iter(env))):
        Settings.from_environment({"MODEL_URI": "file:///models/churn", **env})
