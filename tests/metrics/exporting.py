"""A real Prometheus, and exporters for it to scrape that show whatever page a test wants."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, TypeVar

import requests
from tests.ports import free_port

from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright_playground.child import dies_with_parent
from modelwright_playground.controlplane.build import binary

# Old samples are taken as well, so that an exporter may show a past.
CONFIGURATION = """
storage: {{tsdb: {{out_of_order_time_window: 100d}}}}
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs: [{{job_name: tiny, file_sd_configs: [{{files: ["{targets}"], refresh_interval: 1s}}]}}]
"""


PATIENCE = 180.0
SHOWN = "pages_shown"
"""A series on every page: the how manieth it is."""

T = TypeVar("T")

# The time and the value of the last sample of a series of one target, by its name, that a look would find.
LastSample = Callable[[str], tuple[float, float] | None]


class Exporter:
    """Serves a page on a free port of 127.0.0.1; the page None is a scrape that fails. `labels` are those of a pod."""

    def __init__(self, **labels: str) -> None:
        self.labels = labels
        self.last: LastSample = lambda name: None
        self._page: str | None = ""
        self._shown = 0
        self._page_changes = Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with outer._page_changes:
                    page, shown = outer._page, outer._shown
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.send_response(500 if page is None else 200)
                    self.send_header("Content-Type", "text/plain; version=0.0.4")
                    self.end_headers()
                    if page is not None:
                        self.wfile.write(f"{page}\n{SHOWN} {shown}\n".encode())

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: pytest shows what matters."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def show(self, page: str | None) -> None:
        """Serve `page` from now on, and return once a look finds a scrape of it in the database.

        Many are too late for it on a busy machine, although they were answered. So the page is counted on the page. And
        no scrape may find it that has the time of a moment before this one: those that are under way end first.
        """
        self._wait("up", lambda value: True)
        with self._page_changes:
            self._page = page
            self._shown += 1
        # Of a scrape that fails there is nothing but what Prometheus says of its target.
        name, wanted = ("up", 0.0) if page is None else (SHOWN, float(self._shown))
        self._wait(name, lambda value: value == wanted)

    def _wait(self, name: str, is_wanted: Callable[[float], bool]) -> None:
        """Until the last sample of a series is wanted, and is of a scrape that began after this."""
        began, deadline = time.time(), time.monotonic() + PATIENCE
        while True:
            found = self.last(name)
            if found and found[0] >= began and is_wanted(found[1]):
                return
            assert time.monotonic() < deadline, f"no scrape with {name} as it should be: {found}"
            time.sleep(0.05)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def found(ask: Callable[[], T], wanted: Callable[[T], bool]) -> T:
    """The first answer that is `wanted`, or else the last of many: a value is gone while its last scrape was late."""
    deadline = time.monotonic() + PATIENCE
    while not wanted(answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


class RealPrometheus:
    """A Prometheus of its own in `folder`, that scrapes what it is told to every half second."""

    def __init__(self, folder: Path) -> None:
        self._targets = folder / "targets.json"
        self._exporters: list[Exporter] = []
        self._processes: dict[str, dict[str, str]] = {}
        self._write_targets()
        (folder / "prometheus.yml").write_text(CONFIGURATION.format(targets=self._targets))
        port = free_port()
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
        self.source = Source(MetricSource("real", self._url, timedelta(milliseconds=500), timedelta(seconds=30)))
        self._wait_until_ready(self._url)

    def scrape(self, *exporters: Exporter) -> None:
        """Returns once all `exporters` have been scraped."""
        self._exporters.extend(exporters)
        self._write_targets()
        for exporter in exporters:
            exporter.last = partial(self._last_sample, exporter.address)
            exporter.show("")

    def scrape_process(self, address: str, **labels: str) -> None:
        """Begin with a process of somebody else, with the labels that scraping adds to its pod."""
        self._processes[address] = labels
        self._write_targets()

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

    def _last_sample(self, address: str, name: str) -> tuple[float, float] | None:
        # As an Asker does, which leaves out the newest: it looks back by half an interval.
        asked = {"query": f'{name}{{instance="{address}"}}[1m]', "time": f"{time.time() - 0.25:.3f}"}
        answer = requests.get(f"{self._url}/api/v1/query", asked, timeout=60).json()
        found: list[dict[str, Any]] = answer["data"]["result"]
        if not found:
            return None
        at, value = found[0]["values"][-1]
        return float(at), float(value)

    def _write_targets(self) -> None:
        scraped = {exporter.address: exporter.labels for exporter in self._exporters} | self._processes
        groups = [{"targets": [address], "labels": labels} for address, labels in scraped.items()]
        written = self._targets.with_suffix(".new")
        written.write_text(json.dumps(groups))
        written.rename(self._targets)

    def _wait_until_ready(self, url: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            assert self._process.poll() is None, "Prometheus ended by itself"
            try:
                if requests.get(f"{url}/-/ready", timeout=10).status_code == 200:
                    return
            except (requests.ConnectionError, requests.Timeout):
                pass
            time.sleep(0.05)
        raise AssertionError("Prometheus did not get ready")
