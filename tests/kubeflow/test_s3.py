"""What lies on S3 is read through fsspec by obstore, a real library, from a fake server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import fsspec
import pytest
from tests.kubeflow.documents import document
from tests.kubeflow.fake_s3 import FakeS3, serving

from modelwright.errors import InvalidSpec, Unavailable
from modelwright.kubeflow.digest import digest
from modelwright.kubeflow.markers import newest_marker
from modelwright.kubeflow.questions import Failure, MarkerFound, NewestMarker, ReadEvaluation, ReadResult, Trouble
from modelwright.kubeflow.results import read_result
from modelwright.kubeflow.storage import NotThere, read_file


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    for server in serving():
        for name, value in {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        # It remembers where a bucket was.
        fsspec.filesystem("s3").clear_instance_cache()
        yield server


def newest() -> MarkerFound:
    return newest_marker(NewestMarker("default", "s3://lake/rows", "_SUCCESS"), ("s3://lake",))


def test_the_newest_marker_is_that_of_the_latest_time_whenever_it_is_asked_for(s3: FakeS3) -> None:
    with pytest.raises(NotThere):
        newest()
    s3.put("lake/rows/day=2/_SUCCESS", at=10)
    s3.put("lake/rows/day=9/part-0.parquet", b"rows", at=90)
    s3.put("lake/rows/day=9/deeper/still/_SUCCESS", at=95)
    s3.put("lake/rows-of-others/_SUCCESS", at=99)
    first = newest()
    assert first.path == "day=2/_SUCCESS"
    assert newest() == first
    s3.put("lake/rows/day=1/_SUCCESS", at=20)
    assert newest().path == "day=1/_SUCCESS"
    s3.put("lake/rows/day=2/_SUCCESS", at=30)
    again = newest()
    assert again.path == first.path
    assert again.token != first.token


def test_a_result_and_the_digest_of_its_model(s3: FakeS3) -> None:
    question = ReadEvaluation("default", "s3://results/ml/churn-1/evaluation.json", "s3://results/ml/churn-1")
    missing = read_result(question, "s3://results")
    assert isinstance(missing, Failure)
    assert missing.trouble is Trouble.NOT_FOUND
    files = {"model.bin": b"weights" * 1000, "sub/part.json": b"{}", "empty": b""}
    for name, content in files.items():
        s3.put(f"results/ml/churn-1/model/{name}", content)
    expected = digest((name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in files.items())
    model = {**document()["model"], "uri": "s3://results/ml/churn-1/model", "digest": expected}
    s3.put("results/ml/churn-1/evaluation.json", json.dumps(document(model=model)).encode())
    found = read_result(question, "s3://results")
    assert isinstance(found, ReadResult), found
    assert found.model_digest == expected


def test_a_file_that_is_too_large_is_not_read_to_its_end(s3: FakeS3) -> None:
    s3.put("results/large", b" " * 1001)
    with pytest.raises(InvalidSpec, match="at most 1000 bytes"):
        read_file("s3://results/large", "s3://results", 1000, "file")


def test_a_store_that_refuses_is_unavailable_and_its_words_are_not_repeated(s3: FakeS3) -> None:
    s3.status = 403
    for ask in (newest, lambda: read_file("s3://lake/x", "s3://lake", 10, "file")):
        with pytest.raises(Unavailable) as found:
            ask()
        assert "hunter2" not in str(found.value)
