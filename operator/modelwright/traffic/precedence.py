"""Which requests a match with more headers would take from rules that it is not meant for. Pure.

Gateways choose by path, then method, then the number of headers, then of query parameters; at last the older route and
the earlier rule win. A match of testers is one of the user's with headers more, so it goes before that one, and also
before others that went before it: those are looked for here. GRPCRoutes: by service, method, headers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.api.rollout import HeaderMatch

Object = Mapping[str, Any]

MOST_HEADERS = 16
"""In one match, by the Gateway API's schema."""

ANY_PATH = {"type": "PathPrefix", "value": "/"}


@dataclass(frozen=True)
class Placed:
    """One match of a route: `order` decides between those that are alike, the smaller goes first."""

    match: Object
    order: tuple[Any, ...]
    said: str

    @property
    def rank(self) -> tuple[int, int]:
        return len(self.match.get("headers") or ()), len(self.match.get("queryParams") or ())


def matches_of(rule: Object) -> list[Object]:
    """The matches of a rule. One without any matches everything."""
    return list(rule.get("matches") or [{}])


def placed(body: Object, rules: Sequence[int]) -> list[Placed]:
    """The matches in those rules of a route."""
    metadata, written = body["metadata"], body.get("spec", {}).get("rules", [])
    age = (metadata.get("creationTimestamp", ""), metadata.get("namespace", ""), metadata["name"])
    return [
        Placed(match, (*age, number, place), f"rule {number} of {body['kind']} '{metadata['name']}'")
        for number in rules
        for place, match in enumerate(matches_of(written[number]))
    ]


def taken_from(addressed: Sequence[Placed], others: Sequence[Placed], testers: Sequence[HeaderMatch]) -> str:
    """Why `testers` cannot be added to the `addressed` matches, "" if they can."""
    for mine in addressed:
        own = {header["name"].lower() for header in mine.match.get("headers") or ()}
        if same := next((tester.name for tester in testers if tester.name.lower() in own), ""):
            return f"{mine.said} matches header '{same}' itself, and only the first match of a header counts"
        if len(own) + len(testers) > MOST_HEADERS:
            return f"{mine.said} matches so many headers that a match can hold none more"
        ours = (mine.rank[0] + len(testers), mine.rank[1])
        for other in others:
            goes_first = other.rank > mine.rank or (other.rank == mine.rank and other.order < mine.order)
            if goes_first and ours > other.rank and _meet(mine.match, other.match, testers):
                return f"{other.said} goes before {mine.said} today, and testers would be taken from it"
    return ""


def _meet(mine: Object, other: Object, testers: Sequence[HeaderMatch]) -> bool:
    """Whether a request may match both, of those that gateways do not tell apart before they count headers."""
    added = [{"name": tester.name, "value": tester.value, "type": str(tester.type)} for tester in testers]
    headers = [*(mine.get("headers") or ()), *added]
    return (
        _same_way(mine, other)
        and not _differ(headers, other.get("headers") or (), fold=True)
        and not _differ(mine.get("queryParams") or (), other.get("queryParams") or (), fold=False)
    )


def _same_way(mine: Object, other: Object) -> bool:
    return all(_alike(one, another) for one, another in zip(_ways(mine), _ways(other), strict=True))


def _ways(match: Object) -> Iterator[tuple[str, str]]:
    """Type and value of what is looked at before headers: path and method, or service and method."""
    method = match.get("method")
    if isinstance(method, Mapping):
        kind = str(method.get("type", "Exact"))
        yield kind, str(method.get("service") or "")
        yield kind, str(method.get("method") or "")
        return
    path = match.get("path") or ANY_PATH
    yield str(path.get("type", ANY_PATH["type"])), str(path.get("value", ANY_PATH["value"]))
    yield "Exact", str(method or "")


def _alike(one: tuple[str, str], another: tuple[str, str]) -> bool:
    """Of regular expressions nobody can tell whether they meet: those of one length may."""
    (kind, value), (other_kind, other_value) = one, another
    if kind != other_kind:
        return False
    return len(value) == len(other_value) if kind == "RegularExpression" else value == other_value


def _differ(ours: Sequence[Object], theirs: Sequence[Object], *, fold: bool) -> bool:
    """Whether they ask for different values of one name, so that no request has both."""
    exact = [
        {
            item["name"].lower() if fold else item["name"]: item["value"]
            for item in items
            if item.get("type", "Exact") == "Exact"
        }
        for items in (ours, theirs)
    ]
    return any(exact[1].get(name, value) != value for name, value in exact[0].items())
