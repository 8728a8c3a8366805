"""The Envoy process, and what its admin interface says about the configuration it runs."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from modelwright_playground import atomically
from modelwright_playground.gateway import bootstrap
from modelwright_playground.server_process import ServerProcess

_ASKED = (
    r"^(cluster_manager\.(cds\.(version_text|update_rejected)|warming_clusters)"
    r"|http\.gateway\.rds\.playground\.(version_text|update_rejected))$"
)
_STATISTIC = re.compile(r'^(\S+): "?([^"\n]*)"?$', re.MULTILINE)


@dataclass(frozen=True)
class Running:
    """Which versions Envoy runs, and how often it refused a file since it started."""

    clusters: str
    routes: str
    warming: int
    refused: int


class Envoy:
    """One Envoy that reads its configuration from `folder`."""

    def __init__(self, folder: Path, port: int, admin_port: int) -> None:
        self.folder = folder
        self._port = port
        self._admin_port = admin_port
        self._admin = f"http://127.0.0.1:{admin_port}"
        self._session: aiohttp.ClientSession | None = None
        program = Path(sys.executable).with_name("envoy")
        config = folder / "bootstrap.json"
        self.process = ServerProcess(
            "Envoy",
            # One Envoy per machine would do with hot restart; several playgrounds at once do not.
            [str(program), "-c", str(config), "--disable-hot-restart", "--concurrency", "2", "--log-level", "warning"],
            [port, admin_port],
            f"{self._admin}/ready",
        )

    async def start(self) -> None:
        """Write the bootstrap and start; returns when Envoy has its listener (it answers 404 until there are routes).

        The files for clusters and routes must be there. CannotServe when Envoy cannot run.
        """
        atomically.write(self.folder / "bootstrap.json", json.dumps(bootstrap.bootstrap(self.folder, self._admin_port)))
        listeners = [bootstrap.listener(self.folder, self._port)]
        atomically.write(
            self.folder / bootstrap.LISTENERS_FILE, json.dumps({"version_info": "1", "resources": listeners})
        )
        await self.process.start()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    async def stop(self) -> None:
        if self._session:
            await self._session.close()
        await self.process.stop()

    async def running(self) -> Running:
        """What Envoy runs now. aiohttp.ClientError or TimeoutError when it does not answer."""
        found = dict(_STATISTIC.findall(await self._ask("/stats", filter=_ASKED)))
        return Running(
            clusters=found.get("cluster_manager.cds.version_text", ""),
            routes=found.get("http.gateway.rds.playground.version_text", ""),
            warming=int(found.get("cluster_manager.warming_clusters", 0)),
            refused=sum(int(value) for name, value in found.items() if name.endswith("update_rejected")),
        )

    async def _ask(self, path: str, **query: str) -> str:
        assert self._session is not None, "asked before start()"
        async with self._session.get(self._admin + path, params=query) as answer:
            return await answer.text()
