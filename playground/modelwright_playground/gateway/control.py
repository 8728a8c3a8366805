"""The gateway's loop: look at everything, translate all of it, load it, then say so. It is never told what happened."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import aiohttp

from modelwright.cluster import keys
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import Kind
from modelwright.errors import Conflict, ModelwrightError
from modelwright_playground.gateway.delivery import Delivery
from modelwright_playground.gateway.facts import CONTROLLER, Object, Observation, Translation
from modelwright_playground.gateway.statuses import class_status, gateway_status, route_status
from modelwright_playground.gateway.translate import translate
from modelwright_playground.watching import Watching

log = logging.getLogger(__name__)

KINDS = (
    keys.GATEWAY_CLASS,
    keys.GATEWAY,
    keys.HTTP_ROUTE,
    keys.GRPC_ROUTE,
    keys.SERVICE,
    keys.ENDPOINT_SLICE,
    keys.NAMESPACE,
    keys.VIRTUAL_SERVICE,
)
OPTIONAL = (keys.VIRTUAL_SERVICE,)
"""Not installed by the playground: who wants some brings Istio's definition."""
ROUTES = {kind.name: kind for kind in (keys.HTTP_ROUTE, keys.GRPC_ROUTE)}
CLASS_NAME = "modelwright-playground"
FIELD_MANAGER = "modelwright-playground-gateway"
ADDRESS = "127.0.0.1"
_RETRY = 1.0


class Control:
    """One gateway controller over `watching`, which must follow KINDS, of which OPTIONAL may be missing."""

    def __init__(self, cluster: Cluster, watching: Watching, delivery: Delivery) -> None:
        self._cluster = cluster
        self._watching = watching
        self._delivery = delivery
        # Set once the first translation is loaded: from then on Envoy serves what the cluster says.
        self.loaded = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled. A pass that fails is done again, on the next change or after a second."""
        while True:
            await self._watching.changed.wait()
            self._watching.changed.clear()
            if not self._watching.complete:
                continue
            try:
                await self.once()
            except (ModelwrightError, aiohttp.ClientError, TimeoutError) as error:
                log.warning("this pass is done again: %s", error or type(error).__name__)
                asyncio.get_running_loop().call_later(_RETRY, self._watching.changed.set)

    async def once(self) -> int:
        """One pass. The number of statuses written: 0 when nothing changed."""
        await self._ensure_class()
        translation = translate(self._observe(), self._delivery.endpoints_folder)
        await self._delivery.load(translation.resources)
        self.loaded.set()
        return await self._tell(translation)

    def _observe(self) -> Observation:
        objects = self._watching.objects
        return Observation(
            classes=objects(keys.GATEWAY_CLASS),
            gateways=objects(keys.GATEWAY),
            routes=objects(keys.HTTP_ROUTE) + objects(keys.GRPC_ROUTE),
            virtual_services=objects(keys.VIRTUAL_SERVICE),
            services=objects(keys.SERVICE),
            slices=objects(keys.ENDPOINT_SLICE),
            namespaces=objects(keys.NAMESPACE),
        )

    async def _ensure_class(self) -> None:
        """Make our GatewayClass where it is missing; its arrival is a change, and brings another pass."""
        if any(item["metadata"]["name"] == CLASS_NAME for item in self._watching.objects(keys.GATEWAY_CLASS)):
            return
        body = {
            "apiVersion": keys.GATEWAY_CLASS.api_version,
            "kind": keys.GATEWAY_CLASS.name,
            "metadata": {"name": CLASS_NAME},
            "spec": {"controllerName": CONTROLLER, "description": "Envoy on this machine"},
        }
        await self._cluster.apply(keys.GATEWAY_CLASS, body, manager=FIELD_MANAGER)

    async def _tell(self, translation: Translation) -> int:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        changes = [
            *((keys.GATEWAY_CLASS, item, class_status(item, now)) for item in translation.classes),
            *((keys.GATEWAY, item.gateway, gateway_status(item, ADDRESS, now)) for item in translation.gateways),
            *((ROUTES[item.route["kind"]], item.route, route_status(item, now)) for item in translation.routes),
        ]
        wanted = [(kind, item, status) for kind, item, status in changes if status is not None]
        await asyncio.gather(*(self._write(*change) for change in wanted))
        return len(wanted)

    async def _write(self, kind: Kind, item: Object, status: Object) -> None:
        metadata = item["metadata"]
        path = kind.path(metadata.get("namespace"), metadata["name"], "status")
        try:
            # A manager of our own: the operator reads from a route's managedFields who touched it.
            await self._cluster.raw("put", f"{path}?fieldManager={FIELD_MANAGER}", {**item, "status": status})
        except Conflict:
            # Somebody wrote in between; their change is on its way to us and brings the next pass.
            log.info("%s %s changed meanwhile", kind.name, metadata["name"])
