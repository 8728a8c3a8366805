"""Which of several rollouts owns a rule of a route: the one that was there first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import AttachedRoute, ModelRollout
from modelwright.errors import InvalidSpec
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import pairs_of
from modelwright.traffic.route import Obstacle

Object = Mapping[str, Any]


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


def taken(wanted: AttachedRoute, owner: str) -> Obstacle:
    message = f"ModelRollout '{owner}' is older and divides the same rule of {wanted.kind} '{wanted.name}': delete one"
    return Obstacle("RuleTaken", f"{message} of the two, or name another rule in `ruleName`")


def _rules(rollout: ModelRollout, body: Object) -> set[int]:
    route = rollout.spec.route
    if not isinstance(route, AttachedRoute) or (route.kind, route.name) != (body["kind"], body["metadata"]["name"]):
        return set()
    return {pair.rule for pair in pairs_of(body, backends_of(rollout), route.rule_name)}
