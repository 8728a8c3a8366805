"""The attached route: a route of the user's, in which two weights and what we made are all that is ever written.

What differs between HTTPRoute, GRPCRoute and Istio's VirtualService stands in shapes.py, and in two files for what no
weight can say: testers_route.py and own_entries.py. At rest nothing of ours is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import GRPC_ROUTE, HTTP_ROUTE, MODEL_ROLLOUT, VIRTUAL_SERVICE, Kind
from modelwright.errors import Conflict
from modelwright.traffic import field_managers, gitops, own_entries, testers_route
from modelwright.traffic.acceptance import Acceptance, acceptance
from modelwright.traffic.additions import Additions, without_testers
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import Pair, not_at_rest, pairs_of, weigh
from modelwright.traffic.route import (
    HEADER_MATCH,
    MIRROR,
    REGULAR_EXPRESSION_MATCH,
    Obstacle,
    RouteSeen,
    Split,
    WriteRoute,
)
from modelwright.traffic.rule_owners import owner_of_rules, taken
from modelwright.traffic.shapes import shape_of
from modelwright.traffic.testers_writing import keep_testers, remove_testers, routes_beside

KINDS = {kind.name: kind for kind in (HTTP_ROUTE, GRPC_ROUTE, VIRTUAL_SERVICE)}

OURS = (FIELD_MANAGER, field_managers.SETTLER)

TRIES = 10
"""How often lowering is tried against others who write the route at the same time, before the pass begins anew."""

Object = Mapping[str, Any]


class AttachedRouter:
    """Router: the weights of a rollout's backends in a route of the user's, and for testers what we make ourselves."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.kinds: tuple[Kind, ...] = (kind,)

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        wanted = _wanted(rollout)
        body, made = await asyncio.gather(
            cluster.get(self._kind, rollout.namespace, wanted.name), self._made(cluster, rollout)
        )
        if body is None:
            return _missing(rollout, made)
        others, beside = await asyncio.gather(
            cluster.list(MODEL_ROLLOUT, rollout.namespace), routes_beside(cluster, self._kind, rollout)
        )
        return seen(rollout, body, owner_of_rules(rollout, body, others), made, beside)

    async def write(
        self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute, manager: str = FIELD_MANAGER
    ) -> None:
        body = await self._weigh(cluster, rollout, action, manager)
        if self._kind != VIRTUAL_SERVICE:
            await keep_testers(cluster, self._kind, rollout, body, action, manager)

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        wanted = _wanted(rollout)
        if self._kind != VIRTUAL_SERVICE:
            await remove_testers(cluster, self._kind, rollout, await self._made(cluster, rollout))
        body = await cluster.get(self._kind, rollout.namespace, wanted.name)
        operations = field_managers.release(body, *OURS) if body else []
        if operations:
            await cluster.json_patch(self._kind, rollout.namespace, wanted.name, operations)

    async def _made(self, cluster: Cluster, rollout: ModelRollout) -> Object | None:
        """The route beside it, whoever made that."""
        if self._kind == VIRTUAL_SERVICE:
            return None
        return await cluster.get(self._kind, rollout.namespace, testers_route.name_of(rollout))

    async def _weigh(self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute, manager: str) -> Object | None:
        """Write the route itself, and return it as it was read before. Raises Conflict."""
        wanted, raises = _wanted(rollout), bool(action.resource_version)
        for _ in range(TRIES):
            body = await cluster.get(self._kind, rollout.namespace, wanted.name)
            if raises and (body is None or body["metadata"]["resourceVersion"] != action.resource_version):
                raise Conflict(f"{wanted.kind} '{wanted.name}' changed since the raise was decided")
            operations = changes(rollout, body, action) if body else []
            if not operations:
                return body
            try:
                await cluster.json_patch(self._kind, rollout.namespace, wanted.name, operations, manager=manager)
            except Conflict:
                if raises:
                    raise
            else:
                return body
        raise Conflict(f"{wanted.kind} '{wanted.name}' is being written by others all the time")


def changes(rollout: ModelRollout, body: Object, action: WriteRoute) -> list[dict[str, Any]]:
    """The JSON Patch of the route as it was read; empty where it is as asked."""
    raises, split = bool(action.resource_version), action.split
    pairs = pairs_of(body, backends_of(rollout), _wanted(rollout).rule_name)
    operations = weigh(body, pairs, split.weight, raises=raises)
    if body["kind"] == VIRTUAL_SERVICE.name:
        found = own_entries.seen(rollout, body, pairs)
        asked = replace(split, weight=0)
        asked = asked if raises else asked.at_most(Split(0, found.mirror, found.testers))
        operations += own_entries.place(body, pairs, asked, rollout)
    if not operations:
        return []
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": body["metadata"]["resourceVersion"]}
    return [version, *operations]


def seen(
    rollout: ModelRollout,
    body: Object,
    owner: str = "",
    made: Object | None = None,
    beside: Sequence[Object] = (),
) -> RouteSeen:
    """The route read back.

    `owner` names the rollout that was there first, "" where that is this one. `made` is the route beside it that leads
    testers, `beside` are all others of its namespace, where testers are wanted.
    """
    wanted, candidate = _wanted(rollout), rollout.status.candidate
    recorded, backends = candidate.weight if candidate else 0, backends_of(rollout)
    pairs = pairs_of(body, backends, wanted.rule_name)
    # Nobody says of a VirtualService whether it was accepted: that traffic follows has to be seen (`confirm`).
    answer = acceptance(body) if shape_of(body).is_confirmed else Acceptance(True)
    advice = gitops.advice(field_managers.managers(body), KINDS[wanted.kind], wanted.name, pairs)
    if body["kind"] == VIRTUAL_SERVICE.name:
        found = own_entries.seen(rollout, body, pairs)
    else:
        found = testers_route.seen(rollout, body, pairs, made, beside)
    obstacle = taken(wanted, owner) if owner else _obstacle(rollout, body, pairs, recorded, advice)
    return RouteSeen(
        # Weights on a rule of another rollout's are its own, and no business of this one.
        split=Split(0 if owner and not recorded else _live(pairs, recorded), found.mirror, found.testers),
        resource_version=body["metadata"]["resourceVersion"],
        accepted=_both(answer, found.answer),
        message=answer.message or found.answer.message,
        changed_by=_changed_by(rollout, body, found),
        as_wanted=found.fits,
        silent=answer.silent + found.answer.silent,
        written_at=max(field_managers.written_at(one) for one in (body, made) if one),
        unsupported=frozenset(found.cannot),
        reasons=tuple(found.cannot.items()),
        obstacle=obstacle,
        is_theirs=True,
        is_held=field_managers.is_held(body, *OURS) or found.exist,
        advice=advice,
    )


def _both(answer: Acceptance, other: Acceptance) -> bool | None:
    if False in (answer.accepted, other.accepted):
        return False
    return None if None in (answer.accepted, other.accepted) else True


def _changed_by(rollout: ModelRollout, body: Object, found: Additions) -> str:
    """Who changed the weights, or what we made, if that is not as it is recorded."""
    candidate, changed_by = rollout.status.candidate, field_managers.changed_by(body, FIELD_MANAGER)
    if body["kind"] == VIRTUAL_SERVICE.name or not candidate or candidate.testers == found.testers:
        return changed_by
    if found.exist or not changed_by:
        return found.changed_by
    return f"whoever deleted {body['kind']} '{testers_route.name_of(rollout)}'"


def _live(pairs: Sequence[Pair], recorded: int) -> int:
    """The share that says most: one that is too high, else one that is too low, else what is recorded."""
    shares = [pair.share for pair in pairs] or [0]
    return max(shares) if max(shares) > recorded else min(shares)


def _obstacle(
    rollout: ModelRollout, body: Object, pairs: Sequence[Pair], recorded: int, advice: str
) -> Obstacle | None:
    message = not_at_rest(body, pairs, backends_of(rollout), _wanted(rollout).rule_name)
    known = rollout.status.stable is not None
    if recorded or not message:
        message = "" if pairs else message
    elif known and any(pair.share > 0 for pair in pairs):
        # Too high, which is lowered at once: nothing for a person to do.
        message = ""
    elif not known and pairs and all(pair.gives(100) for pair in pairs):
        # What a rollout leaves behind whose status was lost after its success.
        message = ""
    if not message:
        return None
    return Obstacle("RouteNotAtRest", f"{advice}; {message}" if advice else message)


def _missing(rollout: ModelRollout, made: Object | None) -> RouteSeen:
    """Where there is no route nobody reaches the candidate, and nobody has to confirm that. Testers may, by ours."""
    wanted = _wanted(rollout)
    message = f"there is no {wanted.kind} '{wanted.name}' in this namespace: create it, or correct `attached.name`"
    ours = made is not None and testers_route.is_ours(made, rollout)
    why = {MIRROR: message, **without_testers(message)}
    return RouteSeen(
        split=Split(testers=testers_route.audience(made, rollout) if made and ours else ()),
        resource_version="",
        accepted=True,
        changed_by="whoever deleted the route",
        unsupported=frozenset({MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH}),
        reasons=tuple(why.items()),
        obstacle=Obstacle("RouteNotFound", message),
        is_theirs=True,
        is_held=ours,
    )


def _wanted(rollout: ModelRollout) -> AttachedRoute:
    assert isinstance(rollout.spec.route, AttachedRoute), "a rollout with another router was given to this one"
    return rollout.spec.route
