"""The route of our own beside one of the user's, for requests of testers: what it says, and whom it leads where.

Each rule that is divided is there once more: same filters, timeouts and backends, and in each match the testers'
headers on top. A match with more headers goes first, so nothing of the user's route has to change. Pure.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.api.rollout import AttachedRoute, HeaderMatch, MatchType, ModelRollout, RouteForTesters
from modelwright.cluster.access import FIELD_MANAGER
from modelwright.cluster.keys import ROLLOUT_LABEL, Kind
from modelwright.rollouts.ownership import Ownership, owned, ownership
from modelwright.traffic import field_managers
from modelwright.traffic.acceptance import Acceptance, acceptance
from modelwright.traffic.additions import Additions, Testers, audience_in, testers_wanted, without_testers
from modelwright.traffic.backends import Backends, backends_of
from modelwright.traffic.pairs import Pair
from modelwright.traffic.precedence import matches_of, placed, taken_from
from modelwright.traffic.route import MIRROR
from modelwright.traffic.shapes import shape_of

Object = Mapping[str, Any]

NO_MIRROR = (
    "a mirror belongs into the rule whose requests it copies, and in your route only weights are written: leave "
    "those steps out, or use a managed route"
)
NOT_ALLOWED = (
    "testers need a route of their own beside yours, and policies that name your route, for authentication or rate "
    "limits, do not hold for that one: allow it with `attached.testersRoute: Beside`, leave those steps out, or use a "
    "managed route"
)


def name_of(rollout: ModelRollout) -> str:
    return f"{rollout.name}-testers"


def is_ours(made: Object, rollout: ModelRollout) -> bool:
    return ownership(made, rollout) is not Ownership.FOREIGN


def manifest(
    rollout: ModelRollout, kind: Kind, body: Object, pairs: Sequence[Pair], testers: Testers
) -> dict[str, Any]:
    """The route that leads `testers` to the candidate, beside the user's route `body`."""
    return {**head(rollout, kind), "spec": spec_of(body, pairs, testers)}


def head(rollout: ModelRollout, kind: Kind) -> dict[str, Any]:
    return owned(rollout, kind, name_of(rollout), {ROLLOUT_LABEL: rollout.name})


def spec_of(body: Object, pairs: Sequence[Pair], testers: Testers) -> dict[str, Any]:
    theirs = copy.deepcopy(dict(body["spec"]))
    return {**theirs, "rules": [_rule(theirs["rules"][pair.rule], pair, testers) for pair in pairs]}


def to_stable(made: Object, backends: Backends) -> list[dict[str, Any]] | None:
    """The rules of a live one with all weight on stable, None where one of them has no place for that."""
    rules, names = copy.deepcopy(list(made.get("spec", {}).get("rules", []))), shape_of(made).names
    namespace = made["metadata"]["namespace"]
    for rule in rules:
        refs = rule.get("backendRefs") or []
        if not any(names(ref, backends.stable, namespace) for ref in refs):
            return None
        for ref in refs:
            ref["weight"] = 100 if names(ref, backends.stable, namespace) else 0
    return rules


def seen(
    rollout: ModelRollout, body: Object, pairs: Sequence[Pair], made: Object | None, others: Sequence[Object]
) -> Additions:
    """What there is of it. `others` are routes beside the user's, which it must take no requests from."""
    cannot = {MIRROR: NO_MIRROR, **without_testers(_why_not(rollout, body, pairs, made, others))}
    if made is None or not is_ours(made, rollout):
        return Additions(cannot=cannot)
    recorded = rollout.status.candidate.testers if rollout.status.candidate else ()
    testers = audience(made, rollout)
    return Additions(
        testers=testers,
        exist=True,
        fits=not testers or testers != recorded or made.get("spec") == spec_of(body, pairs, recorded),
        answer=_answer(made),
        changed_by=field_managers.newest(made, FIELD_MANAGER),
        cannot=cannot,
    )


def _rule(theirs: Mapping[str, Any], pair: Pair, testers: Testers) -> dict[str, Any]:
    rule = {key: value for key, value in theirs.items() if key != "name"}
    rule["matches"] = [_match(match, testers) for match in matches_of(theirs)]
    refs = theirs["backendRefs"]
    rule["backendRefs"] = [{**refs[pair.stable], "weight": 0}, {**refs[pair.candidate], "weight": 100}]
    return rule


def _match(theirs: Object, testers: Testers) -> dict[str, Any]:
    added = [{"type": str(tester.type), "name": tester.name, "value": tester.value} for tester in testers]
    return {**theirs, "headers": [*(theirs.get("headers") or ()), *added]}


def audience(made: Object, rollout: ModelRollout) -> Testers:
    """Whom it leads to the candidate, as it is live."""
    names, namespace = shape_of(made).names, made["metadata"]["namespace"]
    candidate = backends_of(rollout).candidate
    recorded = rollout.status.candidate.testers if rollout.status.candidate else ()
    matches = [
        tuple(_header(header) for header in match.get("headers") or ())
        for rule in made.get("spec", {}).get("rules", [])
        if any(names(ref, candidate, namespace) and ref.get("weight", 1) for ref in _refs(rule))
        for match in matches_of(rule)
    ]
    return audience_in(matches, recorded)


def _refs(rule: Object) -> Sequence[Object]:
    found: Sequence[Object] = rule.get("backendRefs") or ()
    return found


def _header(header: Object) -> HeaderMatch:
    return HeaderMatch(header["name"], header["value"], MatchType(header.get("type", MatchType.EXACT)))


def _answer(made: Object) -> Acceptance:
    answer = acceptance(made)
    where = f"{made['kind']} '{made['metadata']['name']}'"
    message = f"{where}: {answer.message}" if answer.message else ""
    return Acceptance(answer.accepted, message, tuple(f"{parent} ({where})" for parent in answer.silent))


def _why_not(
    rollout: ModelRollout, body: Object, pairs: Sequence[Pair], made: Object | None, others: Sequence[Object]
) -> str:
    """Why testers cannot be led past the user's route."""
    route = rollout.spec.route
    assert isinstance(route, AttachedRoute)
    if route.testers_route is not RouteForTesters.BESIDE:
        return NOT_ALLOWED
    if made is not None and not is_ours(made, rollout):
        return f"{body['kind']} '{name_of(rollout)}' exists and is not of this rollout: rename one of the two"
    addressed = {pair.rule for pair in pairs}
    rest = [number for number in range(len(body.get("spec", {}).get("rules", []))) if number not in addressed]
    before = placed(body, rest)
    for other in others:
        if _share_requests(body, other):
            before += placed(other, range(len(other.get("spec", {}).get("rules", []))))
    mine = placed(body, sorted(addressed))
    reasons = (taken_from(mine, before, testers) for testers in testers_wanted(rollout))
    return next((f"{reason}: match fewer or other headers" for reason in reasons if reason), "")


def _share_requests(body: Object, other: Object) -> bool:
    """Whether both hang on one parent under one host name. Without host names either may have any."""
    hosts, theirs = (set(one["spec"].get("hostnames") or ()) for one in (body, other))
    return bool(_parents(body) & _parents(other)) and (not hosts or not theirs or bool(hosts & theirs))


def _parents(body: Object) -> set[tuple[str, str]]:
    namespace = body["metadata"]["namespace"]
    return {(parent.get("namespace", namespace), parent["name"]) for parent in body["spec"].get("parentRefs") or ()}
