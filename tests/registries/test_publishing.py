"""Setting an alias: one version per model however often it is asked, and nobody else's word is overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.registries.fake_mlflow import ALIAS, API, FakeMlflow

from modelwright.registries.configuration import Registry
from modelwright.registries.mlflow import Asker
from modelwright.registries.questions import AliasTaken, NoVersion, PublishedVersion, PublishQuestion

DIGEST, OTHER = ("sha256:" + letter * 64 for letter in "ab")
QUESTION = PublishQuestion(
    "central", "churn", "champion", "s3://models/churn/42", DIGEST, "churn-x7k2p", "", "", True, timedelta(seconds=30)
)


@pytest.fixture
def mlflow() -> Iterator[FakeMlflow]:
    server = FakeMlflow()
    yield server
    server.close()


def ask(mlflow: FakeMlflow, question: PublishQuestion = QUESTION) -> PublishedVersion | AliasTaken | NoVersion:
    return Asker({"central": Registry("central", mlflow.url)}).ask(question)


def test_a_model_is_registered_with_its_digest_and_named_by_the_alias(mlflow: FakeMlflow) -> None:
    assert ask(mlflow) == PublishedVersion("1", "")
    assert mlflow.aliases == {("churn", "champion"): "1"}
    created = dict(mlflow.written)["model-versions/create"]
    assert created["source"] == "s3://models/churn/42"
    assert {tag["key"]: tag["value"] for tag in created["tags"]} == {
        "modelwright.dev/digest": DIGEST,
        "modelwright.dev/retrain-run": "churn-x7k2p",
    }


def test_asked_again_it_writes_nothing(mlflow: FakeMlflow) -> None:
    ask(mlflow)
    mlflow.written.clear()
    known = replace(QUESTION, version="1", expected="1", overwrite=False)
    assert ask(mlflow, known) == PublishedVersion("1", "1")
    assert mlflow.written == []


def test_an_answer_that_is_lost_makes_no_second_version(mlflow: FakeMlflow) -> None:
    mlflow.loses_answer_of = f"{API}model-versions/create"
    assert isinstance(ask(mlflow), NoVersion)
    assert ask(mlflow) == PublishedVersion("1", "")
    assert len(mlflow.versions["churn"]) == 1


def test_a_version_is_found_on_a_later_page(mlflow: FakeMlflow) -> None:
    ask(mlflow)
    for number in range(2, 7):
        mlflow.versions["churn"][str(number)] = {"files": "s3://x", "tags": []}
    mlflow.aliases.clear()
    assert ask(mlflow) == PublishedVersion("1", "")


def test_what_somebody_else_set_stays_until_the_next_model(mlflow: FakeMlflow) -> None:
    ask(mlflow)
    mlflow.versions["churn"]["2"] = {"files": "s3://x"}
    mlflow.aliases["churn", "champion"] = "2"
    same = replace(QUESTION, version="1", expected="1", overwrite=False)
    assert ask(mlflow, same) == AliasTaken("2")
    following = replace(QUESTION, digest=OTHER, expected="1")
    assert ask(mlflow, following) == PublishedVersion("3", "2")


def test_who_writes_in_the_same_moment_is_seen_by_reading_again(mlflow: FakeMlflow) -> None:
    mlflow.versions["churn"] = {"9": {"files": "s3://x"}}
    mlflow.answers[ALIAS] = (200, b'{"model_version": {"version": "9"}}')
    # The fake answers each reading of the alias with another's version, also after ours was written.
    mlflow.answers.pop(f"{API}model-versions/create", None)
    assert ask(mlflow) == AliasTaken("9")


def test_a_registry_that_is_down_is_unavailable() -> None:
    found = Asker({"central": Registry("central", "http://127.0.0.1:9")}).ask(QUESTION)
    assert isinstance(found, NoVersion)
    assert found.reason == "RegistryUnavailable"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        (
            "file:///results/churn/42",
            "model registry 'central' refuses to register file:///results/churn/42 as a version of 'churn'"
            " (INVALID_PARAMETER_VALUE): MLflow takes no source of scheme file",
        ),
        (
            "s3://models/churn/42",
            "model registry 'central' refuses to register s3://models/churn/42 as a version of 'churn'"
            " (INVALID_PARAMETER_VALUE)",
        ),
    ],
)
def test_a_source_that_the_registry_will_not_have_is_told(mlflow: FakeMlflow, uri: str, said: str) -> None:
    """As MLflow 3.17 answers; conformance.mlflow asks a real one."""
    refusal = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "hunter2-says-the-body"}'
    mlflow.answers[f"{API}model-versions/create"] = (400, refusal)
    assert ask(mlflow, replace(QUESTION, uri=uri)) == NoVersion("RegistryRefused", said)


def test_a_refusal_without_a_code_is_no_answer(mlflow: FakeMlflow) -> None:
    mlflow.answers[f"{API}model-versions/create"] = (400, b"<html>")
    found = ask(mlflow)
    assert found == NoVersion("RegistryUnavailable", "model registry 'central': answers HTTP 400")
