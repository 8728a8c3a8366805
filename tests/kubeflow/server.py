"""A server that answers as each test scripts it: for answers that a well-behaved one never gives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from modelwright.kubeflow.configuration import PipelineServer

Reply = tuple[int, Any]


@dataclass
class Scripted:
    """`replies` by method and path, each a status and a body, or a function that does whatever it likes to the
    connection. `asked` notes every request."""

    replies: dict[tuple[str, str], Reply | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    url: str = ""

    def server(self, timeout: timedelta = timedelta(seconds=5)) -> PipelineServer:
        return PipelineServer("default", self.url, "file:///results", timeout=timeout)


@contextmanager
def scripted() -> Iterator[Scripted]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.bodies.append(json.loads(raw or b"null"))
            self._answer("POST")

        def _answer(self, method: str) -> None:
            path = urlsplit(self.path).path
            script.asked.append((method, path))
            script.authorizations.append(self.headers.get("Authorization", ""))
            script.queries.append(parse_qs(urlsplit(self.path).query))
            reply = script.replies.get((method, path), (404, {"message": "secret body"}))
            if callable(reply):
                reply(self)
                return
            status, body = reply
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        script.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
