"""The managed HTTPRoute: one rule with two backends that we create, weigh and read back.

All defaults of the Gateway API are spelled out, so that what we apply is what the server stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from modelwright.api.rollout import ModelRollout
from modelwright.api.times import parse_time
from modelwright.traffic.route import RouteSeen

SERVICE_PORT = 80

Object = Mapping[str, Any]


def stable_service(rollout_name: str) -> str:
    return f"{rollout_name}-stable"


def candidate_service(rollout_name: str) -> str:
    return f"{rollout_name}-candidate"


def spec_of(rollout: ModelRollout, candidate_weight: int) -> dict[str, Any]:
    """The route's whole spec with the candidate at `candidate_weight` percent."""
    route = rollout.spec.route
    spec: dict[str, Any] = {
        "parentRefs": [_parent(parent) for parent in route.parent_refs],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [
                    _backend(stable_service(rollout.name), 100 - candidate_weight),
                    _backend(candidate_service(rollout.name), candidate_weight),
                ],
            }
        ],
    }
    if route.hostnames:
        spec["hostnames"] = list(route.hostnames)
    return spec


def read(rollout: ModelRollout, body: Object, manager: str) -> RouteSeen:
    """Read the route back. Weights that do not add up to 100 are taken as shares, in favour of the candidate's."""
    stable = _weight(body, stable_service(rollout.name))
    candidate = _weight(body, candidate_service(rollout.name))
    total = stable + candidate
    share = -(-100 * candidate // total) if total else 0
    accepted, message = acceptance(body, len(rollout.spec.route.parent_refs))
    return RouteSeen(
        stable_weight=100 - share,
        candidate_weight=share,
        resource_version=body["metadata"]["resourceVersion"],
        accepted=accepted,
        message=message,
        changed_by=_changed_by(body, manager),
        as_wanted=body.get("spec", {}) == spec_of(rollout, share),
        silent=_silent(body, rollout.spec.route.parent_refs),
        written_at=_written_at(body),
    )


def _parent(parent: Object) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", **parent}


def _backend(name: str, weight: int) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": name, "port": SERVICE_PORT, "weight": weight}


def _weight(body: Object, service: str) -> int:
    return sum(
        int(backend.get("weight", 1))
        for rule in body.get("spec", {}).get("rules", [])
        for backend in rule.get("backendRefs", [])
        if backend.get("name") == service
    )


def acceptance(body: Object, parents_wanted: int) -> tuple[bool | None, str]:
    """Accepted and ResolvedRefs at the current generation for every parent: True, False with why, None if unsaid."""
    generation = body["metadata"]["generation"]
    parents: Sequence[Object] = body.get("status", {}).get("parents", [])
    answered = 0
    for parent in parents:
        conditions = {c["type"]: c for c in parent.get("conditions", []) if c.get("observedGeneration") == generation}
        for type_ in ("Accepted", "ResolvedRefs"):
            condition = conditions.get(type_)
            if condition and condition["status"] == "False":
                name = parent.get("parentRef", {}).get("name", "")
                return (
                    False,
                    f"Gateway '{name}' says {type_}=False, {condition['reason']}: {condition.get('message', '')}",
                )
        answered += {"Accepted", "ResolvedRefs"} <= {t for t, c in conditions.items() if c["status"] == "True"}
    return (True, "") if answered >= parents_wanted else (None, "")


def _silent(body: Object, wanted: Sequence[Object]) -> tuple[str, ...]:
    namespace = body["metadata"]["namespace"]

    def target(parent: Object) -> tuple[Any, ...]:
        return (parent.get("namespace", namespace), parent["name"], parent.get("sectionName"), parent.get("port"))

    answered = {target(entry["parentRef"]) for entry in body.get("status", {}).get("parents", [])}
    return tuple(f"'{parent['name']}'" for parent in wanted if target(parent) not in answered)


def _written_at(body: Object) -> datetime:
    times = [change["time"] for change in _spec_changes(body) if "time" in change]
    return parse_time(max(times, default=body["metadata"]["creationTimestamp"]))


def _spec_changes(body: Object) -> list[Object]:
    return [e for e in body["metadata"].get("managedFields", []) if e.get("subresource") != "status"]


def _changed_by(body: Object, manager: str) -> str:
    changes = _spec_changes(body)
    # Times have whole seconds: on a tie the change counts as somebody else's, whose word weighs more than ours.
    newest: Object = max(changes, key=lambda e: (e.get("time", ""), e.get("manager") != manager), default={})
    return "" if newest.get("manager") == manager else str(newest.get("manager", ""))
