"""The proxy of smoke checks in the operator's configuration, and requests that go through it."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from modelwright.configuration import parse_configuration
from modelwright.errors import InvalidSpec
from modelwright.web.bounded import BoundedClient


@pytest.mark.parametrize("proxy", ["", "http://egress:3128", "http://egress.proxies:3128/", "http://[fd00::1]:3128"])
def test_a_proxy_is_named_by_host_and_port(proxy: str) -> None:
    assert parse_configuration({"smokeCheck": {"proxy": proxy}}).smoke.proxy == proxy.rstrip("/")


@pytest.mark.parametrize(
    "proxy",
    [
        "egress:3128",
        "https://egress:3128",
        "http://egress",
        "http://me:secret@egress:3128",
        "http://egress:3128/a",
        "http://egress:x",
    ],
)
def test_anything_else_is_refused_and_not_repeated(proxy: str) -> None:
    with pytest.raises(InvalidSpec) as refused:
        parse_configuration({"smokeCheck": {"proxy": proxy}})
    assert str(refused.value).startswith("smokeCheck.proxy: must be http://host:port")
    assert proxy not in str(refused.value)


def test_a_misspelt_field_is_refused() -> None:
    with pytest.raises(InvalidSpec, match=r"smokeCheck\.proxies"):
        parse_configuration({"smokeCheck": {"proxies": "http://egress:3128"}})


@pytest.fixture
def proxy() -> Iterator[ThreadingHTTPServer]:
    """A fake: answers for everybody with what it was asked for, and by whom."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = f"{self.path} {'Authorization' in self.headers or 'Proxy-Authorization' in self.headers}".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_request_goes_through_the_proxy_without_credentials(proxy: ThreadingHTTPServer) -> None:
    client = BoundedClient(timeout=5, largest=1000, proxy=f"http://127.0.0.1:{proxy.server_port}")
    reply = client.send("GET", "http://10.244.1.2:8080/v2")
    assert reply.body == b"http://10.244.1.2:8080/v2 False"
    client.close()
