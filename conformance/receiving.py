"""An address for events that reads as the operator does: what comes in, and whether it is believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Thread

from modelwright.receiving.authenticity import is_authentic
from modelwright.receiving.configuration import Receiver
from modelwright.receiving.formats import Occurrence, read


@dataclass(frozen=True)
class Received:
    """`occurrences` are empty where the sender was not believed."""

    believed: bool
    occurrences: tuple[Occurrence, ...]


@dataclass
class Listener:
    """Reads as the operator does. `port` is where it listens on 127.0.0.1."""

    port: int
    received: Queue[Received] = field(default_factory=Queue)

    def next(self, seconds: float = 120) -> Received:
        return self.received.get(timeout=seconds)


@contextmanager
def listening(receiver: Receiver) -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            believed = is_authentic(receiver, headers, body, datetime.now(UTC))
            listener.received.put(Received(believed, read(receiver.format, headers, body) if believed else ()))
            self.send_response(202 if believed else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener = Listener(server.server_port)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
