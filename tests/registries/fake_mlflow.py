"""A fake MLflow: an HTTP server with the two calls that the operator makes, and whatever a test puts in their way."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

API = "/api/2.0/mlflow/"
ALIAS = "/api/2.0/mlflow/registered-models/alias"
DOWNLOAD = "/api/2.0/mlflow/model-versions/get-download-uri"


@dataclass
class FakeMlflow:
    """A fake. `versions` are those of each model by number, `aliases` name them as (model, alias).

    `answers` replaces the answer of a path by (status, body), `delay` is in seconds.
    """

    versions: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    aliases: dict[tuple[str, str], str] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    delay: float = 0.0
    headers: list[dict[str, str]] = field(default_factory=list)
    written: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    loses_answer_of: str = ""

    def __post_init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                asked = json.loads(self.rfile.read(length))
                address = urlsplit(self.path)
                outer.written.append((address.path.removeprefix(API), asked))
                if address.path == outer.loses_answer_of:
                    outer._write(address.path, asked)
                    outer.loses_answer_of = ""
                    self.close_connection = True
                    return
                self._reply(*(outer.answers.get(address.path) or outer._write(address.path, asked)))

            def do_GET(self) -> None:
                outer.headers.append(dict(self.headers))
                time.sleep(outer.delay)
                address = urlsplit(self.path)
                asked = {name: values[0] for name, values in parse_qs(address.query).items()}
                status, body = outer.answers.get(address.path) or outer._answer(address.path, asked)
                self._reply(status, body)

            def _reply(self, status: int, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    return

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _write(self, path: str, asked: dict[str, Any]) -> tuple[int, bytes]:
        name = asked["name"]
        match path.removeprefix(API):
            case "registered-models/create" if name in self.versions:
                return _error(400, "RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
            case "registered-models/create":
                self.versions[name] = {}
                return 200, json.dumps({"registered_model": {"name": name}}).encode()
            case "model-versions/create":
                version = str(len(self.versions[name]) + 1)
                self.versions[name][version] = {"files": asked["source"], "tags": asked["tags"]}
                return 200, json.dumps({"model_version": {"name": name, "version": version}}).encode()
            case "registered-models/alias":
                self.aliases[name, asked["alias"]] = asked["version"]
                return 200, b"{}"
        return _error(404, "ENDPOINT_NOT_FOUND", "no such path")

    def _search(self, asked: dict[str, str]) -> tuple[int, bytes]:
        """Newest first, two to a page."""
        (name,) = [name for name in self.versions if asked["filter"] == f"name='{name}'"]
        versions = sorted(self.versions[name].items(), key=lambda item: -int(item[0]))
        start = int(asked.get("page_token", "0"))
        page = [{"name": name, "version": number, "tags": known.get("tags", [])} for number, known in versions]
        found: dict[str, Any] = {"model_versions": page[start : start + 2]}
        if len(page) > start + 2:
            found["next_page_token"] = str(start + 2)
        return 200, json.dumps(found).encode()

    def _answer(self, path: str, asked: dict[str, str]) -> tuple[int, bytes]:
        if path == f"{API}model-versions/search":
            return self._search(asked)
        versions = self.versions.get(asked.get("name", ""))
        if versions is None:
            return _error(404, "RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={asked.get('name')} not found")
        if path == ALIAS:
            version = self.aliases.get((asked["name"], asked["alias"]))
            if version is None:
                # As the stores of MLflow answer it: not 404.
                return _error(400, "INVALID_PARAMETER_VALUE", f"Registered model alias {asked['alias']} not found.")
            known = {key: value for key, value in versions[version].items() if key != "files"}
            body = {"name": asked["name"], "version": version, "status": "READY", "aliases": [asked["alias"]], **known}
            return 200, json.dumps({"model_version": body}).encode()
        if path == DOWNLOAD and asked.get("version") in versions:
            return 200, json.dumps({"artifact_uri": versions[asked["version"]]["files"]}).encode()
        return _error(404, "ENDPOINT_NOT_FOUND", "no such path")


def _error(status: int, code: str, message: str) -> tuple[int, bytes]:
    return status, json.dumps({"error_code": code, "message": message}).encode()
