"""A fake S3: an HTTP server that lists and gives what tests put into it. conformance.object_stores asks a real one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class FakeS3:
    """A fake. `objects` are content and time by "bucket/key"; with a `status` it answers nothing else."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, datetime]] = {}
        self.status = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                address = urlsplit(self.path)
                name = unquote(address.path).strip("/")
                asked = {key: values[0] for key, values in parse_qs(address.query).items()}
                if outer.status:
                    self._reply(outer.status, b"hunter2-says-the-body")
                elif "list-type" in asked:
                    self._reply(200, outer._listing(name, asked.get("prefix", "")).encode())
                elif name in outer.objects:
                    content, at = outer.objects[name]
                    self._reply(
                        200, content, **{"Last-Modified": f"{at:%a, %d %b %Y %H:%M:%S} GMT", "ETag": _tag(content)}
                    )
                else:
                    self._reply(404, b"")

            do_HEAD = do_GET  # noqa: N815

            def _reply(self, status: int, content: bytes, **headers: str) -> None:
                first, last = 0, len(content) - 1
                if status == 200 and (wanted := self.headers.get("Range")):
                    begin, _, end = wanted.removeprefix("bytes=").partition("-")
                    first, last = int(begin), min(int(end or last), last)
                    headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
                    status = 206
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(last - first + 1)}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content[first : last + 1])

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def put(self, name: str, content: bytes = b"", at: float = 0.0) -> None:
        self.objects[name] = (content, datetime.fromtimestamp(1_800_000_000 + at, UTC))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _listing(self, bucket: str, prefix: str) -> str:
        """One level below `prefix`, as with the delimiter "/"."""
        folders, files = set(), []
        for name, (content, at) in sorted(self.objects.items()):
            key = name.removeprefix(f"{bucket}/")
            if key == name or not key.startswith(prefix):
                continue
            inside, slash, _ = key.removeprefix(prefix).partition("/")
            if slash:
                folders.add(f"{prefix}{inside}/")
            else:
                files.append(_contents(key, content, at))
        found = "".join(files) + "".join(
            f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in folders
        )
        return f'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>'


def _contents(key: str, content: bytes, at: datetime) -> str:
    return (
        f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
        f"<ETag>{escape(_tag(content))}</ETag><Size>{len(content)}</Size></Contents>"
    )


def _tag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def serving() -> Iterator[FakeS3]:
    """For fixtures."""
    server = FakeS3()
    try:
        yield server
    finally:
        server.close()
