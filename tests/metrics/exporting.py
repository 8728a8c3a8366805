"""A real Prometheus, and exporters for it to scrape that show whatever page a test wants."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from typing import IO, Any

import requests

from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright_playground.child import dies_with_parent
from modelwright_playground.controlplane.build import binary

# Old samples are taken as well, so that an exporter may show a past.
CONFIGURATION = """
storage: {{tsdb: {{out_of_order_time_window: 100d}}}}
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
scrape_configs: [{{job_name: tiny, file_sd_configs: [{{files: ["{targets}"], refresh_interval: 1s}}]}}]
"""


class Exporter:
    """Serves a page on a free port of 127.0.0.1; the page None is a scrape that fails. `labels` are those of a pod."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.is_up: Callable[[], bool] = lambda: True
        self._page: str | None = ""
        self._scrapes = 0
        self._scraped = Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer._scraped:
                    page = outer._page
                    outer._scrapes += 1
                    outer._scraped.notify_all()
                self.send_response(500 if page is None else 200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def show(self, page: str | None) -> None:
        """Serve `page` from now on, and return once a scrape that saw it has been stored.

        Scrapes of one target follow each other: when the third begins, the first two are in the database, or were too
        late for it. Then the next ones are waited for.
        """
        with self._scraped:
            self._page = page
        self._wait_for_scrapes(3)
        for _ in range(50):
            if page is None or self.is_up():
                return
            self._wait_for_scrapes(1)
        raise AssertionError("Prometheus has no scrape that was in time")

    def _wait_for_scrapes(self, number: int) -> None:
        with self._scraped:
            wanted = self._scrapes + number
            assert self._scraped.wait_for(lambda: self._scrapes >= wanted, timeout=60), "Prometheus stopped scraping"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class RealPrometheus:
    """A Prometheus of its own in `folder`, that scrapes what it is told to every 200 ms."""

    def __init__(self, folder: Path) -> None:
        self._targets = folder / "targets.json"
        self._exporters: list[Exporter] = []
        self._write_targets()
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(targets=self._targets))
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._log: IO[bytes] = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [
                binary("prometheus"),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                # Else each new exporter waits up to 5 s for its first scrape.
                "--scrape.discovery-reload-interval=100ms",
            ],
            stdout=self._log,
            stderr=self._log,
            preexec_fn=dies_with_parent(),
        )
        self._url = f"http://127.0.0.1:{port}"
        self.source = Source(MetricSource("real", self._url, timedelta(milliseconds=200), timedelta(seconds=10)))
        self._wait_until_ready(self._url)

    def scrape(self, *exporters: Exporter) -> None:
        """Returns once all `exporters` have been scraped: Prometheus takes up to 5 s to begin with new ones."""
        self._exporters.extend(exporters)
        self._write_targets()
        for exporter in exporters:
            exporter.is_up = partial(self._is_up, exporter.address)
            exporter.show("")

    def stop_scraping(self, exporter: Exporter) -> None:
        """As for a pod that is gone: nobody listens any more, and it is no target."""
        self._exporters.remove(exporter)
        self._write_targets()
        exporter.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()
        for exporter in self._exporters:
            exporter.close()

    def _is_up(self, address: str) -> bool:
        """Whether the last scrape of a target was in time."""
        answer = requests.get(f"{self._url}/api/v1/targets", {"state": "active"}, timeout=10).json()
        targets: list[dict[str, Any]] = answer["data"]["activeTargets"]
        return any(one["scrapeUrl"] == f"http://{address}/metrics" and one["health"] == "up" for one in targets)

    def _write_targets(self) -> None:
        groups = [{"targets": [exporter.address], "labels": exporter.labels} for exporter in self._exporters]
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps(groups))
        written.rename(self._targets)

    def _wait_until_ready(self, url: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Prometheus ended by itself"
            try:
                if requests.get(f"{url}/-/ready", timeout=1).status_code == 200:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("Prometheus did not get ready within a minute")
