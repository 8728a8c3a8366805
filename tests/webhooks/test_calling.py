"""Calls of webhooks: signed, bounded, and read for nothing but their status. The receiver is a fake."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from modelwright.errors import InvalidSpec
from modelwright.webhooks.asking import LARGEST_ANSWER, Asker
from modelwright.webhooks.configuration import Webhook, parse_webhooks, webhook_for
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome

KEY = "0123456789abcdef"
CALL = Call("chat", Moment.BEFORE_STEP, "uid/6b8f9c01d2/2/1", '{"event": "BeforeStep"}')
SECRET = "what-the-body-says"


class FakeReceiver:
    """A fake: answers `status` and `body` after `delay` seconds, and keeps what it was sent."""

    def __init__(self) -> None:
        self.status, self.body, self.delay = 204, b"", 0.0
        self.sent: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.sent.append((dict(self.headers), body))
                time.sleep(outer.delay)
                try:
                    self.send_response(outer.status)
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                    self.send_header("Content-Length", str(len(outer.body)))
                    self.end_headers()
                    self.wfile.write(outer.body)
                except (BrokenPipeError, ConnectionResetError):
                    return

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?team=ml"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    fake = FakeReceiver()
    yield fake
    fake.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    return file


def call(receiver: FakeReceiver, key: Path, **fields: Any) -> Heard:
    webhook = Webhook("chat", receiver.url, str(key), **fields)
    return Asker({"chat": webhook}, clock=lambda: 1_800_000_000.9).ask(CALL)


def test_a_call_is_signed_with_its_time(receiver: FakeReceiver, key: Path) -> None:
    assert call(receiver, key).outcome is Outcome.ALLOWED
    ((headers, body),) = receiver.sent
    assert body == CALL.body.encode()
    assert headers["X-Modelwright-Timestamp"] == "1800000000"
    assert (headers["X-Modelwright-Id"], headers["X-Modelwright-Event"]) == (CALL.id, "BeforeStep")
    wanted = hmac.new(KEY.encode(), b"1800000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Modelwright-Signature"] == f"sha256={wanted}"


def test_a_rotated_key_is_taken_up(receiver: FakeReceiver, key: Path) -> None:
    call(receiver, key)
    key.write_text("another-key-of-the-platform")
    call(receiver, key)
    first, second = (headers["X-Modelwright-Signature"] for headers, _ in receiver.sent)
    assert first != second


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ALLOWED),
        (403, Outcome.DENIED),
        (409, Outcome.DENIED),
        (302, Outcome.UNANSWERED),
        (404, Outcome.UNANSWERED),
        (429, Outcome.UNANSWERED),
        (500, Outcome.UNANSWERED),
    ],
)
def test_only_the_status_decides(receiver: FakeReceiver, key: Path, status: int, outcome: Outcome) -> None:
    receiver.status, receiver.body = status, SECRET.encode()
    heard = call(receiver, key)
    assert heard.outcome is outcome
    assert SECRET not in heard.message
    assert len(receiver.sent) == 1


def test_what_is_too_large_or_too_late_is_no_answer(receiver: FakeReceiver, key: Path) -> None:
    receiver.status, receiver.body = 200, b"x" * (LARGEST_ANSWER + 1)
    assert call(receiver, key).outcome is Outcome.UNANSWERED
    receiver.body, receiver.delay = b"", 0.5
    assert call(receiver, key, timeout=timedelta(seconds=0.1)).outcome is Outcome.UNANSWERED


@pytest.mark.parametrize("content", [None, "", "short"])
def test_without_a_key_nothing_is_sent(receiver: FakeReceiver, key: Path, content: str | None) -> None:
    if content is None:
        key.unlink()
    else:
        key.write_text(content)
    heard = call(receiver, key)
    assert heard.outcome is Outcome.UNANSWERED
    assert str(key) not in heard.message
    assert receiver.sent == []


CHAT = {"name": "chat", "url": "https://chat.example.com/hook?x=1", "keyFile": "/key", "namespaces": ["ml"]}


def test_a_webhook_is_only_for_the_namespaces_that_it_names() -> None:
    webhooks = parse_webhooks({"webhooks": [CHAT]})
    assert webhook_for("ml", "chat", webhooks, "spec.webhooks").url == CHAT["url"]
    for namespace, name, says in (("other", "chat", "may not be used"), ("ml", "x", "usable here: chat")):
        with pytest.raises(InvalidSpec, match=says):
            webhook_for(namespace, name, webhooks, "spec.webhooks")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"name": ""}, "webhooks[0].name"),
        ({"url": "chat/hook"}, "webhooks[0].url"),
        ({"url": "https://user:word@chat/hook"}, "webhooks[0].url"),
        ({"keyFile": "key"}, "webhooks[0].keyFile"),
        ({"timeout": "10m"}, "webhooks[0].timeout"),
        ({"tls": {"keyFile": "/k"}}, "webhooks[0].tls.keyFile"),
        ({"secret": "x"}, "webhooks[0].secret"),
    ],
)
def test_refuses_a_webhook_that_cannot_be_used(change: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_webhooks({"webhooks": [{**CHAT, **change}]})
    assert caught.value.path == path
