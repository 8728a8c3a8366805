"""What the parents of a Gateway API route say of it: accepted and resolved as it is live, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

GATEWAY_GROUP = "gateway.networking.k8s.io"
NEEDED = ("Accepted", "ResolvedRefs")


@dataclass(frozen=True)
class Acceptance:
    """`accepted` is None while a parent has not answered; `silent` are those for which nobody ever has."""

    accepted: bool | None
    message: str = ""
    silent: tuple[str, ...] = ()


def acceptance(body: Object) -> Acceptance:
    """Every parent of the route is asked. One refusal by any controller is a refusal; what is stale is no answer."""
    generation, namespace = body["metadata"]["generation"], body["metadata"]["namespace"]
    answers: Sequence[Object] = body.get("status", {}).get("parents", [])
    parents: Sequence[Object] = body.get("spec", {}).get("parentRefs", [])
    silent, accepted = [], bool(parents)
    for parent in parents:
        said = [entry for entry in answers if _target(entry["parentRef"], namespace) == _target(parent, namespace)]
        if not said:
            silent.append(f"'{parent['name']}'")
        for entry in said:
            if refusal := _refusal(entry, generation):
                return Acceptance(False, refusal)
        accepted = accepted and any(_confirms(entry, generation) for entry in said)
    return Acceptance(True if accepted else None, silent=tuple(silent))


def _current(entry: Object, generation: int) -> dict[str, Object]:
    conditions = entry.get("conditions", [])
    return {c["type"]: c for c in conditions if c.get("observedGeneration", 0) == generation}


def _confirms(entry: Object, generation: int) -> bool:
    conditions = _current(entry, generation)
    return all(type_ in conditions and conditions[type_]["status"] == "True" for type_ in NEEDED)


def _refusal(entry: Object, generation: int) -> str:
    """Why a controller refuses the route. TRAP: one that is partially invalid goes on with what it had before."""
    conditions, name = _current(entry, generation), entry["parentRef"].get("name", "")
    for type_, bad in (*((type_, "False") for type_ in NEEDED), ("PartiallyInvalid", "True")):
        condition = conditions.get(type_)
        if condition and condition["status"] == bad:
            kind = entry["parentRef"].get("kind", "Gateway")
            return f"{kind} '{name}' says {type_}={bad}, {condition['reason']}: {condition.get('message', '')}"
    return ""


def _target(parent: Object, namespace: str) -> tuple[Any, ...]:
    return (
        parent.get("group", GATEWAY_GROUP),
        parent.get("kind", "Gateway"),
        parent.get("namespace", namespace),
        parent["name"],
        parent.get("sectionName"),
        parent.get("port"),
    )
