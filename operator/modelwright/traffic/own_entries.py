"""Entries of our own in a VirtualService: for testers and for copies, before the entry whose requests they take. Pure.

The first entry that matches wins. An entry of ours repeats the match of the one behind it, and asks for more or does
more: it takes requests from no other, and without it everything is as before. They are known by their names.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from typing import Any

from modelwright.api.rollout import HeaderMatch, MatchType, ModelRollout
from modelwright.traffic.additions import Additions, Testers, audience_in, testers_wanted, without_testers
from modelwright.traffic.backends import Backends, backends_of
from modelwright.traffic.features import mirrors_of
from modelwright.traffic.pairs import Pair, is_made
from modelwright.traffic.route import MIRROR, Split
from modelwright.traffic.shapes import ISTIO, MADE_BY_US

Object = Mapping[str, Any]

TESTERS, COPIES = "testers", "mirror"
KINDS_OF_MATCH = {MatchType.EXACT: "exact", MatchType.REGULAR_EXPRESSION: "regex"}


def prefix_of(rollout: ModelRollout) -> str:
    """Of the names of a rollout's entries. No name in Kubernetes has a slash, so rollouts cannot be mixed up."""
    return f"{MADE_BY_US}{rollout.name}/"


def entries_for(entry: Object, pair: Pair, split: Split, prefix: str, number: int) -> list[dict[str, Any]]:
    """What has to stand before `entry`, so that the candidate is given what no weight can say."""
    found, plain = [], {key: copy.deepcopy(value) for key, value in entry.items() if key != "name"}
    refs = [{key: value for key, value in ref.items() if key != "weight"} for ref in pair.refs]
    stable, candidate = refs[pair.stable], refs[pair.candidate]
    if split.testers:
        found.append(
            {
                **plain,
                "name": f"{prefix}{TESTERS}/{number}",
                "match": [_match(match, split.testers) for match in entry.get("match") or [{}]],
                "route": [{**candidate, "weight": 100}],
            }
        )
    if split.mirror:
        total = sum(weight or 0 for weight in pair.weights)
        route = [{**stable, "weight": total} if place == pair.stable else ref for place, ref in enumerate(pair.refs)]
        copies = {
            **plain,
            "name": f"{prefix}{COPIES}/{number}",
            "route": [dict(ref) for place, ref in enumerate(route) if place != pair.candidate],
            "mirror": candidate["destination"],
            "mirrorPercentage": {"value": split.mirror},
        }
        found.append(copies)
    return copy.deepcopy(found)


def seen(rollout: ModelRollout, body: Object, pairs: Sequence[Pair]) -> Additions:
    """What our entries give as they are live."""
    known, prefix, http = rollout.status.candidate, prefix_of(rollout), _http(body)
    recorded = known.testers if known else ()
    ours = [entry for entry in http if is_made(entry, prefix)]
    matches = [tuple(_headers(match)) for entry in _of(ours, TESTERS, prefix) for match in entry.get("match") or [{}]]
    testers = audience_in(matches, recorded)
    mirror = max((_percent(entry) for entry in _of(ours, COPIES, prefix)), default=0)
    if any(_leads_to_candidate(entry, backends_of(rollout), body) for entry in _of(ours, COPIES, prefix)):
        testers = audience_in([()], recorded)
    as_recorded = Split(0, mirror, testers) == Split(0, (known.mirror or 0) if known else 0, recorded)
    return Additions(
        testers=testers,
        mirror=mirror,
        exist=bool(ours),
        fits=not as_recorded or http == _wanted(http, pairs, Split(0, mirror, testers), prefix),
        cannot=_cannot(rollout, http, pairs),
    )


def place(body: Object, pairs: Sequence[Pair], split: Split, rollout: ModelRollout) -> list[dict[str, Any]]:
    """The operations that make our entries those for `split`, after which weights stand elsewhere; [] if they are."""
    http, prefix = _http(body), prefix_of(rollout)
    if http == _wanted(http, pairs, split, prefix):
        return []
    at = f"/spec/{ISTIO.rules}"
    ours = [number for number, entry in enumerate(http) if is_made(entry, prefix)]
    operations: list[dict[str, Any]] = [{"op": "remove", "path": f"{at}/{number}"} for number in reversed(ours)]
    # From the last to the first, since each insertion moves those after it.
    for number, pair in reversed(list(enumerate(pairs, 1))):
        where = pair.rule - sum(1 for mine in ours if mine < pair.rule)
        for entry in reversed(entries_for(http[pair.rule], pair, split, prefix, number)):
            operations.append({"op": "add", "path": f"{at}/{where}", "value": entry})
    return operations


def _wanted(http: Sequence[Object], pairs: Sequence[Pair], split: Split, prefix: str) -> list[Object]:
    numbers = {pair.rule: (number, pair) for number, pair in enumerate(pairs, 1)}
    found: list[Object] = []
    for place_, entry in enumerate(http):
        if place_ in numbers:
            number, pair = numbers[place_]
            found += entries_for(entry, pair, split, prefix, number)
        if not is_made(entry, prefix):
            found.append(entry)
    return found


def _match(theirs: Object, testers: Testers) -> dict[str, Any]:
    # Istio wants the names of headers in lower case.
    added = {tester.name.lower(): {KINDS_OF_MATCH[tester.type]: tester.value} for tester in testers}
    return {**theirs, "headers": {**(theirs.get("headers") or {}), **added}}


def _headers(match: Object) -> Iterator[HeaderMatch]:
    for name, value in (match.get("headers") or {}).items():
        for type_, key in KINDS_OF_MATCH.items():
            if key in value:
                yield HeaderMatch(name, value[key], type_)


def _of(entries: Sequence[Object], what: str, prefix: str) -> list[Object]:
    return [entry for entry in entries if entry["name"].startswith(f"{prefix}{what}/")]


def _percent(entry: Object) -> int:
    """Of requests that are copied; all of them, where nothing else is said."""
    if not entry.get("mirror"):
        return 0
    return ceil(float((entry.get("mirrorPercentage") or {}).get("value", 100)))


def _leads_to_candidate(entry: Object, backends: Backends, body: Object) -> bool:
    namespace = body["metadata"]["namespace"]
    return any(ISTIO.names(ref, backends.candidate, namespace) for ref in entry.get("route") or ())


def _cannot(rollout: ModelRollout, http: Sequence[Object], pairs: Sequence[Pair]) -> dict[str, str]:
    found: dict[str, str] = {}
    names = {tester.name.lower() for testers in testers_wanted(rollout) for tester in testers}
    for pair in pairs:
        entry = http[pair.rule]
        if any(names & _headers_asked(match) for match in entry.get("match") or ()):
            found |= without_testers(f"{pair} matches a header of the testers itself: match others")
        if mirrors_of(rollout.spec) and (entry.get("mirror") or entry.get("mirrors")):
            found[MIRROR] = f"{pair} has a mirror already: leave those steps out, or take it away for the rollout"
    return found


def _headers_asked(match: Object) -> set[str]:
    """Which must be there, and which must not: then an entry that asks for them too would never match."""
    return {name.lower() for key in ("headers", "withoutHeaders") for name in match.get(key) or ()}


def _http(body: Object) -> list[Object]:
    return list(body.get("spec", {}).get(ISTIO.rules, []))
