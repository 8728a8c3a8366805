"""No router: one Service over the pods of both versions, so that each gets traffic as it has pods. Approximate.

At 0 and at 100 percent the Service selects one revision, whatever other pods there are: that is exact, and at once. In
between it selects every pod of the rollout; which share it was told is kept on it as an annotation.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.api.rollout import ModelRollout, ReplicaRatio
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import ENDPOINT_SLICE, POD, REVISION_LABEL, ROLLOUT_LABEL, SERVICE, Kind
from modelwright.errors import Conflict
from modelwright.rollouts.ownership import Ownership, owned, ownership
from modelwright.traffic import field_managers, ratio
from modelwright.traffic.backends import SERVICE_PORT, candidate_service, stable_service
from modelwright.traffic.route import (
    HEADER_MATCH,
    MIRROR,
    REGULAR_EXPRESSION_MATCH,
    RouteSeen,
    Split,
    WriteRoute,
)

WEIGHT_ANNOTATION = "modelwright.dev/candidate-weight"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"

Object = Mapping[str, Any]


class ReplicaRatioRouter:
    """Router: a Service in front of all pods of the rollout, which belongs to the rollout."""

    kinds: tuple[Kind, ...] = (SERVICE, ENDPOINT_SLICE, POD)

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        namespace, name = rollout.namespace, front_of(rollout)
        body, stable, candidate = await _services(cluster, rollout)
        if body is None:
            return None
        slices, pods = await asyncio.gather(
            cluster.list(ENDPOINT_SLICE, namespace, {SERVICE_NAME_LABEL: name}),
            cluster.list(POD, namespace, {ROLLOUT_LABEL: rollout.name}),
        )
        return seen(rollout, body, (_pinned(stable), _pinned(candidate)), _ready(slices, pods))

    async def write(
        self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute, manager: str = FIELD_MANAGER
    ) -> None:
        body, stable, candidate = await _services(cluster, rollout)
        if stable is None or candidate is None:
            raise Conflict("the Services of the two versions are not there yet")
        if action.resource_version and (body is None or body["metadata"]["resourceVersion"] != action.resource_version):
            raise Conflict(f"Service '{front_of(rollout)}' changed since the raise was decided")
        weight = action.split.weight
        wanted = owned(rollout, SERVICE, front_of(rollout), {ROLLOUT_LABEL: rollout.name})
        if action.resource_version:
            wanted["metadata"]["resourceVersion"] = action.resource_version
        wanted["metadata"]["annotations"] = {WEIGHT_ANNOTATION: str(weight)}
        pinned = {0: _pinned(stable), 100: _pinned(candidate)}.get(weight, "")
        wanted["spec"] = {"selector": _selector(rollout, pinned), "ports": stable["spec"]["ports"]}
        for port in wanted["spec"]["ports"]:
            port.pop("nodePort", None)
        await cluster.apply(SERVICE, wanted, manager=manager)

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        """It is ours: there is nobody to hand it back to."""


def front_of(rollout: ModelRollout) -> str:
    assert isinstance(rollout.spec.route, ReplicaRatio), "a rollout with another router was given to this one"
    return rollout.spec.route.service or rollout.name


def seen(rollout: ModelRollout, body: Object, revisions: tuple[str, str], ready: Mapping[str, int]) -> RouteSeen:
    """The Service read back. `revisions` are those that the stable and the candidate Service select, `ready` counts the
    endpoints by revision."""
    stable, candidate = revisions
    pinned, owner = _pinned(body), ownership(body, rollout)
    weight = 100 if pinned == candidate != stable else 0
    if not pinned:
        told = body["metadata"].get("annotations", {}).get(WEIGHT_ANNOTATION, "")
        # Without a word of ours the candidate may have any share: then it counts as too high, and is lowered.
        weight = int(told) if told.isdecimal() and 0 < int(told) < 100 else 99
    wanted = {0: {stable}, 100: {candidate}}.get(weight, {stable, candidate})
    name = front_of(rollout)
    return RouteSeen(
        split=Split(weight),
        resource_version=body["metadata"]["resourceVersion"],
        # Pods of a third revision, on their way out, would take a share of their own.
        accepted=True if set(ready) == wanted else None,
        changed_by=_changed_by(body),
        as_wanted=pinned == stable and [port["port"] for port in body["spec"]["ports"]] == [SERVICE_PORT],
        written_at=field_managers.written_at(body),
        unsupported=frozenset({MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH}),
        orphaned=((SERVICE, name),) if owner is Ownership.ORPHANED else (),
        foreign=(f"{SERVICE.name} {name}",) if owner is Ownership.FOREIGN else (),
        obstacle=ratio.obstacle(rollout.spec),
    )


async def _services(cluster: Cluster, rollout: ModelRollout) -> list[dict[str, Any] | None]:
    names = (front_of(rollout), stable_service(rollout.name), candidate_service(rollout.name))
    return await asyncio.gather(*(cluster.get(SERVICE, rollout.namespace, name) for name in names))


def _selector(rollout: ModelRollout, pinned: str) -> dict[str, str]:
    return {ROLLOUT_LABEL: rollout.name, **({REVISION_LABEL: pinned} if pinned else {})}


def _pinned(service: Object | None) -> str:
    return str(service["spec"].get("selector", {}).get(REVISION_LABEL, "")) if service else ""


def _ready(slices: Sequence[Object], pods: Sequence[Object]) -> Mapping[str, int]:
    revision_of = {pod["metadata"]["name"]: pod["metadata"]["labels"].get(REVISION_LABEL, "") for pod in pods}
    endpoints = [endpoint for piece in slices for endpoint in piece.get("endpoints") or []]
    ready = [endpoint for endpoint in endpoints if endpoint.get("conditions", {}).get("ready")]
    return Counter(revision_of.get(endpoint.get("targetRef", {}).get("name", ""), "") for endpoint in ready)


def _changed_by(body: Object) -> str:
    changes = [entry for entry in body["metadata"].get("managedFields", []) if not entry.get("subresource")]
    newest: Object = max(changes, key=lambda e: (e.get("time", ""), e.get("manager") != FIELD_MANAGER), default={})
    return "" if newest.get("manager") == FIELD_MANAGER else str(newest.get("manager", ""))
