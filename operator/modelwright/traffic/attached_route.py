"""The attached route: a route of the user's, in which only two weights are ever written, and which is handed back.

What differs between HTTPRoute, GRPCRoute and Istio's VirtualService stands in shapes.py, so one router serves all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import GRPC_ROUTE, HTTP_ROUTE, MODEL_ROLLOUT, VIRTUAL_SERVICE, Kind
from modelwright.errors import Conflict, InvalidSpec
from modelwright.traffic import field_managers, gitops
from modelwright.traffic.acceptance import Acceptance, acceptance
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
from modelwright.traffic.shapes import shape_of

KINDS = {kind.name: kind for kind in (HTTP_ROUTE, GRPC_ROUTE, VIRTUAL_SERVICE)}

OURS = (FIELD_MANAGER, field_managers.SETTLER)

TRIES = 10
"""How often lowering is tried against others who write the route at the same time, before the pass begins anew."""

Object = Mapping[str, Any]


class AttachedRouter:
    """Router: the weights of a rollout's backends in a route of the user's."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self.kinds: tuple[Kind, ...] = (kind,)

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        wanted = _wanted(rollout)
        body = await cluster.get(self._kind, rollout.namespace, wanted.name)
        if body is None:
            return _missing(wanted)
        others = await cluster.list(MODEL_ROLLOUT, rollout.namespace)
        return seen(rollout, body, owner_of_rules(rollout, body, others))

    async def write(
        self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute, manager: str = FIELD_MANAGER
    ) -> None:
        wanted = _wanted(rollout)
        for _ in range(TRIES):
            body = await cluster.get(self._kind, rollout.namespace, wanted.name)
            raises = bool(action.resource_version)
            if raises and (body is None or body["metadata"]["resourceVersion"] != action.resource_version):
                raise Conflict(f"{wanted.kind} '{wanted.name}' changed since the raise was decided")
            if body is None:
                return
            pairs = pairs_of(body, backends_of(rollout), wanted.rule_name)
            operations = weigh(body, pairs, action.split.weight, raises=raises)
            if not operations:
                return
            try:
                await cluster.json_patch(self._kind, rollout.namespace, wanted.name, operations, manager=manager)
            except Conflict:
                if raises:
                    raise
            else:
                return
        raise Conflict(f"{wanted.kind} '{wanted.name}' is being written by others all the time")

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        wanted = _wanted(rollout)
        body = await cluster.get(self._kind, rollout.namespace, wanted.name)
        operations = field_managers.release(body, *OURS) if body else []
        if operations:
            await cluster.json_patch(self._kind, rollout.namespace, wanted.name, operations)


def seen(rollout: ModelRollout, body: Object, owner: str = "") -> RouteSeen:
    """The route read back. `owner` names the rollout that was there first, "" where that is this one."""
    wanted, recorded = _wanted(rollout), rollout.status.candidate.weight if rollout.status.candidate else 0
    backends = backends_of(rollout)
    pairs = pairs_of(body, backends, wanted.rule_name)
    # Nobody says of a VirtualService whether it was accepted: that traffic follows has to be seen (`confirm`).
    answer = acceptance(body) if shape_of(body).is_confirmed else Acceptance(True)
    advice = gitops.advice(field_managers.managers(body), KINDS[wanted.kind], wanted.name, pairs)
    if owner:
        obstacle: Obstacle | None = _taken(wanted, owner)
    else:
        obstacle = _obstacle(rollout, body, pairs, recorded, advice)
    return RouteSeen(
        # Weights on a rule of another rollout's are its own, and no business of this one.
        split=Split() if owner and not recorded else Split(_live(pairs, recorded)),
        resource_version=body["metadata"]["resourceVersion"],
        accepted=answer.accepted,
        message=answer.message,
        changed_by=field_managers.changed_by(body, FIELD_MANAGER),
        silent=answer.silent,
        written_at=field_managers.written_at(body),
        unsupported=frozenset({MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH}),
        obstacle=obstacle,
        is_theirs=True,
        is_held=field_managers.is_held(body, *OURS),
        advice=advice,
    )


def owner_of_rules(rollout: ModelRollout, body: Object, others: Sequence[Object]) -> str:
    """The name of an older rollout that is attached to one of the same rules, "" where there is none."""
    mine = _rules(rollout, body)
    born = {
        other["metadata"]["uid"]: (other["metadata"]["creationTimestamp"], other["metadata"]["uid"]) for other in others
    }
    for other in others:
        uid = other["metadata"]["uid"]
        if uid == rollout.uid or rollout.uid not in born or born[uid] > born[rollout.uid]:
            continue
        with suppress(InvalidSpec):
            if mine & _rules(parse_rollout(other), body):
                return str(other["metadata"]["name"])
    return ""


def _rules(rollout: ModelRollout, body: Object) -> set[int]:
    route = rollout.spec.route
    if not isinstance(route, AttachedRoute) or (route.kind, route.name) != (body["kind"], body["metadata"]["name"]):
        return set()
    return {pair.rule for pair in pairs_of(body, backends_of(rollout), route.rule_name)}


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


def _taken(wanted: AttachedRoute, owner: str) -> Obstacle:
    message = f"ModelRollout '{owner}' is older and divides the same rule of {wanted.kind} '{wanted.name}': delete one"
    return Obstacle("RuleTaken", f"{message} of the two, or name another rule in `ruleName`")


def _missing(wanted: AttachedRoute) -> RouteSeen:
    """Where there is no route nobody reaches the candidate, and nobody has to confirm that."""
    message = f"there is no {wanted.kind} '{wanted.name}' in this namespace: create it, or correct `attached.name`"
    return RouteSeen(
        split=Split(),
        resource_version="",
        accepted=True,
        changed_by="whoever deleted the route",
        unsupported=frozenset({MIRROR, HEADER_MATCH, REGULAR_EXPRESSION_MATCH}),
        obstacle=Obstacle("RouteNotFound", message),
        is_theirs=True,
    )


def _wanted(rollout: ModelRollout) -> AttachedRoute:
    assert isinstance(rollout.spec.route, AttachedRoute), "a rollout with another router was given to this one"
    return rollout.spec.route
