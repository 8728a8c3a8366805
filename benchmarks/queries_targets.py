"""What benchmarks/queries.py asks: a fake Prometheus that makes up counters, or a real one that scrapes fake pods."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

from aiohttp import web

from modelwright_playground.child import dies_with_parent
from modelwright_playground.controlplane.build import binary

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs: [{{job_name: pods, honor_labels: true, static_configs: [{{targets: ["{target}"]}}]}}]
"""
# Growth a second of each counter, so that a tenth of requests is slow and a hundredth fails.
RATES = {
    "model_requests_total": 50,
    "model_request_errors_total": 1,
    "model_seconds_count": 50,
    "model_seconds_bucket": 45,
    "modelwright_matured_total": 20,
    "modelwright_matured_wrong_total": 2,
}
BEGAN = time.time() - 3600


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def value(name: str, at: float) -> int:
    return int((at - BEGAN) * RATES[name])


class _Process:
    def __init__(self, command: list[str], url: str, ready: str) -> None:
        self.url = url
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=dies_with_parent()
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with urlopen(url + ready, timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"{command[0]} did not get ready within a minute")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class FakePrometheus(_Process):
    """A fake: answers at once, from arithmetic, with one series for whatever selector it is asked for."""

    def __init__(self, folder: Path, models: int) -> None:
        port = free_port()
        super().__init__([sys.executable, __file__, "fake", str(port), "0"], f"http://127.0.0.1:{port}", "/-/ready")


class RealPrometheus(_Process):
    """Scrapes an exporter of `models` models with two revisions each, once a second."""

    def __init__(self, folder: Path, models: int) -> None:
        pods, port = free_port(), free_port()
        self._pods = _Process(
            [sys.executable, __file__, "pods", str(pods), str(models)], f"http://127.0.0.1:{pods}", "/-/ready"
        )
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(target=f"127.0.0.1:{pods}"))
        command = [
            str(binary("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        super().__init__(command, f"http://127.0.0.1:{port}", "/-/ready")
        # So many seconds of history that the first looks find something.
        time.sleep(15)

    def close(self) -> None:
        super().close()
        self._pods.close()


async def _query(request: web.Request) -> web.Response:
    form = parse_qs(urlsplit(str(request.rel_url)).query) or parse_qs((await request.read()).decode())
    query, at = form["query"][0], float(form["time"][0])
    name = next((known for known in RATES if known in query), "")
    if ranged := re.fullmatch(r".*\[(\d+)ms\]", query):
        seconds = range(int(at - int(ranged[1]) / 1000) + 1, int(at) + 1)
        found = {"values": [[second, str(value(name, second))] for second in seconds]}
    else:
        found = {"value": [at, str(value(name, at)) if name else "1"]}
    result = {"resultType": "vector", "result": [{"metric": {"pod": "a"}, **found}]}
    return web.json_response({"status": "success", "data": result})


async def _ready(request: web.Request) -> web.Response:
    return web.Response()


def _pods(models: int) -> web.Application:
    labels = [
        f'namespace="ml",rollout="m{model}",revision="{arm}"'
        for model in range(models)
        for arm in ("stable", "candidate")
    ]

    async def page(request: web.Request) -> web.Response:
        now, bucket = time.time(), ',le="0.5"'
        lines = [
            f"{name}{{{of}{bucket if name.endswith('bucket') else ''}}} {value(name, now)}"
            for name in RATES
            for of in labels
        ]
        return web.Response(text="\n".join(lines) + "\n", headers={"Content-Type": "text/plain; version=0.0.4"})

    app = web.Application()
    app.add_routes([web.get("/metrics", page), web.get("/-/ready", _ready)])
    return app


def _fake() -> web.Application:
    async def names(request: web.Request) -> web.Response:
        return web.Response(text=json.dumps({"status": "success", "data": list(RATES)}))

    app = web.Application()
    routes = [web.get("/api/v1/query", _query), web.post("/api/v1/query", _query), web.get("/-/ready", _ready)]
    app.add_routes([*routes, web.get("/api/v1/label/__name__/values", names)])
    return app


if __name__ == "__main__":
    role, port, models = sys.argv[1:]
    web.run_app(_pods(int(models)) if role == "pods" else _fake(), host="127.0.0.1", port=int(port), print=None)
