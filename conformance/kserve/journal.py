"""What was asked of KServe, and what it made of that, in the order in which it was seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from conformance.kserve.fakes import AUTOSCALER
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, HTTP_ROUTE, INFERENCE_SERVICE, KNATIVE_REVISION, Kind
from modelwright.traffic.kserve.service import SOURCE_ANNOTATION

KNATIVE_SERVICE = Kind("serving.knative.dev", "v1", "services", "Service")
ROLES = ("latestCreatedRevision", "latestReadyRevision", "latestRolledoutRevision", "previousRolledoutRevision")

Object = dict[str, Any]


@dataclass
class Journal:
    """Each entry differs from the one before."""

    cluster: Cluster
    namespace: str
    entries: list[Object] = field(default_factory=list)

    async def look(self) -> Object:
        entry = {name: value for name, value in (await self._seen()).items() if value or value == 0}
        if not self.entries or self.entries[-1] != entry:
            self.entries.append(entry)
            print(json.dumps(entry))
        return entry

    def all(self, name: str) -> list[Any]:
        """The values that `name` had, each once for as long as it lasted."""
        values = [entry.get(name) for entry in self.entries]
        return [value for number, value in enumerate(values) if not number or values[number - 1] != value]

    async def _seen(self) -> Object:
        body = await self.cluster.get(INFERENCE_SERVICE, self.namespace, "fraud") or {}
        spec, status = body.get("spec", {}), body.get("status", {})
        predictor, component = spec.get("predictor", {}), status.get("components", {}).get("predictor", {})
        service = await self.cluster.get(KNATIVE_SERVICE, self.namespace, "fraud-predictor") or {}
        return {
            "uri": predictor.get("model", {}).get("storageUri"),
            "name": predictor.get("name"),
            "percent": "none" if predictor.get("canaryTrafficPercent") is None else predictor["canaryTrafficPercent"],
            "canary": [
                [one["predictor"]["name"], one["predictor"].get("minReplicas"), one.get("trafficPercent")]
                for one in spec.get("canary") or ()
            ],
            "asked": [_target(one) for one in service.get("spec", {}).get("traffic", ())],
            "divided": [_target(one) for one in service.get("status", {}).get("traffic", ())],
            "told": [_target(one) for one in component.get("traffic", ())],
            "roles": [_short(component.get(role, "")) for role in ROLES if component.get(role)],
            "revisions": {
                _short(one["metadata"]["name"]): _uri(one)
                for one in await self.cluster.list(KNATIVE_REVISION, self.namespace)
            },
            "deployments": {
                one["metadata"]["name"]: [one["spec"].get("replicas"), _uri(one["spec"]["template"])]
                for one in await self.cluster.list(DEPLOYMENT, self.namespace)
            },
            "autoscalers": {
                one["metadata"]["name"]: [one["spec"]["minReplicas"], one["spec"]["maxReplicas"]]
                for one in await self.cluster.list(AUTOSCALER, self.namespace)
            },
            "routes": {
                one["metadata"]["name"]: [
                    [[ref["name"], ref.get("weight")] for ref in rule.get("backendRefs", ())]
                    for rule in one["spec"].get("rules", ())
                ]
                for one in await self.cluster.list(HTTP_ROUTE, self.namespace)
            },
            "canaryStatuses": status.get("canaryStatuses"),
        }


def _target(target: Object) -> list[Any]:
    name = _short(target.get("revisionName", ""))
    return [name or "latest", target.get("percent"), *([target["tag"]] if target.get("tag") else [])]


def _short(revision: str) -> str:
    return revision.rpartition("-")[2]


def _uri(body: Object) -> str:
    return str(body["metadata"].get("annotations", {}).get(SOURCE_ANNOTATION, ""))
