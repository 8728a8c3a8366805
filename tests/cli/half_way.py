"""Rollouts that are half way: routes that give weight to a candidate, and runs whose pipeline has not ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result
from tests.contract.corpus import HERE, merged, read
from tests.integration.fake_kubelet import accept_route

from modelwright.cli.main import main
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import ENDPOINT_SLICE, HTTP_ROUTE, MODEL_ROLLOUT, POD, RETRAIN_RUN, SERVICE
from modelwright.errors import Conflict
from modelwright.retraining.plan.run_steps import FINALIZER
from modelwright.traffic.replica_ratio import WEIGHT_ANNOTATION

RUNNING = {"pipelineRun": {"requestedAt": "2026-11-21T08:00:00Z", "id": "kfp-7", "state": "RUNNING"}}


@dataclass(frozen=True)
class Place:
    cluster: Cluster
    kubeconfig: str
    namespace: str

    async def settle(self, *arguments: str) -> Result:
        where = ["--kubeconfig", self.kubeconfig, "--lease-namespace", self.namespace, "-n", self.namespace]
        return await asyncio.to_thread(CliRunner().invoke, main, ["settle", *arguments, *where])

    async def by_replicas(self, name: str, weight: int) -> dict[str, Any]:
        """A rollout without a router, whose candidate has pods behind the Service in front of both versions."""
        body = read(HERE / "accepted" / "rollout.yaml")[0]
        spec = {**body["spec"], "traffic": {"replicaRatio": {}}}
        body = self._placed({**body, "spec": spec}, name)
        created = await self.cluster.create(MODEL_ROLLOUT, body)
        stable = {"revision": "r1", "version": "v1", "uri": "s3://models/churn/v1", "weight": 100 - weight}
        candidate = {"revision": "r2", "version": "v2", "uri": "s3://models/churn/v2", "weight": weight}
        status = {"observedGeneration": 1, "stable": stable, "candidate": candidate}
        await self.cluster.replace(MODEL_ROLLOUT, merged(created, {"status": status}), "status")
        for role, revision in (("stable", "r1"), ("candidate", "r2")):
            await self.cluster.create(SERVICE, self._service(f"{name}-{role}", name, revision))
        names = [f"{name}-stable", name]
        for number, service in enumerate(names):
            endpoints = _endpoints(name, True)
            endpoints["metadata"]["labels"]["kubernetes.io/service-name"] = service
            endpoints["endpoints"][0]["targetRef"] = {"kind": "Pod", "name": "pod-1", "namespace": self.namespace}
            await self.cluster.create(ENDPOINT_SLICE, self._placed(endpoints, f"{name}-{number}"))
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "model", "image": "serve:1"}]}}
        labels = {"modelwright.dev/rollout": name, "modelwright.dev/revision": "r1"}
        await self.cluster.create(POD, merged(self._placed(pod, "pod-1"), {"metadata": {"labels": labels}}))
        front = self._service(name, name, "")
        front["metadata"]["annotations"] = {WEIGHT_ANNOTATION: str(weight)}
        return dict(await self.cluster.create(SERVICE, front))

    def _service(self, service: str, rollout: str, revision: str) -> dict[str, Any]:
        chosen = {"modelwright.dev/revision": revision} if revision else {}
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": service, "namespace": self.namespace},
            "spec": {
                "selector": {"modelwright.dev/rollout": rollout, **chosen},
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        }

    async def rollout(self, name: str, weight: int, *, ready: bool = True, mirror: int = 0) -> None:
        """A rollout whose route gives its candidate `weight` percent, and whose stable version is `ready`."""
        body = read(HERE / "accepted" / "rollout.yaml")[0]
        await self.cluster.create(MODEL_ROLLOUT, self._placed(body, name))
        await self.cluster.create(HTTP_ROUTE, self._placed(_route(name, weight, mirror), name))
        await self.cluster.create(ENDPOINT_SLICE, self._placed(_endpoints(name, ready), name))

    async def mend(self, name: str) -> None:
        """Bring the rollout's stable version back."""
        endpoints = _endpoints(name, True)["endpoints"]
        await self.cluster.merge_patch(ENDPOINT_SLICE, self.namespace, name, {"endpoints": endpoints})

    async def weights(self, name: str) -> list[int]:
        route = await self.cluster.get(HTTP_ROUTE, self.namespace, name)
        assert route is not None
        return [backend["weight"] for backend in route["spec"]["rules"][0]["backendRefs"]]

    async def run(self, name: str, status: dict[str, Any]) -> None:
        """A RetrainRun that our finalizer holds."""
        body = merged(read(HERE / "accepted" / "run.yaml")[0], {"metadata": {"finalizers": [FINALIZER]}})
        created = await self.cluster.create(RETRAIN_RUN, self._placed(body, name))
        await self.cluster.replace(RETRAIN_RUN, merged(created, {"status": status}), "status")

    async def finalizers(self, name: str) -> list[str]:
        """Those of a RetrainRun."""
        body = await self.cluster.get(RETRAIN_RUN, self.namespace, name)
        assert body is not None
        return list(body["metadata"].get("finalizers", []))

    def _placed(self, body: dict[str, Any], name: str) -> dict[str, Any]:
        return dict(merged(body, {"metadata": {"name": name, "namespace": self.namespace}}))


def _route(name: str, weight: int, mirror: int) -> dict[str, Any]:
    backends = [
        {"name": f"{name}-{role}", "port": 80, "weight": share}
        for role, share in (("stable", 100 - weight), ("candidate", weight))
    ]
    copies = {"backendRef": {"name": f"{name}-candidate", "port": 80}, "percent": mirror}
    filters = [{"type": "RequestMirror", "requestMirror": copies}] if mirror else []
    spec = {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": backends, "filters": filters}]}
    return {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.name, "spec": spec}


def _endpoints(name: str, ready: bool) -> dict[str, Any]:
    return {
        "apiVersion": ENDPOINT_SLICE.api_version,
        "kind": ENDPOINT_SLICE.name,
        "metadata": {"labels": {"kubernetes.io/service-name": f"{name}-stable"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["10.244.1.9"], "conditions": {"ready": ready}}],
    }


@asynccontextmanager
async def accepting(place: Place) -> AsyncIterator[None]:
    """Accept every generation of every route, as a Gateway does."""

    async def accept() -> None:
        while True:
            for route in await place.cluster.list(HTTP_ROUTE, place.namespace):
                with suppress(Conflict):
                    await accept_route(place.cluster, place.namespace, route["metadata"]["name"])
            await asyncio.sleep(0.1)

    task = asyncio.create_task(accept())
    try:
        yield
    finally:
        task.cancel()
