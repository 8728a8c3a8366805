"""The managed route gives exactly a split, and a split is read back from whatever others made of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from modelwright.api.ab_test import Audience
from modelwright.api.audience import match_of
from modelwright.api.rollout import HeaderMatch
from modelwright.traffic.features import unsupported_by
from modelwright.traffic.managed_rules import rules_of, split_of
from modelwright.traffic.route import MIRROR, Split

TESTER = HeaderMatch("x-tester", "yes")
FRIEND = HeaderMatch("x-friend", "yes")
HALF = match_of(Audience(50, header="x-bucket"))
SPLITS = [
    Split(),
    Split(25),
    Split(100),
    Split(mirror=20),
    Split(mirror=100),
    Split(testers=(TESTER, FRIEND)),
    Split(testers=(HALF,)),
    Split(10, mirror=5, testers=(TESTER,)),
]

Rules = list[dict[str, Any]]


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_what_is_written_is_read_back(split: Split) -> None:
    rules = rules_of("churn", split)
    assert split_of("churn", rules) == split
    for rule in rules:
        weights = {backend["name"]: backend["weight"] for backend in rule["backendRefs"]}
        assert set(weights) == {"churn-stable", "churn-candidate"}
        assert sum(weights.values()) == 100


@pytest.mark.parametrize("split", SPLITS, ids=str)
def test_a_grpc_route_says_the_same_without_paths(split: Split) -> None:
    rules, http = rules_of("churn", split, "GRPCRoute"), rules_of("churn", split)
    assert split_of("churn", rules) == split
    assert "matches" not in rules[-1]
    assert [rule["backendRefs"] for rule in rules] == [rule["backendRefs"] for rule in http]
    assert all("path" not in match for rule in rules for match in rule.get("matches", []))


def test_testers_come_first_and_need_all_their_headers_in_one_match() -> None:
    testers, everybody = rules_of("churn", Split(testers=(TESTER, FRIEND)))
    ((match,), weights) = testers["matches"], [backend["weight"] for backend in testers["backendRefs"]]
    assert [header["name"] for header in match["headers"]] == ["x-tester", "x-friend"]
    assert weights == [0, 100]
    assert "headers" not in everybody["matches"][0]


def test_a_mirror_of_all_requests_names_no_percent_as_more_gateways_can_do_that() -> None:
    (rule,) = rules_of("churn", Split(mirror=100))
    assert "percent" not in rule["filters"][0]["requestMirror"]


def _weights(number: int, stable: int, candidate: int) -> Callable[[Rules], None]:
    def edit(rules: Rules) -> None:
        for backend, weight in zip(rules[number]["backendRefs"], (stable, candidate), strict=True):
            backend["weight"] = weight

    return edit


def _no_mirror(rules: Rules) -> None:
    del rules[1]["filters"]


def _fraction(rules: Rules) -> None:
    mirror = rules[1]["filters"][0]["requestMirror"]
    del mirror["percent"]
    mirror["fraction"] = {"numerator": 1, "denominator": 3}


def _mirror_elsewhere(rules: Rules) -> None:
    rules[1]["filters"][0]["requestMirror"]["backendRef"]["name"] = "audit"


def _no_testers(rules: Rules) -> None:
    del rules[0]


def _fewer_headers(rules: Rules) -> None:
    rules[0]["matches"][0]["headers"].pop()


def _others_as_well(rules: Rules) -> None:
    rules[0]["matches"].append({"headers": [{"name": "x-other", "value": "1"}]})


def _everybody_is_a_tester(rules: Rules) -> None:
    del rules[0]["matches"]


def _own_rule(rules: Rules) -> None:
    rules.append({"matches": [{"method": "GET"}], "backendRefs": [{"name": "churn-candidate", "port": 80}]})


def _foreign_rule(rules: Rules) -> None:
    rules.append({"backendRefs": [{"name": "other", "port": 80}]})


START = Split(10, mirror=5, testers=(TESTER, FRIEND))


@pytest.mark.parametrize(
    ("edit", "seen"),
    [
        (_weights(1, 1, 2), Split(67, 5, START.testers)),
        (_weights(1, 100, 0), Split(0, 5, START.testers)),
        (_weights(1, 0, 0), Split(0, 5, START.testers)),
        (_weights(0, 100, 0), Split(10, 5)),
        (_weights(0, 50, 50), START),
        (_no_mirror, Split(10, 0, START.testers)),
        (_fraction, Split(10, 34, START.testers)),
        (_mirror_elsewhere, Split(10, 0, START.testers)),
        (_no_testers, Split(10, 5)),
        (_fewer_headers, Split(10, 5, (TESTER,))),
        (_others_as_well, Split(10, 5, (TESTER, FRIEND, HeaderMatch("x-other", "1")))),
        (_everybody_is_a_tester, Split(100, 5)),
        (_own_rule, Split(100, 5, START.testers)),
        (_foreign_rule, START),
        (list.clear, Split()),
    ],
)
def test_what_others_edit_is_seen_and_in_doubt_the_more_of_it(edit: Callable[[Rules], None], seen: Split) -> None:
    rules = copy.deepcopy(rules_of("churn", START))
    edit(rules)
    assert split_of("churn", rules) == seen


def _class(*names: str) -> dict[str, Any]:
    return {"status": {"supportedFeatures": [{"name": name} for name in names]}}


@pytest.mark.parametrize(
    ("gateway_class", "mirrors", "lacking"),
    [
        (_class("HTTPRoute"), [20], True),
        (_class("HTTPRoute", "HTTPRouteRequestMirror"), [20], True),
        (_class("HTTPRoute", "HTTPRouteRequestMirror"), [100], False),
        (_class("HTTPRoute", "HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror"), [20, 100], False),
        (_class("HTTPRoute"), [], False),
        (_class(), [20], False),
        ({}, [20], False),
        ({"status": {"supportedFeatures": ["HTTPRoute"]}}, [20], True),
    ],
)
def test_a_class_that_lists_its_features_without_mirrors_has_none_and_one_that_says_nothing_may(
    gateway_class: dict[str, Any], mirrors: list[int], lacking: bool
) -> None:
    assert unsupported_by(gateway_class, mirrors) == (frozenset({MIRROR}) if lacking else frozenset())
