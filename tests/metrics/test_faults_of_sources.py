"""Every way in which an HTTP server can fail to be a Prometheus has a reason, and never becomes a number."""

from __future__ import annotations

import socket
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event

import pytest
from tests.metrics.faking import NOW, FakePrometheus, Reply, answer, number, raw, vector

from modelwright.analysis.verdict import Verdict
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import Look, NoLook, ValueLook, ValueQuestion

SECRET = "body-that-nobody-may-see"


def ask(fake: FakePrometheus, query: str = "metric", *, timeout: float = 5.0, largest: int = 4096) -> Look:
    configuration = MetricSource("fake", fake.url, timeout=timedelta(seconds=timeout))
    asker = Asker({"fake": Source(configuration, largest_answer=largest)}, clock=lambda: NOW + 1)
    return asker.ask(ValueQuestion("fake", "m", "candidate", query, "", timedelta(seconds=10)))


def test_a_whole_answer_is_a_value(fake: FakePrometheus) -> None:
    fake.reply = vector(number("0.25", pod="a"), infos=["metric might not be a counter"])
    look = ask(fake)
    assert isinstance(look, ValueLook), look
    assert (look.value, look.samples, look.until.timestamp()) == (0.25, None, NOW)
    method, path, parameters = fake.asked[0]
    assert (method, path) == ("GET", "/prefix/api/v1/query")
    assert parameters["query"] == ["metric"]
    assert parameters["time"] == [f"{NOW:.3f}"]


def test_a_long_query_is_posted_as_a_form(fake: FakePrometheus) -> None:
    fake.reply = vector(number("1"))
    query = "x" * 10_000
    assert isinstance(ask(fake, query), ValueLook)
    method, _, parameters = fake.asked[0]
    assert method == "POST"
    assert parameters["query"] == [query]


@pytest.mark.parametrize(
    ("reply", "reason", "verdict"),
    [
        (vector(), "NoSeries", Verdict.NO_DATA),
        (vector(number("NaN")), "NotANumber", Verdict.NO_DATA),
        (vector(number("+Inf")), "NotANumber", Verdict.NO_DATA),
        (vector(number("1", pod="a"), number("2", pod="b")), "AmbiguousResult", Verdict.NO_DATA),
        (vector(number("1", at=NOW - 46)), "Stale", Verdict.NO_DATA),
        (vector(number("1"), warnings=[SECRET]), "PartialAnswer", Verdict.NO_DATA),
        (vector(number("1"), isPartial=True), "PartialAnswer", Verdict.NO_DATA),
        (vector({"metric": {}, "values": [[NOW, "1"]]}), "BadQuery", Verdict.ERROR),
        (vector({"metric": {}, "histogram": [NOW, {}]}), "BadQuery", Verdict.ERROR),
        (vector({"metric": {}, "value": [NOW, 1]}), "NotPrometheus", Verdict.ERROR),
        (vector({"value": [NOW]}), "NotPrometheus", Verdict.ERROR),
        (answer({"status": "error", "error": SECRET, "data": {"result": []}}), "NotPrometheus", Verdict.ERROR),
        (answer({"status": "success"}), "NotPrometheus", Verdict.ERROR),
        (answer({"status": "success", "data": [SECRET]}), "NotPrometheus", Verdict.ERROR),
        (answer({"status": "success", "data": {"result": SECRET}}), "NotPrometheus", Verdict.ERROR),
        (answer([SECRET]), "NotPrometheus", Verdict.ERROR),
        (raw(200, f"<html>{SECRET}</html>".encode()), "NotPrometheus", Verdict.ERROR),
        (raw(200, b'{"status": NaN}'), "NotPrometheus", Verdict.ERROR),
        (raw(200, b"[" * 4000), "NotPrometheus", Verdict.ERROR),
        (raw(200, b"\xff\xfe"), "NotPrometheus", Verdict.ERROR),
        (raw(200, b" " * 5000), "AnswerTooLarge", Verdict.ERROR),
        (raw(302, b"", Location="http://127.0.0.1:1/"), "Redirected", Verdict.ERROR),
        (answer({"error": SECRET}, 400), "BadQuery", Verdict.ERROR),
        (answer({"error": SECRET}, 422), "BadQuery", Verdict.ERROR),
        (answer({"error": SECRET}, 401), "Forbidden", Verdict.ERROR),
        (answer({"error": SECRET}, 403), "Forbidden", Verdict.ERROR),
        (answer({"error": SECRET}, 404), "Refused", Verdict.ERROR),
        (answer({"error": SECRET}, 405), "Refused", Verdict.ERROR),
        (answer({"error": SECRET}, 408), "SourceUnavailable", Verdict.ERROR),
        (answer({"error": SECRET}, 429), "SourceUnavailable", Verdict.ERROR),
        (answer({"error": SECRET}, 500), "SourceUnavailable", Verdict.ERROR),
        (answer({"error": SECRET}, 503), "SourceUnavailable", Verdict.ERROR),
    ],
)
def test_what_is_no_number_has_a_reason_and_shows_no_body(
    fake: FakePrometheus, reply: Reply, reason: str, verdict: Verdict
) -> None:
    fake.reply = reply
    look = ask(fake)
    assert isinstance(look, NoLook), look
    assert (look.reason, look.verdict) == (reason, verdict), look
    assert look.permanent == (reason in ("BadQuery", "Forbidden", "Redirected", "Refused"))
    assert (look.retry_after is not None) == (reason == "SourceUnavailable")
    assert SECRET not in look.message
    assert "'fake'" in look.message
    assert len(fake.asked) == 1, "the asker repeats at its own pace"


def test_several_series_are_named_by_their_labels_only(fake: FakePrometheus) -> None:
    fake.reply = vector(number("1", pod=SECRET), number("2", zone=SECRET))
    look = ask(fake)
    assert isinstance(look, NoLook)
    assert "pod, zone" in look.message
    assert SECRET not in look.message


def test_a_server_that_drips_its_answer_is_given_up(fake: FakePrometheus) -> None:
    released = Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not released.wait(0.05):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    fake.reply = drip
    look = ask(fake, timeout=0.3)
    released.set()
    assert isinstance(look, NoLook)
    assert (look.reason, look.permanent) == ("SourceUnavailable", False)
    assert "did not answer within 0.3s" in look.message


def test_a_server_that_says_nothing_is_given_up(fake: FakePrometheus) -> None:
    released = Event()
    fake.reply = lambda handler: (released.wait(60), None)[1]
    look = ask(fake, timeout=0.2)
    released.set()
    assert isinstance(look, NoLook)
    assert (look.reason, look.verdict) == ("SourceUnavailable", Verdict.ERROR)


def test_an_answer_that_breaks_off_is_none(fake: FakePrometheus) -> None:
    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"status": "success"')

    fake.reply = broken
    look = ask(fake)
    assert isinstance(look, NoLook)
    assert look.reason in ("SourceUnavailable", "NotPrometheus")
    assert look.verdict is Verdict.ERROR


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    source = Source(MetricSource("gone", f"http://127.0.0.1:{port}"))
    look = Asker({"gone": source}).ask(ValueQuestion("gone", "m", "a", "up", "", timedelta(seconds=1)))
    assert isinstance(look, NoLook)
    assert (look.reason, look.verdict, look.permanent) == ("SourceUnavailable", Verdict.ERROR, False)
    assert str(port) not in look.message


def test_credentials_and_cookies_of_the_environment_are_not_sent(
    fake: FakePrometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    fake.reply = raw(200, b'{"status":"success","data":{"result":[]}}', Set_Cookie="session=x")
    source = Source(MetricSource("fake", fake.url))
    asker = Asker({"fake": source})
    for query in ("first", "second"):
        asker.ask(ValueQuestion("fake", "m", "a", query, "", timedelta(seconds=1)))
    assert len(fake.headers) == 2
    assert not any({"Cookie", "Authorization"} & headers.keys() for headers in fake.headers)
