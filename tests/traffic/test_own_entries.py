"""Testers and copies in a VirtualService: entries of ours before the user's, and nothing of them left afterwards."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.patching import patch
from tests.traffic.routes import rollout as plain_rollout
from tests.traffic.routes import to, virtual_service

from modelwright.api.rollout import AttachedRoute, HeaderMatch, MatchType, ModelRollout, Step
from modelwright.traffic.attached_route import changes, seen
from modelwright.traffic.route import HEADER_MATCH, MIRROR, Split, WriteRoute

TESTERS = (HeaderMatch("X-Tester", "1"), HeaderMatch("cookie", "^b=1$", MatchType.REGULAR_EXPRESSION))
DOCS = {"name": "docs", "match": [{"uri": {"prefix": "/docs"}}], "route": [to("docs")]}


def predict(stable: int = 100, candidate: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "name": "predict",
        "match": [{"uri": {"prefix": "/v2"}}, {"headers": {"x-plan": {"exact": "gold"}}}],
        "timeout": "2s",
        "route": [to("churn-stable", stable), to("churn-candidate", candidate)],
        **fields,
    }


def subject(split: Split = Split()) -> ModelRollout:
    """With a step for testers and one for copies; `split` is recorded."""
    plain = plain_rollout(split.weight)
    candidate = plain.status.candidate
    assert candidate
    recorded = replace(candidate, mirror=split.mirror or None, testers=split.testers)
    steps = (Step(shadow=20), Step(match=TESTERS), *plain.spec.steps)
    spec = replace(plain.spec, route=AttachedRoute("VirtualService", "churn"), steps=steps)
    return replace(plain, spec=spec, status=replace(plain.status, candidate=recorded))


def after(body: dict[str, Any], split: Split, *, raises: bool = True) -> dict[str, Any]:
    """The VirtualService once `split` was written."""
    written = copy.deepcopy(body)
    action = WriteRoute(split, body["metadata"]["resourceVersion"] if raises else "")
    patch(written, changes(subject(), body, action))
    return written


def test_testers_get_an_entry_with_their_headers_before_the_one_whose_requests_they_take() -> None:
    body = virtual_service(DOCS, predict(), {"route": [to("rest")]})
    docs, made, theirs, rest = after(body, Split(testers=TESTERS))["spec"]["http"]
    assert [docs, theirs, rest] == body["spec"]["http"]
    headers = {"x-tester": {"exact": "1"}, "cookie": {"regex": "^b=1$"}}
    assert made == {
        "name": "modelwright/churn/testers/1",
        "match": [
            {"uri": {"prefix": "/v2"}, "headers": headers},
            {"headers": {"x-plan": {"exact": "gold"}, **headers}},
        ],
        "timeout": "2s",
        "route": [to("churn-candidate", 100)],
    }


def test_copies_get_an_entry_with_the_same_match_and_only_stable_answers() -> None:
    body = virtual_service(predict())
    made, theirs = after(body, Split(mirror=20))["spec"]["http"]
    assert theirs == predict()
    assert (made["name"], made["match"]) == ("modelwright/churn/mirror/1", theirs["match"])
    assert made["route"] == [to("churn-stable", 100)]
    assert (made["mirror"], made["mirrorPercentage"]) == ({"host": "churn-candidate"}, {"value": 20})


@pytest.mark.parametrize("split", [Split(testers=TESTERS), Split(mirror=20)], ids=str)
def test_what_was_written_is_read_back_and_a_second_write_changes_nothing(split: Split) -> None:
    body = after(virtual_service(DOCS, predict(), predict(name="search")), split)
    found = seen(subject(split), body)
    assert (found.split, found.as_wanted, found.is_held, found.obstacle) == (split, True, True, None)
    assert changes(subject(split), body, WriteRoute(split, "7")) == []
    assert len(body["spec"]["http"]) == 5


def test_a_weight_for_everybody_takes_the_entries_out_in_the_same_patch() -> None:
    body = virtual_service(DOCS, predict())
    written = after(after(body, Split(testers=TESTERS)), Split(10))
    assert written["spec"]["http"] == [DOCS, predict(90, 10)]


def edited(body: dict[str, Any], how: str) -> dict[str, Any]:
    http = body["spec"]["http"]
    match how:
        case "reordered":
            http.reverse()
        case "entry added in front":
            http.insert(0, {"name": "new", "route": [to("new")]})
        case "user's entry removed":
            del http[-1]
        case "ours doubled":
            http.append(copy.deepcopy(http[0]))
    return body


@pytest.mark.parametrize("how", ["reordered", "entry added in front", "user's entry removed", "ours doubled"])
@pytest.mark.parametrize("split", [Split(testers=TESTERS), Split(mirror=20)], ids=str)
def test_what_we_made_can_be_taken_out_however_the_list_was_edited(split: Split, how: str) -> None:
    body = edited(after(virtual_service(predict()), split), how)
    theirs = [entry for entry in body["spec"]["http"] if not entry["name"].startswith("modelwright/")]
    written = after(body, Split(), raises=False)
    assert written["spec"]["http"] == theirs
    assert not seen(subject(), written).is_held


def test_an_entry_at_another_place_or_with_another_timeout_does_not_fit_any_more() -> None:
    split = Split(testers=TESTERS)
    body = after(virtual_service(predict()), split)
    body["spec"]["http"][1]["timeout"] = "9s"
    assert not seen(subject(split), body).as_wanted
    again = after(body, split)
    assert [entry["timeout"] for entry in again["spec"]["http"]] == ["9s", "9s"]
    again["spec"]["http"].insert(1, DOCS)
    assert not seen(subject(split), again).as_wanted


@pytest.mark.parametrize("what", ["match", "route"])
def test_who_is_given_more_than_was_recorded_is_seen(what: str) -> None:
    split = Split(testers=TESTERS) if what == "match" else Split(mirror=20)
    body = after(virtual_service(predict()), split)
    body["spec"]["http"][0][what] = [{"uri": {"prefix": "/"}}] if what == "match" else [to("churn-candidate", 100)]
    found = seen(subject(split), body).split
    assert not found.is_within(split)
    assert found.at_most(split).testers == ()


def test_more_copies_than_recorded_are_seen() -> None:
    body = after(virtual_service(predict()), Split(mirror=20))
    del body["spec"]["http"][0]["mirrorPercentage"]
    assert seen(subject(Split(mirror=20)), body).split.mirror == 100


def test_lowering_neither_brings_back_nor_widens_what_somebody_took_away() -> None:
    body = virtual_service(predict(50, 50))
    assert after(body, Split(0, 20, TESTERS), raises=False)["spec"]["http"] == [predict()]


def test_an_entry_of_ours_is_no_rule_to_be_divided_and_anothers_is_left_alone() -> None:
    others = {"name": "modelwright/ranker/mirror/1", "route": [to("churn-stable", 50), to("churn-candidate", 50)]}
    body = virtual_service(others, predict(75, 25))
    assert seen(subject(Split(25)), body).split == Split(25)
    assert after(body, Split(50))["spec"]["http"] == [others, predict(50, 50)]


@pytest.mark.parametrize("asked", ["headers", "withoutHeaders"])
def test_what_cannot_be_made_is_told(asked: str) -> None:
    entry = predict(mirror={"host": "audit"}, match=[{asked: {"x-tester": {"exact": "2"}}}])
    reasons = dict(seen(subject(), virtual_service(entry)).reasons)
    assert "rule 'predict' matches a header of the testers itself" in reasons[HEADER_MATCH]
    assert "rule 'predict' has a mirror already" in reasons[MIRROR]
    assert seen(subject(), virtual_service(predict())).unsupported == frozenset()
