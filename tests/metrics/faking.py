"""A fake Prometheus: an HTTP server that answers whatever a test wants, and keeps what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOW = 1_800_000_000.0
Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Sent:
    """A request as it came in; `target` is path and query as they were written."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class FakePrometheus:
    """A fake: answers each request as `reply` says, and keeps what was asked, and `sent` as it came."""

    def __init__(self, tls: SSLContext | None = None) -> None:
        self.reply: Reply = answer({})
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self.headers: list[dict[str, str]] = []
        self.sent: list[Sent] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.asked.append((self.command, address.path, parse_qs(address.query or body.decode())))
                outer.headers.append(dict(self.headers))
                outer.sent.append(Sent(self.command, self.path, dict(self.headers), body))
                try:
                    outer.reply(self)
                except (BrokenPipeError, ConnectionResetError):
                    return

            do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_port}/prefix"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def raw(status: int, body: bytes, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def answer(payload: Any, status: int = 200) -> Reply:
    return raw(status, json.dumps(payload).encode(), Content_Type="application/json")


def vector(*series: dict[str, Any], **extra: Any) -> Reply:
    return answer({"status": "success", "data": {"resultType": "vector", "result": list(series)}, **extra})


def number(value: str, at: float = NOW, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [at, value]}
