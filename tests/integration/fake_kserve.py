"""The fake of KServe at work on a real API server: what it makes are real objects, and their pods a fake kubelet's.

Knative is not there either: its Revision is a definition of our own, reduced to what is read of it.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.fake_kubelet import accept_route, make_pods_ready
from tests.simulation.fake_kserve import FakeKServe

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import (
    DEPLOYMENT,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    KNATIVE_REVISION,
    SERVICE,
    Kind,
)
from modelwright.errors import Conflict
from modelwright.traffic.kserve.router import SERVICE_LABEL

MANAGER = "kserve-controller-manager"

REDUCED_REVISION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "revisions.serving.knative.dev"},
    "spec": {
        "group": KNATIVE_REVISION.group,
        "names": {"kind": KNATIVE_REVISION.name, "plural": KNATIVE_REVISION.plural},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


class KServeHere:
    """Reconciles the InferenceService `fraud` of one namespace, when it is told to.

    With a `host` its route is for that name, and it is the gateway's to accept; without, a fake accepts it. Its pods
    listen at `port`.
    """

    def __init__(self, cluster: Cluster, namespace: str, *, host: str = "", port: int = 8080) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.host, self.port = host, port
        self.fake = FakeKServe({}, start=timedelta(0))

    async def service(self) -> dict[str, Any]:
        body = await self.cluster.get(INFERENCE_SERVICE, self.namespace, "fraud")
        assert body is not None
        return body

    async def act(self) -> None:
        body = self.fake.body = await self.service()
        before, now = copy.deepcopy(body.get("status")), datetime.now(UTC)
        self.fake.act(now)
        for revision in self.fake.revisions(now) if "components" in body["status"] else ():
            await self._apply(KNATIVE_REVISION, revision)
        if "components" not in body["status"]:
            await self._standard()
        if body["status"] != before:
            status = {"status": body["status"]}
            await self.cluster.merge_patch(INFERENCE_SERVICE, self.namespace, "fraud", status, "status")

    async def _standard(self) -> None:
        for deployment in self.fake.deployments():
            name = deployment["metadata"]["name"]
            template = deployment["spec"]["template"]
            template["metadata"]["labels"] = {"app": f"isvc.{name}"}
            template["spec"]["containers"] = [{"name": "kserve-container", "image": "serve:1"}]
            deployment["spec"]["selector"] = {"matchLabels": {"app": f"isvc.{name}"}}
            deployment.pop("status")
            await self._apply(DEPLOYMENT, deployment, {SERVICE_LABEL: "fraud"})
            ports = [{"port": 80, "targetPort": self.port}]
            spec = {"selector": {"app": f"isvc.{name}"}, "ports": ports, "clusterIP": "None"}
            await self._apply(SERVICE, {"metadata": {"name": name}, "spec": spec})
        for body in await self.cluster.list(DEPLOYMENT, self.namespace, {SERVICE_LABEL: "fraud"}):
            if body["metadata"]["name"] not in self.fake.made:
                await self.cluster.delete(DEPLOYMENT, self.namespace, body["metadata"]["name"])
        await make_pods_ready(self.cluster, self.namespace)
        for route in self.fake.routes:
            refs = [{**ref, "port": 80} for ref in route["spec"]["rules"][0]["backendRefs"]]
            name = route["metadata"]["name"]
            hosts = [self.host if name == "fraud" else f"{name}.{self.host}"] if self.host else []
            spec = {"parentRefs": [{"name": "public"}], "hostnames": hosts, "rules": [{"backendRefs": refs}]}
            await self._apply(HTTP_ROUTE, {"metadata": {"name": name}, "spec": spec})
            if not self.host:
                await accept_route(self.cluster, self.namespace, name)

    async def _apply(self, kind: Kind, body: dict[str, Any], labels: dict[str, str] | None = None) -> None:
        metadata = {"namespace": self.namespace, "labels": labels or {}, **body["metadata"]}
        metadata.pop("generation", None)
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **body, "metadata": metadata}
        metadata["namespace"] = self.namespace
        try:
            await self.cluster.apply(kind, whole, manager=MANAGER)
        except Conflict:
            return
