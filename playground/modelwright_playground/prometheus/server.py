"""The Prometheus process of one instance, and the file from which it learns its targets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from modelwright_playground import atomically
from modelwright_playground.prometheus.configuration import configuration
from modelwright_playground.prometheus.targets import scrape_targets
from modelwright_playground.server_process import ServerProcess

RETENTION = "1d"


class Prometheus:
    """One server on 127.0.0.1:`port` that keeps everything in `folder`."""

    def __init__(self, program: Path, folder: Path, port: int, envoy_admin_port: int) -> None:
        self._targets_file = folder / "targets" / "pods.json"
        self._config_file = folder / "prometheus.yml"
        self._envoy_admin_port = envoy_admin_port
        self.process = ServerProcess(
            "Prometheus",
            [
                str(program),
                f"--config.file={self._config_file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--storage.tsdb.retention.time={RETENTION}",
                f"--web.listen-address=127.0.0.1:{port}",
                # Else a new pod waits up to 5 s for its first scrape, and what it counted by then has no time.
                "--scrape.discovery-reload-interval=1s",
                "--log.level=warn",
            ],
            [port],
            f"http://127.0.0.1:{port}/-/ready",
        )

    async def start(self) -> None:
        """Write the configuration and start; returns when queries are answered. CannotServe when it cannot run."""
        # Targets of an earlier run are gone, and their addresses may be others' by now.
        self.scrape(())
        atomically.write(
            self._config_file,
            yaml.safe_dump(configuration(self._targets_file, self._envoy_admin_port), sort_keys=False),
        )
        await self.process.start()

    def scrape(self, pods: Iterable[Mapping[str, Any]]) -> bool:
        """Make `pods` all that is scraped, where they ask for it. False where it was so already."""
        return atomically.write(self._targets_file, json.dumps(scrape_targets(pods), indent=1))
