"""The rules of a managed route for a whole split, and the split that rules of any origin give. Pure.

Testers come first and have both backends, so that whoever swaps two weights everywhere, as uninstalling does, leads
them back to stable as well. All defaults of the Gateway API are spelled out: what we apply is what the server stores.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from modelwright.api.rollout import HeaderMatch, MatchType
from modelwright.cluster.keys import HTTP_ROUTE
from modelwright.traffic.backends import SERVICE_PORT, candidate_service, stable_service
from modelwright.traffic.route import Split

Object = Mapping[str, Any]

ANY_PATH = {"type": "PathPrefix", "value": "/"}


def rules_of(rollout_name: str, split: Split, kind: str = HTTP_ROUTE.name) -> list[dict[str, Any]]:
    """The rules that give the candidate exactly `split`, in a route of `kind`. A GRPCRoute has no paths."""
    anything: dict[str, Any] = {"path": ANY_PATH} if kind == HTTP_ROUTE.name else {}
    everybody: dict[str, Any] = {"backendRefs": _weighted(rollout_name, split.weight)}
    if anything:
        everybody["matches"] = [copy.deepcopy(anything)]
    if split.mirror:
        everybody["filters"] = [{"type": "RequestMirror", "requestMirror": _mirror(rollout_name, split.mirror)}]
    if not split.testers:
        return [everybody]
    headers = [{"type": str(match.type), "name": match.name, "value": match.value} for match in split.testers]
    testers = {
        "matches": [{**copy.deepcopy(anything), "headers": headers}],
        "backendRefs": _weighted(rollout_name, 100),
    }
    return [testers, everybody]


def split_of(rollout_name: str, rules: Sequence[Object]) -> Split:
    """What `rules` give the candidate, whoever wrote them: in doubt the more of it.

    Weights are taken as shares of the two backends, rounded up. Audiences that no single tuple of headers can say are
    the headers of them all, which is the audience of nobody's record.
    """
    weight, mirror = 0, 0
    audiences: list[tuple[HeaderMatch, ...]] = []
    for rule in rules:
        share = _share(rollout_name, rule)
        mirror = max([mirror, *_mirrors(rollout_name, rule)])
        for match in rule.get("matches") or [{}]:
            if not match.get("headers"):
                weight = max(weight, share)
            elif share:
                audiences.append(tuple(_header(header) for header in match["headers"]))
    return Split(weight, mirror, tuple(header for audience in audiences for header in audience))


def _weighted(rollout_name: str, candidate: int) -> list[dict[str, Any]]:
    return [
        {**_backend(stable_service(rollout_name)), "weight": 100 - candidate},
        {**_backend(candidate_service(rollout_name)), "weight": candidate},
    ]


def _backend(service: str) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service, "port": SERVICE_PORT}


def _mirror(rollout_name: str, percent: int) -> dict[str, Any]:
    backend = {"backendRef": _backend(candidate_service(rollout_name))}
    # Without a percent all requests are copied, which more gateways can do.
    return backend if percent == 100 else {**backend, "percent": percent}


def _share(rollout_name: str, rule: Object) -> int:
    """The candidate's percent of what the rule gives to both."""
    weights = dict.fromkeys((stable_service(rollout_name), candidate_service(rollout_name)), 0)
    for backend in rule.get("backendRefs") or ():
        if backend.get("name") in weights:
            weights[backend["name"]] += int(backend.get("weight", 1))
    stable, candidate = weights.values()
    return -(-100 * candidate // (stable + candidate)) if candidate else 0


def _mirrors(rollout_name: str, rule: Object) -> Iterator[int]:
    for item in rule.get("filters") or ():
        mirror = item.get("requestMirror") or {}
        if mirror.get("backendRef", {}).get("name") != candidate_service(rollout_name):
            continue
        if fraction := mirror.get("fraction"):
            yield -(-100 * int(fraction["numerator"]) // int(fraction.get("denominator", 100)))
        else:
            yield int(mirror.get("percent", 100))


def _header(header: Object) -> HeaderMatch:
    return HeaderMatch(header["name"], header["value"], MatchType(header.get("type", MatchType.EXACT)))
