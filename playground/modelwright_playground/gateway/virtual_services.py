"""A fake of Istio's control plane: a VirtualService to Envoy routes, as Istio's documentation says what it means. Pure.

The first entry that matches wins. There are no Istio Gateways and no sidecars here: all of its hosts are served at the
playground's Envoy, whatever `gateways` it names. Nobody writes its status, as Istio does not by default. What this fake
cannot do is answered with 501 and with what it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from modelwright_playground.gateway.backends import Backend, Services, Unresolved, resolve
from modelwright_playground.gateway.facts import Object, Unsupported
from modelwright_playground.gateway.matching import Precedence, regex
from modelwright_playground.gateway.rules import MISSING, Ranked, TranslatedRoute

CLUSTER_DOMAIN = "cluster.local"
NO_TIMEOUT = "0s"
MILLION = 1_000_000
LONGEST_ANSWER = 1000

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def domains(item: Object) -> tuple[str, ...]:
    """Its hosts; a name without dots is a Service of its own namespace, and means all of that one's names."""
    found: list[str] = []
    for host in item["spec"].get("hosts") or ():
        if host == "*" or "." in host:
            found.append(host.lower())
        else:
            local = f"{host}.{item['metadata']['namespace']}".lower()
            found += [local, f"{local}.svc", f"{local}.svc.{CLUSTER_DOMAIN}"]
    return tuple(dict.fromkeys(found))


def translate_virtual_service(item: Object, services: Services) -> TranslatedRoute:
    """Its entries, in their order and before all routes of the Gateway API for the same host."""
    backends: set[Backend] = set()
    unresolved: list[Unresolved] = []
    try:
        ranked = _entries(item, services, backends, unresolved)
    except Unsupported as refusal:
        answer = {"status": 501, "body": {"inline_string": f"the playground's fake Istio: {refusal}"[:LONGEST_ANSWER]}}
        refused = {"name": _name(item), "match": {"prefix": ""}, "direct_response": answer}
        return TranslatedRoute((Ranked(_precedence(item, (0, 0)), refused),), frozenset(), ())
    return TranslatedRoute(ranked, frozenset(backends), tuple(unresolved))


def _entries(
    item: Object, services: Services, backends: set[Backend], unresolved: list[Unresolved]
) -> tuple[Ranked, ...]:
    _only(item["spec"], ("hosts", "gateways", "http"), "spec")
    ranked = []
    for number, entry in enumerate(item["spec"].get("http") or ()):
        where = f"http[{number}]"
        _only(entry, ("name", "match", "route", "timeout", "mirror", "mirrorPercentage", "mirrors"), where)
        clusters = [
            {"name": _cluster(ref["destination"], item, services, backends, unresolved), "weight": weight}
            for ref, weight in _weighted(entry.get("route") or (), where)
        ]
        action: Object = {
            "weighted_clusters": {"clusters": [one for one in clusters if one["weight"]]},
            "timeout": _timeout(entry.get("timeout")),
        }
        copies = [
            {
                "cluster": _cluster(destination, item, services, backends, unresolved),
                "runtime_fraction": {"default_value": {"numerator": share, "denominator": "MILLION"}},
            }
            for destination, share in _copies(entry)
        ]
        if copies:
            action["request_mirror_policies"] = [copy for copy in copies if copy["cluster"] != MISSING]
        for place, match in enumerate(entry.get("match") or [{}]):
            route = {"name": f"{_name(item)}/{number}/{place}", "match": _match(match, where), "route": action}
            ranked.append(Ranked(_precedence(item, (number, place)), route))
    return tuple(ranked)


def _weighted(refs: Sequence[Object], where: str) -> list[tuple[Object, int]]:
    """A weight that is left out is 0 beside others, and everything alone."""
    for number, ref in enumerate(refs):
        _only(ref, ("destination", "weight"), f"{where}.route[{number}]")
    found = [(ref, 100 if len(refs) == 1 else int(ref.get("weight", 0))) for ref in refs]
    if any(weight < 0 for _, weight in found) or not any(weight for _, weight in found):
        raise Unsupported(f"{where} has no route whose weights add up to more than 0")
    return found


def _copies(entry: Object) -> list[tuple[Object, int]]:
    """Destinations of copies, each with its parts per million; all requests, where no percentage is given."""
    wanted = [(one["destination"], one.get("percentage")) for one in entry.get("mirrors") or ()]
    if entry.get("mirror"):
        wanted.append((entry["mirror"], entry.get("mirrorPercentage")))
    shares = [100.0 if percentage is None else float(percentage.get("value", 0)) for _, percentage in wanted]
    return [
        (destination, round(min(share, 100.0) * MILLION / 100))
        for (destination, _), share in zip(wanted, shares, strict=True)
        if share > 0
    ]


def _cluster(
    destination: Object, item: Object, services: Services, backends: set[Backend], unresolved: list[Unresolved]
) -> str:
    """The name of the destination's cluster; MISSING, which Envoy answers with 503, where there is no such Service."""
    _only(destination, ("host", "port"), "a destination")
    name, _, rest = str(destination["host"]).partition(".")
    namespace = rest.removesuffix(f".{CLUSTER_DOMAIN}").removesuffix(".svc") or item["metadata"]["namespace"]
    port = (destination.get("port") or {}).get("number")
    ports: Sequence[Object] = services.get((namespace, name), {}).get("spec", {}).get("ports") or ()
    if port is None and len(ports) == 1:
        port = ports[0]["port"]
    backend = resolve({"name": name, "port": port}, namespace, services)
    if isinstance(backend, Unresolved):
        unresolved.append(backend)
        return MISSING
    backends.add(backend)
    return backend.cluster


def _match(match: Object, where: str) -> Object:
    _only(match, ("name", "uri", "method", "headers"), f"a match of {where}")
    headers = list((match.get("headers") or {}).items())
    for name, _ in headers:
        if not _HEADER.fullmatch(name):
            raise Unsupported(f"header {name!r} in {where}")
    if match.get("method"):
        headers.append((":method", match["method"]))
    found = _path(match.get("uri") or {"prefix": ""}, where)
    if headers:
        found["headers"] = [
            {"name": name, **({"string_match": _string(value, where)} if value else {"present_match": True})}
            for name, value in headers
        ]
    return found


def _path(uri: Mapping[str, str], where: str) -> Object:
    """A prefix is one of characters, not of path segments."""
    kind, value = _kind(uri, where)
    return {"safe_regex": {"regex": value}} if kind == "regex" else {"path" if kind == "exact" else kind: value}


def _string(value: Mapping[str, str], where: str) -> Object:
    kind, text = _kind(value, where)
    if not text and kind != "exact":
        raise Unsupported(f"an empty {kind} in {where}")
    return {"safe_regex": {"regex": text}} if kind == "regex" else {kind: text}


def _kind(value: Mapping[str, str], where: str) -> tuple[str, str]:
    _only(value, ("exact", "prefix", "regex"), f"a match of {where}")
    kind, text = next(iter(value.items()))
    return kind, regex(text) if kind == "regex" else text


def _timeout(text: str | None) -> str:
    if text is None:
        return NO_TIMEOUT
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not found:
        raise Unsupported(f"timeout {text!r}: a number and one of ms, s, m and h are supported")
    return f"{float(found[1]) * _SECONDS[found[2]]:.3f}s"


def _only(given: Mapping[str, object], supported: Sequence[str], where: str) -> None:
    for field in given:
        if field not in supported:
            raise Unsupported(f"{field} in {where} is not supported; supported are {', '.join(supported)}")


def _name(item: Object) -> str:
    return f"VirtualService/{item['metadata']['namespace']}/{item['metadata']['name']}"


def _precedence(item: Object, position: tuple[int, int]) -> Precedence:
    metadata = item["metadata"]
    return (-1, metadata.get("creationTimestamp", ""), metadata["namespace"], metadata["name"], position)
