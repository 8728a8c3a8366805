"""A real load against a real model server: what both count agrees, and it leaves cleanly."""

import json
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from modelwright_playground.load.__main__ import main

Starter = Callable[..., Any]
Metric = Callable[..., Awaitable[float]]
Stats = Callable[..., Awaitable[Any]]


@pytest.fixture
def stats(http: aiohttp.ClientSession) -> Stats:
    async def read(load: Any) -> Any:
        if load.popen.poll() is not None:
            pytest.fail(f"the load ended: {load.popen.communicate()[1]}")
        async with http.get(f"{load.url}/stats") as answer:
            return await answer.json()

    return read


@pytest.fixture
def set_to(http: aiohttp.ClientSession) -> Callable[..., Awaitable[int]]:
    async def post(load: Any, **setting: object) -> int:
        async with http.post(f"{load.url}/{next(iter(setting))}", json=setting) as answer:
            return answer.status

    return post


async def test_the_counts_of_the_load_the_lake_and_the_server_agree(
    server: Starter,
    load: Starter,
    models: Path,
    until_ready: Starter,
    eventually: Starter,
    stats: Stats,
    set_to: Starter,
    metric: Metric,
    tmp_path: Path,
) -> None:
    rows = tmp_path / "labelled" / "rows.jsonl"
    serving = server(models / "strict", LABELS_URI=rows.as_uri(), LABEL_HORIZON="5s")
    await until_ready(serving)
    share = ("--new-plan-share", "0.3")
    sending = load(serving.url, tmp_path, "--rate", "100", "--seed", "7", "--label-delay", "200ms", *share)

    async def enough() -> bool:
        return bool((await stats(sending))["total"]["ok"] >= 150)

    async def at_rest() -> bool:
        total = (await stats(sending))["total"]
        judged = sum(seen["correct"] + seen["wrong"] for seen in total["versions"].values())
        written = len(rows.read_text().splitlines())
        return bool(total["inFlight"] == 0 and judged == total["ok"] and written == total["sent"])

    async def matured() -> bool:
        return bool(await metric(serving, "modelwright_matured_total") == (await stats(sending))["total"]["ok"])

    await eventually(enough, "150 rows were predicted")
    assert await set_to(sending, rate=0) == 200
    await eventually(at_rest, "all answers and labels are known, also labels of failed requests")
    await eventually(matured, "all predictions have matured")

    found = await stats(sending)
    total, seen = found["total"], found["total"]["versions"]["v1"]
    assert total["sent"] == total["ok"] + total["failed"]
    assert total["failedBy"] == {"500": total["failed"]}
    assert total["failed"] > 0
    assert sum(second["versions"]["v1"]["ok"] for second in found["series"]) == total["ok"]
    assert await metric(serving, "model_requests_total", code="200") == total["ok"]
    assert await metric(serving, "model_request_errors_total") == total["failed"]
    assert await metric(serving, "modelwright_matured_labelled_total") == total["ok"]
    assert await metric(serving, "modelwright_matured_correct_total") == seen["correct"]
    assert await metric(serving, "modelwright_matured_wrong_total") == seen["wrong"]
    assert seen["accuracy"] > 0.8


async def test_the_concept_changes_on_demand_and_accuracy_falls(
    server: Starter,
    load: Starter,
    models: Path,
    until_ready: Starter,
    eventually: Starter,
    stats: Stats,
    set_to: Starter,
    tmp_path: Path,
) -> None:
    serving = server(models / "good")
    await until_ready(serving)
    sending = load(serving.url, tmp_path, "--rate", "0", "--seed", "7", "--label-delay", "50ms")

    async def answers() -> bool:
        return bool((await stats(sending))["concept"] == "before")

    async def enough() -> bool:
        seen = (await stats(sending))["total"]["versions"].get("v1", {"correct": 0, "wrong": 0})
        return bool(seen["correct"] + seen["wrong"] >= 300)

    await eventually(answers, "the control address answers")
    assert await set_to(sending, concept="after") == 200
    assert await set_to(sending, rate=200) == 200
    await eventually(enough, "300 rows were judged")
    assert 0.6 < (await stats(sending))["total"]["versions"]["v1"]["accuracy"] < 0.86


async def test_without_a_server_requests_fail_and_labels_come_all_the_same(
    load: Starter, eventually: Starter, stats: Stats, free_port: int, tmp_path: Path
) -> None:
    labels = tmp_path / "labels.jsonl"
    gone = f"http://127.0.0.1:{free_port}"
    sending = load(gone, tmp_path / "lake", "--rate", "50", "--label-delay", "0s", "--labels", str(labels))

    async def labelled() -> bool:
        return labels.exists() and len(labels.read_text().splitlines()) >= 20

    await eventually(labelled, "20 labels were written")
    total = (await stats(sending))["total"]
    assert total["ok"] == 0
    assert set(total["failedBy"]) == {"connection"}
    assert set(total["versions"]) == {"unknown"}
    sending.popen.send_signal(signal.SIGTERM)
    assert await sending.ended() == (0, "")
    row = json.loads(labels.read_text().splitlines()[0])
    assert set(row) == {"id", "time", "labelTime", "features", "label"}


async def test_bad_settings_are_refused_and_change_nothing(
    load: Starter, eventually: Starter, stats: Stats, set_to: Starter, tmp_path: Path
) -> None:
    sending = load("http://127.0.0.1:1", tmp_path, "--rate", "0")

    async def answers() -> bool:
        return bool((await stats(sending))["rate"] == 0)

    await eventually(answers, "the control address answers")
    for bad in ({"rate": -1}, {"rate": "fast"}, {"rate": True}, {"rate": 1e9}, {"concept": "later"}):
        assert await set_to(sending, **bad) == 400
    found = await stats(sending)
    assert (found["rate"], found["concept"], found["total"]["sent"]) == (0, "before", 0)


async def test_a_full_disk_ends_the_load_with_one_sentence(load: Starter, tmp_path: Path) -> None:
    sending = load("http://127.0.0.1:1", tmp_path, "--rate", "50", "--label-delay", "0s", "--labels", "/dev/full")
    code, errors = await sending.ended()
    assert code == 1
    assert "No space left on device" in errors
    assert errors.count("\n") == 1


def test_a_taken_control_port_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        gateway = ["--gateway", "http://127.0.0.1:1", "--model", "churn", "--lake", str(tmp_path)]
        assert main([*gateway, "--control", address]) == 1
    assert f"cannot listen on {address}" in capsys.readouterr().err


def test_prefill_is_a_command(tmp_path: Path) -> None:
    assert main(["prefill", "--lake", str(tmp_path), "--rows", "25", "--spread", "10m"]) == 0
    assert len((tmp_path / "labelled" / "history.jsonl").read_text().splitlines()) == 25
