"""What an alias in MLflow names, and what counts as no answer. The server is a fake (fake_mlflow.py)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.registries.fake_mlflow import ALIAS, DOWNLOAD, FakeMlflow

from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import Bearer, Credentials
from modelwright.registries.configuration import Registry, parse_registries, registry_for
from modelwright.registries.mlflow import LARGEST_ANSWER, Asker
from modelwright.registries.questions import AliasQuestion, NewestQuestion, NoVersion, RegisteredVersion

DIGEST = "sha256:" + "9" * 64
QUESTION = AliasQuestion("central", "fraud", "champion", timedelta(seconds=30))
SECRET = "hunter2-says-the-body"


@pytest.fixture
def mlflow() -> Iterator[FakeMlflow]:
    fake = FakeMlflow(
        versions={"fraud": {"3": {"source": "models:/m-12ab", "files": "s3://mlflow/fraud/3"}}},
        aliases={("fraud", "champion"): "3"},
    )
    yield fake
    fake.close()


def ask(mlflow: FakeMlflow, question: AliasQuestion = QUESTION, **fields: Any) -> RegisteredVersion | NoVersion:
    return Asker({"central": Registry("central", mlflow.url, **fields)}).ask(question)


def test_an_alias_names_a_version_and_where_its_files_are(mlflow: FakeMlflow) -> None:
    assert ask(mlflow) == RegisteredVersion("3", "s3://mlflow/fraud/3")


def test_a_tag_states_the_digest(mlflow: FakeMlflow) -> None:
    mlflow.versions["fraud"]["3"]["tags"] = [{"key": "modelwright.dev/digest", "value": DIGEST}]
    assert ask(mlflow) == RegisteredVersion("3", "s3://mlflow/fraud/3", DIGEST)
    mlflow.versions["fraud"]["3"]["tags"] = [{"key": "modelwright.dev/digest", "value": "md5:1"}]
    assert ask(mlflow) == RegisteredVersion("3", "s3://mlflow/fraud/3")


@pytest.mark.parametrize(("model", "alias"), [("fraud", "challenger"), ("churn", "champion")])
def test_what_is_not_there_is_no_error_of_the_registry(mlflow: FakeMlflow, model: str, alias: str) -> None:
    found = ask(mlflow, AliasQuestion("central", model, alias, timedelta(seconds=30)))
    assert isinstance(found, NoVersion)
    assert found.reason == "NoRegisteredModel"
    assert f"model '{model}' with alias '{alias}'" in found.message


def test_the_newest_version_is_the_one_with_the_highest_number(mlflow: FakeMlflow) -> None:
    mlflow.versions["fraud"]["12"] = {"files": "s3://mlflow/fraud/12"}
    asker = Asker({"central": Registry("central", mlflow.url)})
    assert asker.ask(NewestQuestion("central", "fraud", timedelta(seconds=30))) == RegisteredVersion("12", "")
    mlflow.versions["fraud"].clear()
    nothing = asker.ask(NewestQuestion("central", "fraud", timedelta(seconds=30)))
    assert isinstance(nothing, NoVersion)
    assert (nothing.reason, "alias" in nothing.message) == ("NoRegisteredModel", False)


def test_a_version_whose_files_are_not_there_yet_is_not_wanted(mlflow: FakeMlflow) -> None:
    mlflow.versions["fraud"]["3"]["status"] = "PENDING_REGISTRATION"
    found = ask(mlflow)
    assert isinstance(found, NoVersion)
    assert found.reason == "NoRegisteredModel"


@pytest.mark.parametrize("path", [ALIAS, DOWNLOAD])
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, SECRET.encode()), "RegistryUnavailable"),
        ((404, SECRET.encode()), "RegistryUnavailable"),
        (
            (400, b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "hunter2-says-the-body"}'),
            "RegistryUnavailable",
        ),
        ((302, SECRET.encode()), "RegistryUnavailable"),
        ((401, SECRET.encode()), "RegistryForbidden"),
        ((403, SECRET.encode()), "RegistryForbidden"),
        ((200, SECRET.encode()), "RegistryUnavailable"),
        ((200, b'["hunter2-says-the-body"]'), "RegistryUnavailable"),
        ((200, b"{}"), "RegistryUnavailable"),
        ((200, b" " * (LARGEST_ANSWER + 1)), "RegistryUnavailable"),
    ],
)
def test_any_other_answer_is_none_and_nothing_of_it_is_repeated(
    mlflow: FakeMlflow, path: str, answer: tuple[int, bytes], reason: str
) -> None:
    mlflow.answers[path] = answer
    found = ask(mlflow)
    assert isinstance(found, NoVersion)
    assert found.reason == reason
    assert SECRET not in found.message


@pytest.mark.parametrize("version", ["../3", "", "v" * 64, "3 "])
def test_a_version_that_is_no_label_is_not_used(mlflow: FakeMlflow, version: str) -> None:
    mlflow.versions["fraud"][version] = mlflow.versions["fraud"]["3"]
    mlflow.aliases["fraud", "champion"] = version
    assert isinstance(ask(mlflow), NoVersion)


def test_who_does_not_answer_in_time_is_unavailable(mlflow: FakeMlflow) -> None:
    mlflow.delay = 0.5
    found = ask(mlflow, timeout=timedelta(seconds=0.1))
    assert isinstance(found, NoVersion)
    assert "did not answer within 0.1s" in found.message


def test_nobody_at_the_address_is_unavailable() -> None:
    found = Asker({"central": Registry("central", "http://127.0.0.1:9")}).ask(QUESTION)
    assert isinstance(found, NoVersion)
    assert found.reason == "RegistryUnavailable"


def test_the_token_is_read_from_its_file_for_each_request(mlflow: FakeMlflow, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    asker = Asker({"central": Registry("central", mlflow.url, credentials=Credentials(Bearer(str(token))))})
    asker.ask(QUESTION)
    token.write_text("second\n")
    asker.ask(QUESTION)
    assert [headers["Authorization"] for headers in mlflow.headers[::2]] == ["Bearer first", "Bearer second"]
    token.unlink()
    found = asker.ask(QUESTION)
    assert isinstance(found, NoVersion)
    assert str(token) not in found.message


CENTRAL = {"name": "central", "url": "https://mlflow.example.com/", "namespaces": ["ml"]}


def test_reads_the_platforms_registries() -> None:
    (registry,) = parse_registries({"modelRegistries": [{**CENTRAL, "interval": "1m", "timeout": "5s"}]}).values()
    assert (registry.url, registry.interval) == ("https://mlflow.example.com", timedelta(minutes=1))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "modelRegistries[0].name"),
        ({"url": "mlflow:5000"}, "modelRegistries[0].url"),
        ({"url": "https://user:word@mlflow"}, "modelRegistries[0].url"),
        ({"interval": "10ms"}, "modelRegistries[0].interval"),
        ({"url": "http://mlflow", "auth": {"bearer": {"tokenFile": "/t"}}}, "modelRegistries[0].auth"),
        ({"auth": {"sigV4": {"region": "eu-west-1"}}}, "modelRegistries[0].auth"),
        ({"token": "x"}, "modelRegistries[0].token"),
    ],
)
def test_refuses_a_registry_that_cannot_be_used(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_registries({"modelRegistries": [{**CENTRAL, **change}]})
    assert caught.value.path == path


def test_a_registry_is_only_for_the_namespaces_that_it_names() -> None:
    registries = parse_registries({"modelRegistries": [CENTRAL]})
    assert registry_for("ml", "central", registries, "spec").name == "central"
    for namespace, name, says in (("other", "central", "may not be used"), ("ml", "x", "usable here: central")):
        with pytest.raises(InvalidSpec, match=says):
            registry_for(namespace, name, registries, "spec.modelFrom.mlflow.registry")
