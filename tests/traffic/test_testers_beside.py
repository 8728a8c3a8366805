"""Testers on a route of the user's: what the route beside it says, when it cannot be right, and whom it leads where."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from tests.traffic.routes import backend, both, other, rollout, route

from modelwright.api.ab_test import Audience
from modelwright.api.audience import match_of
from modelwright.api.rollout import (
    AttachedRoute,
    HeaderMatch,
    MatchType,
    ModelRollout,
    RouteForTesters,
    Step,
)
from modelwright.cluster.keys import HTTP_ROUTE
from modelwright.errors import Conflict
from modelwright.traffic.attached_route import seen
from modelwright.traffic.route import HEADER_MATCH, MIRROR, RouteSeen, Split, WriteRoute
from modelwright.traffic.testers_writing import wanted_for

ONE = (HeaderMatch("x-tester", "1"),)
TWO = (*ONE, HeaderMatch("x-team", "ml"))
RAISE = WriteRoute(Split(testers=ONE), "7")


def subject(testers: tuple[HeaderMatch, ...] = ONE, *, given: bool = False, allowed: bool = True) -> ModelRollout:
    """A rollout whose only step leads `testers`. `given`: they are recorded as led already."""
    plain = rollout(0)
    beside = RouteForTesters.BESIDE if allowed else RouteForTesters.NONE
    attached = AttachedRoute("HTTPRoute", "churn", testers_route=beside)
    spec = replace(plain.spec, route=attached, steps=(Step(match=testers), *plain.spec.steps))
    candidate = plain.status.candidate
    assert candidate
    recorded = replace(candidate, testers=testers if given else ())
    return replace(plain, spec=spec, status=replace(plain.status, candidate=recorded))


def made_for(
    body: dict[str, Any], of: ModelRollout | None = None, split: tuple[HeaderMatch, ...] = ONE, **metadata: Any
) -> dict[str, Any]:
    """The route beside `body`, as the API server returns it: accepted."""
    wanted = wanted_for(of or subject(), HTTP_ROUTE, body, None, WriteRoute(Split(testers=split), "7"))
    assert wanted is not None
    entry = {"manager": "modelwright", "operation": "Apply", "time": "2026-11-21T08:00:00Z"}
    status = {"generation": 1, "resourceVersion": "9", "uid": "made", "managedFields": [entry]}
    created = {"creationTimestamp": "2026-11-21T08:00:00Z"}
    return {**route(), **wanted, "metadata": {**wanted["metadata"], **status, **created, **metadata}}


def why_not(of: ModelRollout, body: dict[str, Any], *beside: dict[str, Any]) -> str:
    found = seen(of, body, beside=beside)
    return dict(found.reasons).get(HEADER_MATCH, "")


def test_repeats_each_divided_rule_with_the_testers_headers_on_top_and_the_candidate_behind_it() -> None:
    rule = {**both(name="predict"), "timeouts": {"request": "2s"}}
    path = {"type": "PathPrefix", "value": "/v2"}
    rule["matches"] = [{"path": path, "method": "POST"}, {"headers": [{"name": "a", "value": "b"}]}]
    rule["backendRefs"].append(backend("elsewhere", 7))
    body = route(other(), rule)
    body["spec"]["hostnames"] = ["churn.example.com"]
    made = made_for(body)
    assert made["metadata"]["name"] == "churn-testers"
    assert made["metadata"]["ownerReferences"][0]["uid"] == "uid"
    assert {key: made["spec"][key] for key in ("parentRefs", "hostnames")} == {
        "parentRefs": [{"name": "public"}],
        "hostnames": ["churn.example.com"],
    }
    (copied,) = made["spec"]["rules"]
    header = {"type": "Exact", "name": "x-tester", "value": "1"}
    assert copied["matches"] == [
        {"path": path, "method": "POST", "headers": [header]},
        {"headers": [{"name": "a", "value": "b"}, header]},
    ]
    assert (copied["filters"], copied["timeouts"]) == (rule["filters"], rule["timeouts"])
    assert [(ref["name"], ref["weight"]) for ref in copied["backendRefs"]] == [
        ("churn-stable", 0),
        ("churn-candidate", 100),
    ]
    assert "name" not in copied


def test_a_rule_without_matches_gets_one_of_headers_only() -> None:
    assert made_for(route(both()))["spec"]["rules"][0]["matches"] == [
        {"headers": [{"type": "Exact", "name": "x-tester", "value": "1"}]}
    ]


def test_testers_are_refused_until_the_route_beside_is_allowed() -> None:
    assert "allow it with `attached.testersRoute: Beside`" in why_not(subject(allowed=False), route())
    assert why_not(subject(), route()) == ""


def test_a_mirror_is_refused_whatever_is_allowed() -> None:
    found = seen(subject(), route())
    assert found.unsupported == {MIRROR}
    assert "in your route only weights are written" in dict(found.reasons)[MIRROR]


def matching(*headers: tuple[str, str], path: str = "/", service: str = "elsewhere", **fields: Any) -> dict[str, Any]:
    match = {
        "path": {"type": "PathPrefix", "value": path},
        "headers": [{"name": name, "value": value} for name, value in headers],
        **fields,
    }
    return {"matches": [match], "backendRefs": [backend(service, 1)]}


@pytest.mark.parametrize(
    ("testers", "theirs", "is_taken"),
    [
        (ONE, matching(("x-plan", "gold")), False),
        (TWO, matching(("x-plan", "gold")), True),
        (TWO, matching(("x-plan", "gold"), path="/other"), False),
        (TWO, matching(("x-plan", "gold"), method="GET"), False),
        (TWO, matching(("x-team", "web")), False),
        (TWO, matching(("x-plan", "gold"), ("x-region", "eu")), False),
        (ONE, matching(queryParams=[{"name": "debug", "value": "1"}]), True),
    ],
    ids=[
        "as many headers as testers have: the older route wins",
        "fewer headers than testers have",
        "another path",
        "a method, which counts before headers",
        "another value of the same header",
        "as many headers as two testers' headers",
        "a query parameter, which counts after headers",
    ],
)
def test_testers_who_would_be_taken_from_another_rule_are_refused(
    testers: tuple[HeaderMatch, ...], theirs: dict[str, Any], is_taken: bool
) -> None:
    said = why_not(subject(testers), route(both(), theirs))
    assert ("rule 1 of HTTPRoute 'churn' goes before rule 0" in said) is is_taken, said


def test_another_route_on_the_same_gateway_and_host_is_looked_at_too() -> None:
    beside = route(matching(("x-plan", "gold")), name="plans")
    assert "rule 0 of HTTPRoute 'plans' goes before" in why_not(subject(TWO), route(), beside)
    beside["spec"]["parentRefs"] = [{"name": "internal"}]
    assert why_not(subject(TWO), route(), beside) == ""
    beside["spec"] |= {"parentRefs": [{"name": "public"}], "hostnames": ["plans.example.com"]}
    body = route()
    body["spec"]["hostnames"] = ["churn.example.com"]
    assert why_not(subject(TWO), body, beside) == ""


def test_a_rule_that_matches_the_testers_header_itself_cannot_have_it_twice() -> None:
    said = why_not(subject(), route({**both(), "matches": [{"headers": [{"name": "X-Tester", "value": "2"}]}]}))
    assert "rule 0 of HTTPRoute 'churn' matches header 'x-tester' itself" in said


def test_of_two_divided_rules_neither_takes_from_the_other() -> None:
    rules = (both(), {**both(), "matches": matching(("x-plan", "gold"))["matches"]})
    assert why_not(subject(TWO), route(*rules)) == ""


def test_a_route_of_somebody_elses_by_that_name_is_left_alone_and_named() -> None:
    foreign = made_for(route(), ownerReferences=[], labels={})
    found = seen(subject(), route(), made=foreign)
    assert "HTTPRoute 'churn-testers' exists and is not of this rollout" in dict(found.reasons)[HEADER_MATCH]
    assert (found.split, found.is_held) == (Split(), False)
    assert wanted_for(subject(), HTTP_ROUTE, route(), foreign, RAISE) is foreign


def read(of: ModelRollout, made: dict[str, Any] | None, body: dict[str, Any] | None = None) -> RouteSeen:
    return seen(of, body or route(), made=made)


def test_what_it_gives_is_read_back_with_its_acceptance() -> None:
    made = made_for(route())
    found = read(subject(given=True), made)
    assert (found.split, found.accepted, found.as_wanted, found.is_held) == (Split(testers=ONE), True, True, True)
    silent = read(subject(given=True), {**made, "status": {}})
    assert silent.accepted is None
    assert silent.silent == ("'public' (HTTPRoute 'churn-testers')",)
    made["status"]["parents"][0]["conditions"][0] |= {"status": "False", "reason": "NoMatchingParent"}
    refused = read(subject(given=True), made)
    assert refused.accepted is False
    assert refused.message.startswith("HTTPRoute 'churn-testers': Gateway 'public' says Accepted=False")


def test_an_audience_that_was_widened_is_nobodys_record() -> None:
    made = made_for(route())
    made["spec"]["rules"][0]["matches"] = [{}]
    found = read(subject(given=True), made).split
    assert not found.is_within(Split(testers=ONE))
    assert found.at_most(Split(testers=ONE)) == Split()


def test_what_the_owner_changes_in_his_rule_is_no_longer_repeated() -> None:
    made = made_for(route())
    changed = route({**both(), "timeouts": {"request": "9s"}})
    assert read(subject(given=True), made).as_wanted
    assert not read(subject(given=True), made, changed).as_wanted
    again = wanted_for(subject(given=True), HTTP_ROUTE, changed, made, RAISE)
    assert again is not None
    assert again["spec"]["rules"][0]["timeouts"] == {"request": "9s"}


def test_on_the_way_back_it_leads_to_stable_until_that_is_confirmed_and_goes_at_rest() -> None:
    made = made_for(route())
    back = wanted_for(subject(given=True), HTTP_ROUTE, route(), made, WriteRoute())
    assert back is not None
    assert [ref["weight"] for ref in back["spec"]["rules"][0]["backendRefs"]] == [100, 0]
    lowered = {**made, "spec": back["spec"], "metadata": {**made["metadata"], "generation": 2}}
    found = read(subject(), lowered)
    assert (found.split, found.accepted, found.is_held) == (Split(), None, True)
    assert wanted_for(subject(), HTTP_ROUTE, route(), lowered, WriteRoute()) is lowered


def test_with_a_weight_for_everybody_it_goes_at_once() -> None:
    assert wanted_for(subject(given=True), HTTP_ROUTE, route(), made_for(route()), WriteRoute(Split(10), "7")) is None


def test_lowering_makes_nothing_new() -> None:
    keep = WriteRoute(Split(testers=ONE))
    assert wanted_for(subject(given=True), HTTP_ROUTE, route(), None, keep) is None


def test_whoever_deleted_it_is_told_unless_that_may_have_been_us() -> None:
    assert read(subject(given=True), None).changed_by == "whoever deleted HTTPRoute 'churn-testers'"
    body = route()
    body["metadata"]["managedFields"].append(
        {"manager": "modelwright", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}}
    )
    assert read(subject(given=True), None, body).changed_by == ""


def test_who_edited_it_is_told() -> None:
    made = copy.deepcopy(made_for(route()))
    made["spec"]["rules"][0]["backendRefs"][1]["weight"] = 0
    made["metadata"]["managedFields"].append({"manager": "somebody", "time": "2026-11-21T08:00:01Z"})
    assert read(subject(given=True), made).changed_by == "somebody"


def test_an_audience_by_cookie_is_one_more_header_as_any() -> None:
    cookie = (HeaderMatch("cookie", "^bucket=7$", MatchType.REGULAR_EXPRESSION),)
    made = wanted_for(subject(cookie), HTTP_ROUTE, route(), None, WriteRoute(Split(testers=cookie), "7"))
    assert made is not None
    (match,) = made["spec"]["rules"][0]["matches"]
    assert match["headers"] == [{"type": "RegularExpression", "name": "cookie", "value": "^bucket=7$"}]


def test_a_larger_audience_is_led_only_while_the_smaller_one_is_what_is_live() -> None:
    few, more = ((match_of(Audience(percent, header="x-bucket")),) for percent in (10, 50))
    led, body = subject(few, given=True), route(both())
    raise_ = WriteRoute(Split(testers=more), "7")
    live = made_for(body, subject(few), split=few)
    wanted = wanted_for(led, HTTP_ROUTE, body, live, raise_)
    assert wanted
    assert wanted["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    assert seen(led, body, made={**live, **wanted, "metadata": live["metadata"]}).split == Split(testers=more)
    narrowed = made_for(body, subject(few), split=(match_of(Audience(7, header="x-bucket")),))
    with pytest.raises(Conflict, match="changed since the raise was decided"):
        wanted_for(led, HTTP_ROUTE, body, narrowed, raise_)


def test_an_audience_that_was_widened_is_led_back_to_the_recorded_one_and_a_smaller_one_is_let_be() -> None:
    few, more, fewer = ((match_of(Audience(percent, header="x-bucket")),) for percent in (10, 50, 7))
    led, body = subject(few, given=True), route(both())
    lower = WriteRoute(Split(testers=few))
    wide, narrow = (made_for(body, subject(few), split=testers) for testers in (more, fewer))
    assert seen(led, body, made=wide).split == Split(testers=more)
    wanted = wanted_for(led, HTTP_ROUTE, body, wide, lower)
    assert wanted
    assert "resourceVersion" not in wanted["metadata"]
    assert seen(led, body, made={**wide, "spec": wanted["spec"]}).split == Split(testers=few)
    assert wanted_for(led, HTTP_ROUTE, body, narrow, lower) is narrow
