"""Where somebody's route names both versions: the rules that a rollout weighs, and how they are weighed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.traffic.backends import Backends
from modelwright.traffic.shapes import MADE_BY_US, shape_of

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Pair:
    """One rule that names both backends: its number, theirs in it, and their weights, None where left out."""

    rule: int
    rule_name: str
    refs: tuple[Object, ...]
    stable: int
    candidate: int
    left_out: int = 1  # what a weight means that is not written

    @property
    def weights(self) -> tuple[int | None, int | None]:
        return self.refs[self.stable].get("weight"), self.refs[self.candidate].get("weight")

    @property
    def share(self) -> int:
        """Percent of the two backends' traffic that the candidate gets, rounded in its favour."""
        stable, candidate = (self.left_out if weight is None else int(weight) for weight in self.weights)
        total = stable + candidate
        return -(-100 * candidate // total) if total else 0

    @property
    def is_explicit(self) -> bool:
        return None not in self.weights

    def gives(self, weight: int) -> bool:
        return self.weights == (100 - weight, weight)

    def __str__(self) -> str:
        return f"rule '{self.rule_name}'" if self.rule_name else f"rule {self.rule}"


def pairs_of(body: Object, backends: Backends, rule_name: str = "") -> tuple[Pair, ...]:
    """The rules of the route that name both backends; only the one called `rule_name`, if that is given."""
    found, shape = [], shape_of(body)
    for number, rule in enumerate(body.get("spec", {}).get(shape.rules, [])):
        if is_made(rule) or (rule_name and rule.get("name") != rule_name):
            continue
        refs = tuple(rule.get(shape.refs, []))
        places = [
            [place for place, ref in enumerate(refs) if shape.names(ref, backend, body["metadata"]["namespace"])]
            for backend in (backends.stable, backends.candidate)
        ]
        if all(places):
            found.append(Pair(number, rule.get("name", ""), refs, places[0][0], places[1][0], shape.left_out))
    return tuple(found)


def is_made(rule: Object, prefix: str = MADE_BY_US) -> bool:
    """Whether we made it, or the rollout did whose names begin with `prefix`: then it is no rule of the user's."""
    return str(rule.get("name", "")).startswith(prefix)


def not_at_rest(body: Object, pairs: Sequence[Pair], backends: Backends, rule_name: str = "") -> str:
    """Why no rollout can begin on this route, with what was found and what to write; "" if it is at rest."""
    route = f"{body['kind']} '{body['metadata']['name']}'"
    wanted = (
        f"write `weight: 100` for {backends.stable} and `weight: 0` for {backends.candidate} in "
        f"{f'its rule {rule_name!r}' if rule_name else 'every rule that shall be divided'}"
    )
    if not pairs:
        where = f"has no rule named '{rule_name}' with" if rule_name else "has no rule with"
        return f"{route} {where} both {backends.stable} and {backends.candidate} as backends: {wanted}"
    doubled = next((pair for pair in pairs if _is_doubled(pair, backends, body)), None)
    if doubled:
        return f"{doubled} of {route} names a backend twice, so that its share is ambiguous: name each once"
    for pair in pairs:
        if not pair.gives(0):
            stable, candidate = (_said(weight, pair.left_out) for weight in pair.weights)
            found = f"gives {backends.stable} {stable} and {backends.candidate} {candidate}"
            return f"{pair} of {route} {found}: {wanted}"
    return ""


def weigh(body: Object, pairs: Sequence[Pair], weight: int, *, raises: bool) -> list[dict[str, Any]]:
    """The JSON Patch that gives the candidate `weight` percent in each of `pairs`; empty where they have it.

    Without `raises` a rule in which the candidate has less already is left as it is: that is somebody's word. Lists are
    addressed by position, so it is guarded by each list as it was read; whoever sends it tests the object's version.
    """
    operations: list[dict[str, Any]] = []
    shape = shape_of(body)
    for pair in pairs:
        if pair.gives(weight) or (not raises and pair.share <= weight):
            continue
        at = f"/spec/{shape.rules}/{pair.rule}/{shape.refs}"
        operations += [
            {"op": "test", "path": at, "value": [dict(ref) for ref in pair.refs]},
            {"op": "add", "path": f"{at}/{pair.stable}/weight", "value": 100 - weight},
            {"op": "add", "path": f"{at}/{pair.candidate}/weight", "value": weight},
        ]
    return operations


def _is_doubled(pair: Pair, backends: Backends, body: Object) -> bool:
    names, namespace = shape_of(body).names, body["metadata"]["namespace"]
    both = (backends.stable, backends.candidate)
    return any(sum(names(ref, backend, namespace) for ref in pair.refs) > 1 for backend in both)


def _said(weight: int | None, left_out: int) -> str:
    return f"no weight (which means {left_out})" if weight is None else f"weight {weight}"
