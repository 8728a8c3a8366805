"""A user's route as tests need it, and a rollout that is attached to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from modelwright.api.models import Model
from modelwright.api.rollout import (
    Arm,
    AttachedRoute,
    Candidate,
    ModelRollout,
    RolloutSpec,
    RolloutStatus,
    Step,
    Workload,
)

V1, V2 = (Model(v, f"s3://models/churn/{v}") for v in ("v1", "v2"))


def backend(name: str, weight: int | None, **fields: Any) -> dict[str, Any]:
    weighted = {} if weight is None else {"weight": weight}
    return {"group": "", "kind": "Service", "name": name, "port": 80, **weighted, **fields}


def both(stable: int | None = 100, candidate: int | None = 0, name: str = "") -> dict[str, Any]:
    """A rule that names both backends of the rollout churn, with a filter that nobody but its owner may touch."""
    refs = [backend("churn-stable", stable), backend("churn-candidate", candidate)]
    header = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-team", "value": "churn"}]}}
    return {**({"name": name} if name else {}), "filters": [header], "backendRefs": refs}


def other(service: str = "elsewhere") -> dict[str, Any]:
    return {"matches": [{"path": {"type": "PathPrefix", "value": "/docs"}}], "backendRefs": [backend(service, 1)]}


def route(*rules: dict[str, Any], manager: str = "team", **metadata: Any) -> dict[str, Any]:
    """As the API server returns it: accepted by its one Gateway, and last changed by `manager`."""
    conditions = [
        {"type": t, "status": "True", "reason": t, "observedGeneration": 1} for t in ("Accepted", "ResolvedRefs")
    ]
    entry = {"manager": manager, "operation": "Apply", "time": "2026-11-21T08:00:00Z"}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": "churn",
            "namespace": "ml",
            "generation": 1,
            "resourceVersion": "7",
            "creationTimestamp": "2026-11-21T07:00:00Z",
            "managedFields": [{**entry, "fieldsV1": {"f:spec": {"f:parentRefs": {}, "f:rules": {}}}}],
            **metadata,
        },
        "spec": {"parentRefs": [{"name": "public"}], "rules": list(rules or (both(),))},
        "status": {"parents": [{"parentRef": {"name": "public"}, "conditions": conditions}]},
    }


def to(host: str, weight: int | None = None) -> dict[str, Any]:
    return {"destination": {"host": host}, **({} if weight is None else {"weight": weight})}


def virtual_service(*http: dict[str, Any], manager: str = "team") -> dict[str, Any]:
    fields: dict[str, Any] = {"f:spec": {"f:hosts": {}, "f:http": {}}}
    body = route(manager=manager)
    entry = {"manager": manager, "operation": "Apply", "time": "2026-11-21T08:00:00Z", "fieldsV1": fields}
    return {
        **body,
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {**body["metadata"], "managedFields": [entry]},
        "spec": {"hosts": ["churn"], "http": list(http)},
        "status": {},
    }


def rollout(weight: int | None = None, rule_name: str = "", name: str = "churn", **fields: Any) -> ModelRollout:
    """Serving v1, and giving v2 `weight` percent where that is not None."""
    candidate = None if weight is None else Candidate("r2", V2, weight)
    status = RolloutStatus(stable=Arm("r1", V1, 100 - (weight or 0)), candidate=candidate)
    spec = RolloutSpec(
        workload=Workload({"spec": {"containers": [{"name": "model", "image": "serve:1"}]}}),
        route=AttachedRoute("HTTPRoute", "churn", rule_name),
        model=V2,
        steps=(Step(25, timedelta(minutes=5)),),
    )
    return ModelRollout(
        "ml", name, fields.pop("uid", "uid"), 1, "1", fields.pop("spec", spec), fields.pop("status", status)
    )
