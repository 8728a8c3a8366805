"""Reading results: only below the root that the platform gave, bounded, and with a digest of our own."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import fsspec
import pytest
from tests.kubeflow.documents import DIGEST, document, spoiled

from modelwright.kubeflow.digest import digest, digest_folder
from modelwright.kubeflow.places import OutsideResultRoot, require_below
from modelwright.kubeflow.questions import Failure, ReadEvaluation, ReadResult, Trouble
from modelwright.kubeflow.results import MAX_EVALUATION, read_result


class Place:
    """A result root with one run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root / "results"
        self.run = self.root / "ml" / "churn-1"
        self.model = self.run / "model"
        self.model.mkdir(parents=True)
        (self.model / "model.bin").write_bytes(b"weights")
        self.leave(f"file://{self.model}")

    def leave(self, model_uri: str) -> None:
        (self.run / "evaluation.json").write_text(json.dumps(spoiled("model.uri", model_uri)))

    def read(self, uri: str = "") -> Any:
        prefix = f"file://{self.run}"
        question = ReadEvaluation("default", uri or f"{prefix}/evaluation.json", prefix)
        return read_result(question, f"file://{self.root}")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def trouble(answer: Any) -> Trouble:
    assert isinstance(answer, Failure), answer
    return answer.trouble


def test_the_model_is_digested_by_us_whatever_the_evaluation_says(place: Place) -> None:
    result = place.read()
    assert isinstance(result, ReadResult)
    assert result.model_digest == digest_folder(place.model) != DIGEST
    assert result.evaluation.run_uid == "uid-1"


def test_a_result_that_is_not_there_is_not_found(place: Place) -> None:
    (place.run / "evaluation.json").unlink()
    assert trouble(place.read()) is Trouble.NOT_FOUND


def test_what_is_not_json_or_too_large_or_without_a_model_is_invalid(place: Place) -> None:
    place.leave(f"file://{place.run}/missing")
    assert trouble(place.read()) is Trouble.INVALID
    for content in ("{", "[" * 100_000, " " * (MAX_EVALUATION + 1)):
        (place.run / "evaluation.json").write_text(content)
        assert trouble(place.read()) is Trouble.INVALID


def test_a_model_of_another_run_or_place_is_refused(place: Place) -> None:
    other = place.root / "ml" / "churn-2"
    other.mkdir()
    (other / "model.bin").write_bytes(b"x")
    for uri in (f"file://{other}", "file:///etc", "s3://bucket/model", f"file://{place.run}/../churn-2"):
        place.leave(uri)
        assert trouble(place.read()) is Trouble.INVALID


def test_symbolic_links_lead_nowhere(place: Place, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (place.model / "link").symlink_to(outside / "secret")
    assert trouble(place.read()) is Trouble.INVALID
    (place.model / "link").unlink()
    (place.model / "folder").symlink_to(outside)
    assert trouble(place.read()) is Trouble.INVALID
    (place.model / "folder").unlink()
    (place.run / "evaluation.json").unlink()
    (place.run / "evaluation.json").symlink_to(outside / "secret")
    assert trouble(place.read()) is Trouble.INVALID


@pytest.mark.parametrize(
    "uri",
    [
        "file:///results-other/x",
        "file:///results/../etc/passwd",
        "file:///results/%2e%2e/etc",
        "file://other/results/x",
        "s3://results/x",
        "simplecache::file:///results/x",
        "file:///results/x?y",
        "/results/x",
        "file:///",
    ],
)
def test_ways_around_the_root_are_refused(uri: str) -> None:
    with pytest.raises(OutsideResultRoot):
        require_below(uri, "file:///results")


def test_the_root_and_what_is_below_it_is_allowed() -> None:
    for uri in ("file:///results", "file:///results/ml/run/model", "file:///results//ml"):
        require_below(uri, "file:///results")


def test_a_storage_whose_library_is_not_installed_says_so() -> None:
    question = ReadEvaluation("default", "abfs://c/ml/run/evaluation.json", "abfs://c/ml/run")
    answer = read_result(question, "abfs://c")
    assert answer == Failure(Trouble.UNAVAILABLE, "this operator has no storage library to read abfs:// with")


def test_an_object_store_is_read_like_a_folder() -> None:
    """fsspec's own store in memory: keys and no folders, as S3 and GCS have them."""
    store = fsspec.filesystem("memory")
    model = "memory://results/ml/churn-9/model"
    entries = {"model.bin": b"weights", "sub/part.json": b"{}"}
    for name, content in entries.items():
        store.pipe(f"{model}/{name}", content)
    expected = digest((name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in entries.items())
    left = document(model={**document()["model"], "uri": model, "digest": expected})
    store.pipe("memory://results/ml/churn-9/evaluation.json", json.dumps(left).encode())
    question = ReadEvaluation("default", "memory://results/ml/churn-9/evaluation.json", "memory://results/ml/churn-9")
    answer = read_result(question, "memory://results")
    assert isinstance(answer, ReadResult), answer
    assert answer.model_digest == expected


def test_results_are_read_over_http(place: Place) -> None:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(place.root)))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    folder = f"{root}/{place.run.relative_to(place.root)}"
    try:
        place.leave(f"{folder}/{place.model.name}")
        answer = read_result(ReadEvaluation("default", f"{folder}/evaluation.json", folder), root)
    finally:
        server.shutdown()
        server.server_close()
    assert isinstance(answer, ReadResult), answer
    assert answer.model_digest == digest_folder(place.model)
