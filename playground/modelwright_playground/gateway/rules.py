"""One HTTPRoute to Envoy routes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright_playground.gateway.backends import Backend, Services, Unresolved, resolve
from modelwright_playground.gateway.facts import Object, Unsupported
from modelwright_playground.gateway.filters import header_fields, mirrors, refuse_others
from modelwright_playground.gateway.matching import EVERYTHING, Precedence, envoy_match, precedence

# Never the name of a real cluster (those have dots): its share of requests is answered with 500.
MISSING = "missing"
TIMEOUT = "15s"

_RULE_FILTERS = ("RequestMirror", "RequestHeaderModifier", "ResponseHeaderModifier")
_BACKEND_FILTERS = ("RequestHeaderModifier", "ResponseHeaderModifier")


@dataclass(frozen=True)
class Ranked:
    """An Envoy route and the place it takes among all routes of its host."""

    precedence: Precedence
    route: Object


@dataclass(frozen=True)
class TranslatedRoute:
    ranked: tuple[Ranked, ...]
    backends: frozenset[Backend]
    unresolved: tuple[Unresolved, ...]


def translate_route(route: Object, services: Services) -> TranslatedRoute:
    """All rules of `route`. Raises Unsupported when one of them asks for what this gateway cannot do."""
    ranked: list[Ranked] = []
    backends: set[Backend] = set()
    unresolved: list[Unresolved] = []
    metadata = route["metadata"]
    for number, rule in enumerate(route["spec"].get("rules") or [{}]):
        where = f"rule {number}"
        action = _action(rule, metadata["namespace"], services, where, backends, unresolved)
        for place, match in enumerate(rule.get("matches") or [EVERYTHING]):
            entry = {
                "name": f"{metadata['namespace']}/{metadata['name']}/{number}/{place}",
                "match": envoy_match(match),
                **action,
            }
            ranked.append(Ranked(precedence(match, route, (number, place)), entry))
    return TranslatedRoute(tuple(ranked), frozenset(backends), tuple(unresolved))


def _action(
    rule: Object, namespace: str, services: Services, where: str, backends: set[Backend], unresolved: list[Unresolved]
) -> Object:
    for field in ("timeouts", "retry", "sessionPersistence"):
        if rule.get(field):
            raise Unsupported(f"{field} in {where} is not supported; leave it out (requests time out after {TIMEOUT})")
    filters = rule.get("filters") or ()
    refuse_others(filters, _RULE_FILTERS, where)
    clusters = _weighted(rule, namespace, services, where, backends, unresolved)
    copies, missing = mirrors(filters, namespace, services)
    backends.update(backend for backend, _ in copies)
    unresolved += missing
    headers = header_fields(filters)
    if not clusters:
        # No backend at all, or none with a weight.
        return {"direct_response": {"status": 500}, **headers}
    action: Object = {
        "weighted_clusters": {"clusters": clusters},
        "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR",
        "timeout": TIMEOUT,
    }
    if copies:
        action["request_mirror_policies"] = [policy for _, policy in copies]
    return {"route": action, **headers}


def _weighted(
    rule: Object, namespace: str, services: Services, where: str, backends: set[Backend], unresolved: list[Unresolved]
) -> list[Object]:
    clusters = []
    for ref in rule.get("backendRefs") or ():
        filters = ref.get("filters") or ()
        refuse_others(filters, _BACKEND_FILTERS, f"a backendRef of {where}")
        backend = resolve(ref, namespace, services)
        if isinstance(backend, Unresolved):
            unresolved.append(backend)
            name = MISSING
        else:
            # Also at weight 0: so its connections are known to Envoy before its first request.
            backends.add(backend)
            name = backend.cluster
        if weight := int(ref.get("weight", 1)):
            clusters.append({"name": name, "weight": weight, **header_fields(filters)})
    return clusters
