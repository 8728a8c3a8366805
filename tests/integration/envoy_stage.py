"""A rollout on a real API server with a real Envoy in front of real servers; looks at metrics are fake.

Pods are small servers that answer with their revision, over HTTP or gRPC. The playground's gateway programs Envoy and
answers for routes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
from tests.integration.fake_kubelet import make_pods_ready
from tests.integration.servers import HttpServers, Servers
from tests.integration.stage import SPEC, Stage

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import GATEWAY, Kind
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright_playground.gateway.control import CLASS_NAME, KINDS, OPTIONAL, Control
from modelwright_playground.gateway.delivery import Delivery
from modelwright_playground.gateway.envoy import Envoy
from modelwright_playground.instance import Instance
from modelwright_playground.watching import Watching

TESTER = {"x-tester": "1"}


class EnvoyStage(Stage):
    """One rollout named churn whose requests go through Envoy, by the host name of its namespace."""

    servers_of: ClassVar[type[Servers]] = HttpServers

    def __init__(self, cluster: Cluster, namespace: str, servers: Servers, url: str) -> None:
        super().__init__(cluster, namespace)
        self.servers, self.url, self.host = servers, url, f"{namespace}.example"

    def spec(self, **changes: Any) -> dict[str, Any]:
        """The stage's usual spec, whose pods listen where the servers do."""
        containers = [
            {"name": "model", "image": "serve:1", "ports": [{"name": "http", "containerPort": self.servers.port}]}
        ]
        workload = {"deployment": {"template": {"spec": {"containers": containers}}}}
        return {**SPEC, "workload": workload, **changes}

    async def create(self, **changes: Any) -> None:
        await super().create(**self.spec(**changes))

    async def apply(self, kind: Kind, name: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, "spec": spec}
        await self.cluster.apply(kind, body, manager="team", force=False)

    async def ask(self, headers: dict[str, str] | None = None, path: str = "/") -> str:
        """The version that answers, or the status where none does."""
        asked = {"Host": self.host, **(headers or {})}
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=asked) as answer:
            return await answer.text() if answer.status == 200 else str(answer.status)

    async def answers(self, times: int = 40, headers: dict[str, str] | None = None, path: str = "/") -> Counter[str]:
        return Counter([await self.ask(headers, path) for _ in range(times)])

    async def play(self, reached: Any) -> None:
        """Let pods, operator and gateway act until `reached()` holds."""

        async def all_act() -> None:
            await make_pods_ready(self.cluster, self.namespace)
            await self.servers.follow(self.cluster, self.namespace)
            await reconcile_rollout(self.key, self.room)

        await self.repeat(all_act, reached)

    async def is_paused(self, reason: str) -> bool:
        return bool((await self.body()).get("status", {}).get("paused") == reason)

    async def is_let_go(self) -> bool:
        """Whether nothing is left to be given back."""
        return "finalizers" not in (await self.body())["metadata"]

    async def revision(self, arm: str) -> str:
        return str((await self.body())["status"][arm]["revision"])

    async def promote(self) -> None:
        revision = await self.revision("candidate")
        await self.annotate({"modelwright.dev/command": f"promote/{revision}/{revision}"})


@contextlib.asynccontextmanager
async def on_stage(
    cluster: Cluster, namespace: str, folder: Path, stage_of: type[EnvoyStage] = EnvoyStage
) -> AsyncIterator[EnvoyStage]:
    """A stage with its Envoy, and a Gateway named public."""
    instance = Instance.create("test", folder)
    envoy = Envoy(folder / "envoy", instance.ports.gateway, instance.ports.envoy_admin)
    delivery = Delivery(envoy)
    delivery.begin()
    watching, servers = Watching(cluster, KINDS, OPTIONAL), stage_of.servers_of()
    stage = stage_of(cluster, namespace, servers, instance.gateway_url)
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    await stage.apply(GATEWAY, "public", {"gatewayClassName": CLASS_NAME, "listeners": listeners})
    working = [asyncio.create_task(watching.run())]
    try:
        await envoy.start()
        working.append(asyncio.create_task(Control(cluster, watching, delivery).run()))
        yield stage
    finally:
        for task in working:
            task.cancel()
        await asyncio.wait(working)
        await envoy.stop()
        await servers.stop()
        await stage.background.close()
