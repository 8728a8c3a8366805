"""What is written to a store by one process is read by the operator in another, when it is there and as it is there."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import fsspec
import pytest
from tests.kubeflow.documents import document

from conformance.object_stores import servers
from conformance.object_stores.servers import BUCKET
from modelwright.errors import Unavailable
from modelwright.kubeflow.digest import digest
from modelwright.kubeflow.markers import newest_marker
from modelwright.kubeflow.questions import Failure, MarkerFound, NewestMarker, ReadEvaluation, ReadResult, Trouble
from modelwright.kubeflow.results import MAX_EVALUATION, read_result
from modelwright.kubeflow.storage import NotThere, read_package

# The operator only reads. A pipeline writes with a library of its own.
WRITERS = {
    "s3": "import obstore; from obstore.store import from_url; store = from_url(root); "
    "obstore.put(store, name, content) if put else obstore.delete(store, name)",
    "gs": "import fsspec; store, path = fsspec.core.url_to_fs(f'{root}/{name}'); "
    "store.pipe(path, content) if put else store.rm(path)",
}
READ = "import sys; verb, root, name = sys.argv[1:]; put, content = verb == 'put', sys.stdin.buffer.read(); "


@dataclass(frozen=True)
class Store:
    """`root` is the URI of a bucket."""

    root: str

    def put(self, name: str, content: bytes = b"") -> None:
        """From another process, as a pipeline would."""
        self._write("put", name, content)

    def remove(self, name: str) -> None:
        self._write("remove", name, b"")

    def _write(self, verb: str, name: str, content: bytes) -> None:
        # S3 tells times in whole seconds; among markers of the same one the names decide.
        time.sleep(1)
        program = READ + WRITERS[self.root.partition(":")[0]]
        subprocess.run([sys.executable, "-c", program, verb, self.root, name], input=content, check=True)

    def newest(self) -> MarkerFound:
        return newest_marker(NewestMarker("default", f"{self.root}/lake", "_SUCCESS"), (self.root,))

    def result(self, run: str) -> ReadResult | Failure:
        folder = f"{self.root}/ml/{run}"
        return read_result(ReadEvaluation("default", f"{folder}/evaluation.json", folder), self.root)


@pytest.fixture(scope="module", params=["s3", "gs"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    serve: Callable[..., Any] = {"s3": servers.s3, "gs": servers.gs}[request.param]
    with serve(tmp_path_factory.mktemp(request.param)) as settings, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        if request.param == "gs":
            fsspec.filesystem("gs").mkdir(BUCKET)
        yield Store(f"{request.param}://{BUCKET}")
    fsspec.filesystem(request.param).clear_instance_cache()


def test_each_new_marker_is_the_newest(store: Store) -> None:
    with pytest.raises(NotThere):
        store.newest()
    store.put("lake/day=1/_SUCCESS")
    first = store.newest()
    assert first.path == "day=1/_SUCCESS"
    assert store.newest() == first
    store.put("lake/day=2/part-0.parquet", b"rows")
    assert store.newest() == first
    store.put("lake/day=2/_SUCCESS")
    assert store.newest().path == "day=2/_SUCCESS"
    store.put("lake/day=1/_SUCCESS", b"again")
    again = store.newest()
    assert (again.path, again.token == first.token) == (first.path, False)
    store.remove("lake/day=1/_SUCCESS")
    assert store.newest().path == "day=2/_SUCCESS"


def test_a_result_is_read_once_it_is_there_and_its_model_digested(store: Store) -> None:
    missing = store.result("churn-1")
    assert isinstance(missing, Failure)
    assert missing.trouble is Trouble.NOT_FOUND
    files = {"model.bin": b"weights" * 100_000, "sub/part.json": b"{}", "empty": b""}
    for name, content in files.items():
        store.put(f"ml/churn-1/model/{name}", content)
    expected = digest((name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in files.items())
    model = {**document()["model"], "uri": f"{store.root}/ml/churn-1/model", "digest": expected}
    store.put("ml/churn-1/evaluation.json", json.dumps(document(model=model)).encode())
    found = store.result("churn-1")
    assert isinstance(found, ReadResult), found
    assert found.model_digest == expected
    store.put("ml/churn-1/model/model.bin", b"other weights")
    changed = store.result("churn-1")
    assert isinstance(changed, ReadResult), changed
    assert changed.model_digest != expected


def test_a_result_without_its_model_or_too_large_is_invalid(store: Store) -> None:
    model = {**document()["model"], "uri": f"{store.root}/ml/churn-2/model"}
    for content in (json.dumps(document(model=model)).encode(), b" " * (MAX_EVALUATION + 1)):
        store.put("ml/churn-2/evaluation.json", content)
        found = store.result("churn-2")
        assert isinstance(found, Failure)
        assert found.trouble is Trouble.INVALID


def test_a_package_is_read_as_text(store: Store) -> None:
    store.put("packages/churn.yaml", "name: chürn\n".encode())
    assert read_package(f"{store.root}/packages/churn.yaml", (f"{store.root}/packages",), 1000) == "name: chürn\n"


def test_a_bucket_that_is_not_there_holds_nothing(store: Store) -> None:
    with pytest.raises((NotThere, Unavailable)):
        newest_marker(NewestMarker("default", f"{store.root}-other/lake", "_SUCCESS"), (f"{store.root}-other",))


def test_a_key_that_is_wrong_is_unavailable_and_is_not_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    if not store.root.startswith("s3:"):
        pytest.skip("the fake of Google's store knows no keys")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-is-wrong")
    fsspec.filesystem("s3").clear_instance_cache()
    try:
        with pytest.raises(Unavailable) as found:
            store.newest()
    finally:
        fsspec.filesystem("s3").clear_instance_cache()
    assert "wrong" not in str(found.value)


def test_a_store_that_is_down_is_unavailable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "AWS_ENDPOINT_URL" if store.root.startswith("s3:") else "STORAGE_EMULATOR_HOST"
    there = os.environ[name]
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    system = fsspec.filesystem(store.root.partition(":")[0])
    system.clear_instance_cache()
    try:
        with pytest.raises(Unavailable):
            store.newest()
        monkeypatch.setenv(name, there)
    finally:
        system.clear_instance_cache()
    store.put("lake/day=9/_SUCCESS")
    assert store.newest().path == "day=9/_SUCCESS"
