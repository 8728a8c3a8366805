"""The managed HTTPRoute or GRPCRoute: created, written whole and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from modelwright.api.rollout import ManagedRoute, ModelRollout
from modelwright.api.times import parse_time
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import GRPC_ROUTE, HTTP_ROUTE, ROLLOUT_LABEL, Kind
from modelwright.rollouts.ownership import Ownership, owned, ownership
from modelwright.traffic.features import unsupported
from modelwright.traffic.managed_rules import rules_of, split_of
from modelwright.traffic.route import RouteSeen, Split, WriteRoute

KINDS = {kind.name: kind for kind in (HTTP_ROUTE, GRPC_ROUTE)}

Object = Mapping[str, Any]


class ManagedRouter:
    """Router: a route of the rollout's name, which belongs to the rollout."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.kinds: tuple[Kind, ...] = (kind,)

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        body = await cluster.get(self._kind, rollout.namespace, rollout.name)
        if body is None:
            return None
        return read(rollout, body, FIELD_MANAGER, await unsupported(cluster, rollout))

    async def write(self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute) -> None:
        await cluster.apply(self._kind, manifest(rollout, action))

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        """It is ours: there is nobody to hand it back to."""


def manifest(rollout: ModelRollout, action: WriteRoute) -> dict[str, Any]:
    body = owned(rollout, KINDS[_wanted(rollout).kind], rollout.name, {ROLLOUT_LABEL: rollout.name})
    if action.resource_version:
        body["metadata"]["resourceVersion"] = action.resource_version
    body["spec"] = spec_of(rollout, action.split)
    return body


def spec_of(rollout: ModelRollout, split: Split) -> dict[str, Any]:
    """The route's whole spec with the candidate given `split`."""
    route = _wanted(rollout)
    spec: dict[str, Any] = {
        "parentRefs": [_parent(parent) for parent in route.parent_refs],
        "rules": rules_of(rollout.name, split, route.kind),
    }
    if route.hostnames:
        spec["hostnames"] = list(route.hostnames)
    return spec


def read(rollout: ModelRollout, body: Object, manager: str, lacking: frozenset[str] = frozenset()) -> RouteSeen:
    """Read the route back. `lacking` is what its Gateways are known not to do."""
    split = split_of(rollout.name, body.get("spec", {}).get("rules", []))
    owner, kind = ownership(body, rollout), KINDS[_wanted(rollout).kind]
    accepted, message = acceptance(body, len(_wanted(rollout).parent_refs))
    return RouteSeen(
        split=split,
        resource_version=body["metadata"]["resourceVersion"],
        accepted=accepted,
        message=message,
        changed_by=_changed_by(body, manager),
        as_wanted=body.get("spec", {}) == spec_of(rollout, split),
        silent=_silent(body, _wanted(rollout).parent_refs),
        written_at=_written_at(body),
        unsupported=lacking,
        orphaned=((kind, rollout.name),) if owner is Ownership.ORPHANED else (),
        foreign=(f"{kind.name} {rollout.name}",) if owner is Ownership.FOREIGN else (),
    )


def _parent(parent: Object) -> dict[str, Any]:
    return {"group": "gateway.networking.k8s.io", "kind": "Gateway", **parent}


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


def _wanted(rollout: ModelRollout) -> ManagedRoute:
    assert isinstance(rollout.spec.route, ManagedRoute), "a rollout with another router was given to this one"
    return rollout.spec.route
