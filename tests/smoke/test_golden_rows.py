"""Pods are asked for golden rows, and compared. The server is a fake that speaks the playground's own protocol."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from tests.kubeflow.documents import document

from modelwright.kubeflow.configuration import PipelineServer
from modelwright.smoke.asking import Asker
from modelwright.smoke.questions import Differs, NotChecked, Reproduced, Smoke, SmokeQuestion
from modelwright_playground.modelserver.model import Prediction
from modelwright_playground.modelserver.protocol import parse, response

INPUTS = {"tenure": "FP64", "plan": "BYTES"}
SECRET = "what-the-body-says"


def golden(tenure: float, plan: str, chance: float) -> dict[str, Any]:
    prediction = {"class": int(chance >= 0.5), "probability": chance}
    return {"inputs": {"tenure": tenure, "plan": plan}, "prediction": prediction}


ROWS = [golden(3, "basic", 0.91), golden(40, "family", 0.08)]


class FakePod:
    """A fake: predicts `chances` for whatever rows it is asked for, as the protocol has it, or answers `instead`."""

    def __init__(self) -> None:
        self.chances = [row["prediction"]["probability"] for row in ROWS]
        self.instead: tuple[int, bytes] | None = None
        self.asked: list[tuple[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append((self.path, body))
                status, answer = outer.instead or (200, outer._predict(body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _predict(self, body: object) -> bytes:
        asked = parse(body, INPUTS)
        said = [Prediction(int(chance >= 0.5), chance) for chance, _ in zip(self.chances, asked.rows, strict=True)]
        return json.dumps(response("churn", "v2", asked, said)).encode()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def pod() -> Iterator[FakePod]:
    fake = FakePod()
    yield fake
    fake.close()


def ask(pod: FakePod, folder: Path, rows: Any = ROWS, **changes: Any) -> Smoke:
    raw = json.dumps(document(goldenRows=rows)).encode()
    (folder / "evaluation.json").write_bytes(raw)
    question = {
        "model": "churn",
        "revision": "6b8f9c01d2",
        "server": "default",
        "uri": f"file://{folder}/evaluation.json",
        "digest": f"sha256:{hashlib.sha256(raw).hexdigest()}",
        "addresses": (pod.address,),
        **changes,
    }
    asker = Asker({"default": PipelineServer("default", "http://kubeflow", f"file://{folder}")})
    return asker.ask(SmokeQuestion(**question))


def test_a_pod_that_says_the_same_passes(pod: FakePod, tmp_path: Path) -> None:
    assert ask(pod, tmp_path) == Reproduced(2)
    ((path, body),) = pod.asked
    assert path == "/v2/models/churn/infer"
    assert {tensor["name"]: tensor["datatype"] for tensor in body["inputs"]} == INPUTS


def test_single_precision_is_precise_enough(pod: FakePod, tmp_path: Path) -> None:
    pod.chances = [0.91 + 3e-8, 0.08 - 3e-8]
    assert ask(pod, tmp_path) == Reproduced(2)


@pytest.mark.parametrize(
    ("chances", "says"),
    [
        ([0.91, 0.09], "golden row 1: probability 0.090000 instead of 0.080000"),
        ([0.3, 0.08], "golden row 0: probability 0.300000 instead of 0.910000"),
        ([float("nan"), 0.08], "golden row 0: probability"),
    ],
)
def test_a_pod_that_says_something_else_differs(pod: FakePod, tmp_path: Path, chances: list[float], says: str) -> None:
    pod.chances = chances
    found = ask(pod, tmp_path)
    assert isinstance(found, Differs)
    assert says in found.message


def test_every_pod_has_to_say_the_same(pod: FakePod, tmp_path: Path) -> None:
    other = FakePod()
    other.chances = [0.5, 0.5]
    try:
        assert isinstance(ask(pod, tmp_path, addresses=(pod.address, other.address)), Differs)
    finally:
        other.close()


def test_a_server_that_puts_out_only_the_class_is_compared_by_it(pod: FakePod, tmp_path: Path) -> None:
    said = {"outputs": [{"name": "predict", "datatype": "INT64", "shape": [2], "data": [1, 0]}]}
    pod.instead = (200, json.dumps(said).encode())
    assert ask(pod, tmp_path) == Reproduced(2)
    said["outputs"][0]["data"] = [1, 1]
    pod.instead = (200, json.dumps(said).encode())
    assert isinstance(ask(pod, tmp_path), Differs)


@pytest.mark.parametrize(
    "answer",
    [
        (500, SECRET.encode()),
        (404, SECRET.encode()),
        (302, SECRET.encode()),
        (200, SECRET.encode()),
        (200, b'{"outputs": [{"name": "other", "data": [1, 2]}]}'),
        (200, b'{"outputs": [{"name": "label", "data": [1]}]}'),
    ],
)
def test_no_answer_is_neither_good_nor_bad_and_nothing_of_it_is_repeated(
    pod: FakePod, tmp_path: Path, answer: tuple[int, bytes]
) -> None:
    pod.instead = answer
    found = ask(pod, tmp_path)
    assert isinstance(found, NotChecked)
    assert SECRET not in found.message


def test_nobody_at_the_address_is_no_answer(pod: FakePod, tmp_path: Path) -> None:
    assert isinstance(ask(pod, tmp_path, addresses=("127.0.0.1:9",)), NotChecked)


def test_an_evaluation_without_golden_rows_cannot_be_reproduced(pod: FakePod, tmp_path: Path) -> None:
    assert isinstance(ask(pod, tmp_path, rows=[]), Differs)


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "sha256:" + "0" * 64},
        {"uri": "file:///etc/passwd"},
        {"server": "other"},
        {"rows": [{"inputs": {}, "prediction": {"class": 1, "probability": 1.0}}]},
        {"rows": [ROWS[0], {**ROWS[1], "inputs": {"tenure": 4}}]},
        {"rows": [{"inputs": {"tenure": [1]}, "prediction": {"class": 1, "probability": 1.0}}]},
    ],
)
def test_only_the_evaluation_that_was_judged_is_read(pod: FakePod, tmp_path: Path, changes: dict[str, Any]) -> None:
    assert isinstance(ask(pod, tmp_path, **changes), NotChecked)
    assert pod.asked == []


def test_a_regression_is_reproduced_within_its_tolerance(pod: FakePod, tmp_path: Path) -> None:
    rows = [
        {"inputs": {"tenure": tenure}, "prediction": {"outputs": {"price": price}, "tolerance": {"absolute": 0.5}}}
        for tenure, price in ((3, 101.5), (40, 12.0))
    ]
    said = {"outputs": [{"name": "price", "datatype": "FP64", "shape": [2, 1], "data": [101.9, 12.4]}]}
    pod.instead = (200, json.dumps(said).encode())
    assert ask(pod, tmp_path, rows=rows) == Reproduced(2)
    said["outputs"][0]["data"] = [101.9, 12.6]
    pod.instead = (200, json.dumps(said).encode())
    found = ask(pod, tmp_path, rows=rows)
    assert isinstance(found, Differs)
    assert "golden row 1: price 12.6 instead of 12" in found.message
