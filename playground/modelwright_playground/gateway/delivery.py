"""Resources to Envoy: files in an order that never drops a request, and back only when Envoy runs them.

Make before break: endpoints and new clusters first, then the routes that use them, then the removal of what no route
uses any more.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Iterable

from modelwright.errors import ModelwrightError
from modelwright_playground import atomically
from modelwright_playground.gateway.bootstrap import CLUSTERS_FILE, ENDPOINTS_FOLDER, ROUTES_FILE
from modelwright_playground.gateway.envoy import Envoy, Running
from modelwright_playground.gateway.facts import Object, Resources
from modelwright_playground.gateway.translate import route_configuration

_POLL = 0.01
_PATIENCE = 10.0


class NotLoaded(ModelwrightError):
    """Envoy does not run the configuration it was given."""


class Delivery:
    """Writes Envoy's files. The only one who does: it remembers what it wrote."""

    def __init__(self, envoy: Envoy) -> None:
        self._envoy = envoy
        self._folder = envoy.folder
        self._loaded = Resources()

    @property
    def endpoints_folder(self) -> str:
        return str(self._folder / ENDPOINTS_FOLDER)

    def begin(self) -> None:
        """Before Envoy starts: an empty configuration, and nothing left of an earlier run's."""
        self._endpoints_but(())
        self._clusters(())
        self._routes(route_configuration({}))

    async def load(self, wanted: Resources) -> None:
        """Have Envoy run `wanted`; nothing is written where it does already. Raises NotLoaded."""
        if wanted == self._loaded:
            return
        for name, assignment in wanted.endpoints.items():
            content = json.dumps({"version_info": _version(assignment), "resources": [assignment]})
            atomically.write(self._folder / ENDPOINTS_FOLDER / f"{name}.json", content)
        refused = (await self._envoy.running()).refused
        names = {item["name"] for item in wanted.clusters}
        leaving = [item for item in self._loaded.clusters if item["name"] not in names]
        await self._until_clusters([*wanted.clusters, *leaving], refused)
        routes = self._routes(wanted.routes)
        await self._until(lambda running: running.routes == routes, refused, "routes")
        if leaving:
            await self._until_clusters(wanted.clusters, refused)
        self._endpoints_but(wanted.endpoints)
        self._loaded = wanted

    async def _until_clusters(self, clusters: Iterable[Object], refused: int) -> None:
        version = self._clusters(clusters)
        await self._until(lambda running: running.clusters == version and not running.warming, refused, "clusters")

    async def _until(self, arrived: Callable[[Running], bool], refused: int, what: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not arrived(running := await self._envoy.running()):
            if running.refused > refused:
                raise NotLoaded(f"Envoy refused the {what}; its own message above says why")
            if time.monotonic() > deadline:
                raise NotLoaded(f"Envoy did not take up the {what} within {_PATIENCE:.0f} s")
            await asyncio.sleep(_POLL)

    def _clusters(self, clusters: Iterable[Object]) -> str:
        resources = list(clusters)
        version = _version(resources)
        atomically.write(self._folder / CLUSTERS_FILE, json.dumps({"version_info": version, "resources": resources}))
        return version

    def _routes(self, routes: Object) -> str:
        version = _version(routes)
        atomically.write(self._folder / ROUTES_FILE, json.dumps({"version_info": version, "resources": [routes]}))
        return version

    def _endpoints_but(self, keep: Iterable[str]) -> None:
        kept = {f"{name}.json" for name in keep}
        for path in (self._folder / ENDPOINTS_FOLDER).glob("*.json"):
            if path.name not in kept:
                path.unlink()


def _version(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
