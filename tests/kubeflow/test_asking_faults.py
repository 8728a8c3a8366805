"""What becomes of answers that a pipeline server should not give: each is a value with a reason, never a body."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from tests.kubeflow.server import Scripted, scripted

from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.questions import (
    Ambiguous,
    DescribePipeline,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    Trouble,
)

RUNS, PIPELINES = "/apis/v2beta1/runs", "/apis/v2beta1/pipelines"
VERSIONS, EXPERIMENTS = f"{PIPELINES}/p/versions", "/apis/v2beta1/experiments"
INTENT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
DESCRIBE = DescribePipeline("default", "churn-training", "")
ENSURE = EnsureRun("default", "churn-1-uid", "churn-training", "", "", (("epochs", "20"),), (), True, INTENT)

PARAMETERS = {"epochs": {"parameterType": "NUMBER_INTEGER"}}
SPEC = {"root": {"inputDefinitions": {"parameters": PARAMETERS}}}


def kubeflow_run(id: str, state: str = "RUNNING", second: int = 0) -> dict[str, Any]:
    return {"run_id": id, "display_name": "churn-1-uid", "state": state, "created_at": f"2026-11-21T08:00:{second:02}Z"}


@pytest.fixture
def script() -> Iterator[Scripted]:
    with scripted() as script:
        script.replies = {
            ("GET", RUNS): (200, {"runs": []}),
            ("GET", PIPELINES): (200, {"pipelines": [{"pipeline_id": "p", "display_name": "churn-training"}]}),
            ("GET", VERSIONS): (200, {"pipeline_versions": [{"pipeline_version_id": "v", "pipeline_spec": SPEC}]}),
            ("GET", EXPERIMENTS): (200, {"experiments": [{"experiment_id": "e", "display_name": "Default"}]}),
            ("POST", RUNS): (200, kubeflow_run("r1")),
        }
        yield script


def creates(script: Scripted) -> int:
    return script.asked.count(("POST", RUNS))


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (400, Trouble.INVALID),
        (401, Trouble.FORBIDDEN),
        (403, Trouble.FORBIDDEN),
        (404, Trouble.NOT_FOUND),
        (429, Trouble.UNAVAILABLE),
        (500, Trouble.UNAVAILABLE),
        (503, Trouble.UNAVAILABLE),
    ],
)
def test_an_error_answer_is_a_failure_without_its_body(script: Scripted, status: int, trouble: Trouble) -> None:
    script.replies["GET", PIPELINES] = (status, {"message": "secret body"})
    answer = Asker({"default": script.server()}).ask(DESCRIBE)
    assert isinstance(answer, Failure)
    assert answer.trouble is trouble
    assert "secret" not in answer.message


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b'{"pipelines": 7}', b'{"pipelines": [7]}'])
def test_an_answer_in_another_form_is_unavailable(script: Scripted, body: bytes) -> None:
    script.replies["GET", PIPELINES] = (200, body)
    answer = Asker({"default": script.server()}).ask(DESCRIBE)
    assert isinstance(answer, Failure), answer
    assert answer.trouble is Trouble.UNAVAILABLE


def test_a_redirect_is_not_followed(script: Scripted) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", f"{script.url}/elsewhere")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    script.replies["GET", PIPELINES] = redirect
    answer = Asker({"default": script.server()}).ask(DESCRIBE)
    assert isinstance(answer, Failure)
    assert ("GET", "/elsewhere") not in script.asked


def test_a_server_that_never_answers_is_given_up_after_its_timeout(script: Scripted) -> None:
    given_up = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        given_up.wait(60)

    script.replies["GET", PIPELINES] = hang
    answer = Asker({"default": script.server(timeout=timedelta(milliseconds=200))}).ask(DESCRIBE)
    given_up.set()
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.UNAVAILABLE


def test_nobody_listening_is_unavailable_and_creates_nothing(script: Scripted) -> None:
    closed = replace(script.server(), url="http://127.0.0.1:1")
    answer = Asker({"default": closed}).ask(ENSURE)
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.UNAVAILABLE


def test_an_unknown_server_is_named_with_the_known_ones(script: Scripted) -> None:
    answer = Asker({"default": script.server()}).ask(replace(DESCRIBE, server="other"))
    assert answer == Failure(Trouble.NOT_FOUND, "no pipeline server 'other' is configured; known: default")


@pytest.mark.parametrize("reply", [(500, {}), (504, {}), (200, b"{"), (200, {}), hang_up])
def test_a_create_that_failed_after_it_was_sent_is_ambiguous_and_not_repeated(script: Scripted, reply: Any) -> None:
    script.replies["POST", RUNS] = reply
    asker = Asker({"default": script.server()})
    assert isinstance(asker.ask(ENSURE), Ambiguous)
    assert isinstance(asker.ask(ENSURE), Ambiguous)
    assert creates(script) == 1
    asker.ask(replace(ENSURE, intent=INTENT + timedelta(minutes=1)))
    assert creates(script) == 2


def test_a_create_that_the_server_refused_may_be_repeated(script: Scripted) -> None:
    script.replies["POST", RUNS] = (403, {})
    asker = Asker({"default": script.server()})
    for _ in range(2):
        answer = asker.ask(ENSURE)
        assert isinstance(answer, Failure)
        assert answer.trouble is Trouble.FORBIDDEN
    assert creates(script) == 2


def test_a_run_that_an_ambiguous_create_made_is_found(script: Scripted) -> None:
    script.replies["POST", RUNS] = hang_up
    asker = Asker({"default": script.server()})
    asker.ask(ENSURE)
    script.replies["GET", RUNS] = (200, {"runs": [kubeflow_run("r1")]})
    answer = asker.ask(ENSURE)
    assert isinstance(answer, KubeflowRun)
    assert answer.id == "r1"


def test_who_may_not_create_only_searches(script: Scripted) -> None:
    assert Asker({"default": script.server()}).ask(replace(ENSURE, may_create=False)) == NoRun()
    assert creates(script) == 0


def test_the_oldest_of_several_is_kept_and_the_others_are_ended(script: Scripted) -> None:
    runs = [kubeflow_run("b", second=2), kubeflow_run("c", second=1), kubeflow_run("a", second=1)]
    script.replies["GET", RUNS] = (200, {"runs": runs})
    script.replies["POST", f"{RUNS}/c:terminate"] = (200, {})
    script.replies["POST", f"{RUNS}/b:terminate"] = (503, {})
    answer = Asker({"default": script.server()}).ask(ENSURE)
    assert isinstance(answer, KubeflowRun)
    assert (answer.id, answer.duplicates_ended) == ("a", 1)
    assert {("POST", f"{RUNS}/b:terminate"), ("POST", f"{RUNS}/c:terminate")} <= set(script.asked)


def test_a_namesake_that_a_lenient_filter_lets_through_is_not_ours(script: Scripted) -> None:
    script.replies["GET", RUNS] = (200, {"runs": [{**kubeflow_run("x"), "display_name": "CHURN-1-UID"}]})
    assert Asker({"default": script.server()}).ask(replace(ENSURE, may_create=False)) == NoRun()


def test_a_run_without_a_state_is_followed(script: Scripted) -> None:
    script.replies["GET", f"{RUNS}/r1"] = (200, {"run_id": "r1", "display_name": "churn-1-uid"})
    answer = Asker({"default": script.server()}).ask(FollowRun("default", "r1", "churn-1-uid", eager=True))
    assert isinstance(answer, KubeflowRun)
    assert (answer.state, answer.ended) == ("", False)


def test_wrong_parameters_are_refused_before_anything_is_created(script: Scripted) -> None:
    answer = Asker({"default": script.server()}).ask(replace(ENSURE, required=(("epochs", "many"),)))
    assert isinstance(answer, Failure)
    assert answer.trouble is Trouble.INVALID
    assert "NUMBER_INTEGER" in answer.message
    assert creates(script) == 0
