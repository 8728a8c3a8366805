"""Writes the route of our own beside one of the user's: made for testers, back to stable first, removed at last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.api.audience import narrower
from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.cluster.access import FIELD_MANAGER, Cluster
from modelwright.cluster.keys import VIRTUAL_SERVICE, Kind
from modelwright.errors import Conflict
from modelwright.traffic import testers_route
from modelwright.traffic.additions import testers_wanted
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import pairs_of
from modelwright.traffic.route import WriteRoute

Object = Mapping[str, Any]


async def routes_beside(cluster: Cluster, kind: Kind, rollout: ModelRollout) -> Sequence[Object]:
    """The other routes of the namespace, asked for only where testers are wanted."""
    if kind == VIRTUAL_SERVICE or not testers_wanted(rollout):
        return ()
    own = (_route(rollout).name, testers_route.name_of(rollout))
    return [body for body in await cluster.list(kind, rollout.namespace) if body["metadata"]["name"] not in own]


async def keep_testers(
    cluster: Cluster,
    kind: Kind,
    rollout: ModelRollout,
    body: Object | None,
    action: WriteRoute,
    manager: str = FIELD_MANAGER,
) -> None:
    """Make the testers' route give what `action` says. `body` is the user's route, which is written already."""
    made = await cluster.get(kind, rollout.namespace, testers_route.name_of(rollout))
    wanted = wanted_for(rollout, kind, body, made, action)
    if wanted is None:
        await remove_testers(cluster, kind, rollout, made)
    elif wanted is not made:
        await cluster.apply(kind, dict(wanted), manager=manager)


async def remove_testers(cluster: Cluster, kind: Kind, rollout: ModelRollout, made: Object | None) -> None:
    if made is not None and testers_route.is_ours(made, rollout):
        await cluster.delete(kind, rollout.namespace, testers_route.name_of(rollout), uid=made["metadata"]["uid"])


def wanted_for(
    rollout: ModelRollout, kind: Kind, body: Object | None, made: Object | None, action: WriteRoute
) -> Object | None:
    """What shall stand beside `body`: `made` itself where it is right as it is, None for nothing.

    Only a raise makes anything. What gives nothing any more first leads back to stable, since nobody confirms that a
    route which is gone was forgotten; it is removed at rest.
    """
    if made is not None and not testers_route.is_ours(made, rollout):
        return made
    split = action.split
    if split.testers:
        return _leading(rollout, kind, body, made, action)
    if made is None or split.weight or body is None:
        return None
    rules = testers_route.to_stable(made, backends_of(rollout))
    if rules is None or rules == made["spec"]["rules"]:
        return None if rules is None else made
    return {**testers_route.head(rollout, kind), "spec": {**made["spec"], "rules": rules}}


def _leading(
    rollout: ModelRollout, kind: Kind, body: Object | None, made: Object | None, action: WriteRoute
) -> Object | None:
    """What leads the testers of `action` to the candidate. To lower it leads fewer than now, or stays as it is."""
    testers, raises = action.split.testers, bool(action.resource_version)
    if body is None or (made is None and not raises):
        return made
    wanted = testers_route.manifest(
        rollout, kind, body, pairs_of(body, backends_of(rollout), _route(rollout).rule_name), testers
    )
    if made is None:
        return wanted
    if made.get("spec") == wanted["spec"]:
        return made
    if raises:
        _refuse_to_overrule(rollout, made)
        wanted["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"]
        return wanted
    return wanted if narrower(testers_route.audience(made, rollout), testers) == testers else made


def _refuse_to_overrule(rollout: ModelRollout, made: Object) -> None:
    """A raise is decided on what is recorded: who gave the candidate less in between is heard first."""
    recorded = rollout.status.candidate.testers if rollout.status.candidate else ()
    if testers_route.audience(made, rollout) != recorded:
        raise Conflict(f"{made['kind']} '{made['metadata']['name']}' changed since the raise was decided")


def _route(rollout: ModelRollout) -> AttachedRoute:
    assert isinstance(rollout.spec.route, AttachedRoute), "a rollout with another router was given to this one"
    return rollout.spec.route
