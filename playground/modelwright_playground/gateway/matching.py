"""HTTPRouteMatch to Envoy's RouteMatch, and which match goes first. Pure.

The order is the Gateway API's: exact path, longest prefix, method, number of headers, number of query parameters; then
the older route, then the name, then the order within the route. Where regular expressions stand is left to
implementations: here between exact paths and prefixes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modelwright_playground.gateway.facts import Object, Unsupported

Precedence = tuple[Any, ...]

_PATH_RANK = {"Exact": 0, "RegularExpression": 1, "PathPrefix": 2}
# What Python's `re` takes and Envoy's RE2 does not: look-around, references back, conditionals, atomic groups,
# comments, flags other than i, m and s, possessive quantifiers, \Z, Unicode escapes, and counts that multiply to more
# than 1000. It may refuse more than it must, never less.
_NOT_IN_RE2 = re.compile(
    r"\(\?[=!>#(]|\(\?<[=!]|\(\?P[=>]|\(\?[a-zA-Z]*[aLux]|\\[1-9ZNuU]|[*+?}]\+|\{\d{4,}|,\d{4,}\}|\)\{"
)
EVERYTHING: Object = {"path": {"type": "PathPrefix", "value": "/"}}


def envoy_match(match: Object) -> Object:
    """Envoy's RouteMatch for one HTTPRouteMatch. Raises Unsupported."""
    path = match.get("path") or EVERYTHING["path"]
    result: Object = _path(path.get("type", "PathPrefix"), path.get("value", "/"))
    headers = [
        {"name": header["name"], "string_match": _string(header)} for header in _first_of_each(match.get("headers"))
    ]
    if method := match.get("method"):
        headers.insert(0, {"name": ":method", "string_match": {"exact": method}})
    if headers:
        result["headers"] = headers
    if params := match.get("queryParams"):
        result["query_parameters"] = [{"name": param["name"], "string_match": _string(param)} for param in params]
    return result


def precedence(match: Object, route: Object, position: tuple[int, int]) -> Precedence:
    """A sort key, smallest first. `position` is the index of the rule and of the match within it."""
    path = match.get("path") or EVERYTHING["path"]
    kind = path.get("type", "PathPrefix")
    metadata = route["metadata"]
    return (
        _PATH_RANK.get(kind, 2),
        -len(path.get("value", "/")),
        0 if match.get("method") else 1,
        -len(_first_of_each(match.get("headers"))),
        -len(match.get("queryParams") or ()),
        metadata.get("creationTimestamp", ""),
        metadata["namespace"],
        metadata["name"],
        position,
    )


def _path(kind: str, value: str) -> Object:
    match kind:
        case "Exact":
            return {"path": value}
        case "RegularExpression":
            return {"safe_regex": {"regex": regex(value)}}
        case "PathPrefix":
            # Envoy wants a separated prefix without its last slash, and the root as a plain prefix.
            stripped = value.rstrip("/")
            return {"path_separated_prefix": stripped} if stripped else {"prefix": "/"}
    raise Unsupported(f"path match type {kind!r}: Exact, PathPrefix and RegularExpression are supported")


def _string(matcher: Object) -> Object:
    kind = matcher.get("type", "Exact")
    match kind:
        case "Exact":
            return {"exact": matcher["value"]}
        case "RegularExpression":
            return {"safe_regex": {"regex": regex(matcher["value"])}}
    raise Unsupported(f"match type {kind!r} of {matcher['name']!r}: Exact and RegularExpression are supported")


def regex(pattern: str) -> str:
    """`pattern`, if Envoy will take it. One that it refuses would hold up every other route as well."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise Unsupported(f"regular expression {pattern!r}: {error}") from error
    if _NOT_IN_RE2.search(pattern):
        raise Unsupported(
            f"regular expression {pattern!r}: only RE2 syntax is supported, and counts only after single characters"
        )
    return pattern


def _first_of_each(headers: Sequence[Object] | None) -> list[Object]:
    """Of headers with equivalent names only the first counts, says the Gateway API."""
    first: dict[str, Object] = {}
    for header in headers or ():
        first.setdefault(header["name"].lower(), header)
    return list(first.values())
