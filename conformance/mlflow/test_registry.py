"""What the operator asks of a registry, and writes to it, as a real one answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from conformance.mlflow.server import REMEMBERED, serving
from conformance.receiving import listening
from modelwright.receiving.configuration import Format, Hmac, Receiver
from modelwright.registries.configuration import Registry
from modelwright.registries.mlflow import Asker
from modelwright.registries.questions import (
    AliasQuestion,
    AliasTaken,
    NewestQuestion,
    NoVersion,
    PublishedVersion,
    PublishQuestion,
    RegisteredVersion,
)

INTERVAL = timedelta(seconds=30)
FIRST, SECOND = ("sha256:" + letter * 64 for letter in "ab")
SECRET = "a-secret-of-both"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def asker(url: str) -> Asker:
    return Asker({"central": Registry("central", url)})


def publishing(model: str, digest: str = FIRST, uri: str = "s3://models/42") -> PublishQuestion:
    return PublishQuestion("central", model, "champion", uri, digest, "churn-x7k2p", "", "", True, INTERVAL)


def reason(answer: object) -> str:
    assert isinstance(answer, NoVersion), answer
    return answer.reason


def test_a_model_that_is_not_there_has_no_version(asker: Asker) -> None:
    assert reason(asker.ask(AliasQuestion("central", "nothing", "champion", INTERVAL))) == "NoRegisteredModel"
    assert reason(asker.ask(NewestQuestion("central", "nothing", INTERVAL))) == "NoRegisteredModel"


@pytest.mark.parametrize("model", ["churn", "churn of customers", "chürn", "a.b-c_d"])
def test_an_alias_is_set_once_and_followed(asker: Asker, model: str) -> None:
    alias = AliasQuestion("central", model, "champion", INTERVAL)
    assert asker.ask(publishing(model)) == PublishedVersion("1", "")
    assert asker.ask(publishing(model)) == PublishedVersion("1", "1")
    assert asker.ask(alias) == RegisteredVersion("1", "s3://models/42", FIRST)
    assert reason(asker.ask(replace(alias, alias="another"))) == "NoRegisteredModel"
    assert asker.ask(publishing(model, SECOND, "gs://models/43")) == PublishedVersion("2", "1")
    assert asker.ask(NewestQuestion("central", model, INTERVAL)) == RegisteredVersion("2", "", SECOND)
    assert asker.ask(alias) == RegisteredVersion("2", "gs://models/43", SECOND)


def test_what_somebody_else_set_is_left_alone_and_a_way_back_is_one_write(asker: Asker) -> None:
    asker.ask(publishing("fraud"))
    asker.ask(publishing("fraud", SECOND))
    back = replace(publishing("fraud"), version="1", expected="2", overwrite=False)
    assert asker.ask(back) == PublishedVersion("1", "2")
    late = replace(publishing("fraud", SECOND), version="2", expected="3", overwrite=False)
    assert asker.ask(late) == AliasTaken("1")


@pytest.mark.parametrize("uri", ["file:///models/42", "https://models.example.com/42", "models:/m-1", "runs:/r/model"])
def test_a_source_that_it_does_not_take_is_refused_with_the_scheme(asker: Asker, uri: str) -> None:
    found = asker.ask(publishing(f"from-{uri.partition(':')[0]}", uri=uri))
    assert reason(found) == "RegistryRefused"
    assert isinstance(found, NoVersion)
    assert f"MLflow takes no source of scheme {uri.partition(':')[0]}" in found.message


def test_its_webhooks_are_believed_and_say_which_model(url: str, asker: Asker, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET)
    with listening(Receiver("mlflow", Hmac(str(tmp_path / "key")), Format.MLFLOW)) as listener:
        events = [
            {"entity": "REGISTERED_MODEL", "action": "CREATED"},
            {"entity": "MODEL_VERSION", "action": "CREATED"},
            {"entity": "MODEL_VERSION_ALIAS", "action": "CREATED"},
        ]
        webhook = {
            "name": "modelwright",
            "url": f"http://127.0.0.1:{listener.port}/events/mlflow/ml",
            "events": events,
            "secret": SECRET,
            "status": "ACTIVE",
        }
        requests.post(f"{url}/api/2.0/mlflow/webhooks", json=webhook, timeout=60).raise_for_status()
        time.sleep(2 * REMEMBERED)
        asker.ask(publishing("told"))
        received = [listener.next() for _ in events]
    assert all(one.believed for one in received)
    found = [occurrence for one in received for occurrence in one.occurrences]
    assert {occurrence.source for occurrence in found} == {"told"}
    assert len({occurrence.id for occurrence in found}) == len(found)
    assert {occurrence.type for occurrence in found} == {
        "org.mlflow.registered_model.created",
        "org.mlflow.model_version.created",
        "org.mlflow.model_version_alias.created",
    }
