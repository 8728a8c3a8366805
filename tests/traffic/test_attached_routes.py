"""The attached route, read and weighed: what is too high, what keeps a rollout from beginning, and what is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contract.corpus import merged, read
from tests.contract.schema import ROOT
from tests.traffic.routes import backend, both, other, rollout, route

from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import Backend, BackendKind, RolloutStatus
from modelwright.traffic.attached_route import changes, seen
from modelwright.traffic.backends import Backends
from modelwright.traffic.pairs import pairs_of, weigh
from modelwright.traffic.route import Split, WriteRoute
from modelwright.traffic.rule_owners import owner_of_rules

FRESH = RolloutStatus()
OURS = {"manager": "modelwright", "operation": "Update", "fieldsV1": {"f:spec": {"f:rules": {}}}}
BACKENDS = Backends(Backend("churn-stable"), Backend("churn-candidate"))


def obstacle(body: dict[str, Any], **fields: Any) -> str:
    found = seen(rollout(**fields), body).obstacle
    return f"{found.reason}: {found.message}" if found else ""


@pytest.mark.parametrize("name", ["rollout-attached", "rollout-grpc", "rollout-existing"])
def test_the_routes_of_the_examples_are_at_rest(name: str) -> None:
    routed, body = read(ROOT / "examples" / f"{name}.yaml")
    metadata = {"uid": "u", "generation": 1, "resourceVersion": "1", "creationTimestamp": "2026-11-21T07:00:00Z"}
    subject = parse_rollout(merged(body, {"metadata": metadata}))
    assert seen(subject, merged(routed, {"metadata": metadata})).obstacle is None


def test_reads_the_weight_of_the_rule_that_names_both_backends() -> None:
    found = seen(rollout(25), route(other(), both(75, 25), other()))
    assert (found.split.weight, found.accepted, found.is_theirs) == (25, True, True)
    assert found.obstacle is None


@pytest.mark.parametrize(
    ("weights", "recorded", "live"),
    [
        ([(75, 25), (5, 95)], 25, 95),
        ([(75, 25), (90, 10)], 25, 10),
        ([(1, 95), (90, 10)], 25, 99),
        ([(75, 25)] * 2, 25, 25),
    ],
    ids=["too high in one rule", "too low in one rule", "both", "as recorded"],
)
def test_of_several_rules_the_one_that_differs_is_told(
    weights: list[tuple[int, int]], recorded: int, live: int
) -> None:
    assert seen(rollout(recorded), route(*(both(*pair) for pair in weights))).split.weight == live


def test_only_the_named_rule_counts() -> None:
    body = route(both(50, 50, "search"), both(75, 25, "predict"))
    assert seen(rollout(25, "predict"), body).split.weight == 25


def test_weights_left_out_are_told_with_what_they_mean_and_what_to_write() -> None:
    said = obstacle(route(both(None, None)), status=FRESH)
    assert said.startswith("RouteNotAtRest: rule 0 of HTTPRoute 'churn' gives Service 'churn-stable' no weight (which")
    assert "write `weight: 100` for Service 'churn-stable' and `weight: 0` for Service 'churn-candidate'" in said


def test_other_weights_than_100_and_0_are_not_at_rest() -> None:
    assert "gives Service 'churn-stable' weight 90" in obstacle(route(both(90, 10)), status=FRESH)
    assert "weight 50" in obstacle(route(both(50, 0)))


def test_a_route_without_the_backends_is_not_at_rest() -> None:
    assert "has no rule with both Service 'churn-stable'" in obstacle(route(other()))
    assert "has no rule named 'predict' with both" in obstacle(route(both(name="search")), rule_name="predict")


def test_a_backend_named_twice_is_ambiguous() -> None:
    rule = both()
    rule["backendRefs"].append(backend("churn-candidate", 0, port=81))
    assert "names a backend twice" in obstacle(route(rule))


def test_a_weight_that_is_too_high_is_no_obstacle_since_it_is_lowered() -> None:
    assert obstacle(route(both(None, None))) == ""
    assert seen(rollout(), route(both(None, None))).split.weight == 50


def test_a_gitops_manager_is_told_how_to_leave_the_weights_alone_before_anything_else() -> None:
    said = obstacle(route(both(None, None), manager="argocd-controller"), status=FRESH)
    assert said.startswith("RouteNotAtRest: 'argocd-controller' keeps Git's weights: set in its Application")
    assert "jqPathExpressions: [.spec.rules[].backendRefs[].weight]" in said
    said = obstacle(route(other(), both(None, None), manager="kustomize-controller"), status=FRESH)
    assert "paths: [/spec/rules/1/backendRefs/0/weight, /spec/rules/1/backendRefs/1/weight]" in said


def test_the_manager_who_owns_the_rules_changed_them() -> None:
    body = route(both(75, 25))
    assert seen(rollout(25), body).changed_by == "team"
    assert not seen(rollout(25), body).is_held
    body["metadata"]["managedFields"].append(OURS)
    assert seen(rollout(25), body).changed_by == ""
    assert seen(rollout(25), body).is_held


def test_of_two_rollouts_on_one_rule_the_older_owns_it() -> None:
    def manifest(uid: str, name: str, born: str) -> dict[str, Any]:
        spec = {
            "model": {"version": "v2", "uri": "s3://m/2"},
            "workload": {
                "deployment": {
                    "template": {
                        "spec": {"containers": [{"name": "m", "ports": [{"name": "http", "containerPort": 1}]}]}
                    }
                }
            },
            "traffic": {"httpRoute": {"attached": {"name": "churn"}}},
        }
        metadata = {"uid": uid, "name": name, "namespace": "ml", "generation": 1, "resourceVersion": "1"}
        return {"metadata": {**metadata, "creationTimestamp": born}, "spec": spec}

    first, second = manifest("a", "churn", "2026-11-21T07:00:00Z"), manifest("b", "churn-2", "2026-11-21T08:00:00Z")
    rule = both()
    rule["backendRefs"] += [backend("churn-2-stable", 0), backend("churn-2-candidate", 0)]
    older, younger = rollout(uid="a"), rollout(uid="b", name="churn-2")
    body = route(rule)
    assert owner_of_rules(older, body, [second, first]) == ""
    assert owner_of_rules(younger, body, [second, first]) == "churn"
    assert owner_of_rules(younger, route(both(), other()), [second, first]) == ""
    taken = seen(younger, body, "churn")
    assert taken.obstacle
    assert taken.obstacle.reason == "RuleTaken"
    assert taken.split.weight == 0


def test_a_refusal_by_one_parent_is_a_refusal_and_silence_of_one_is_not_yet_an_acceptance() -> None:
    body = route()
    body["spec"]["parentRefs"].append({"name": "internal"})
    assert seen(rollout(), body).accepted is None
    assert seen(rollout(), body).silent == ("'internal'",)
    refused = {"type": "ResolvedRefs", "status": "False", "reason": "BackendNotFound", "observedGeneration": 1}
    body["status"]["parents"].append({"parentRef": {"name": "internal"}, "conditions": [refused]})
    refusal = seen(rollout(), body)
    assert refusal.accepted is False
    assert "Gateway 'internal' says ResolvedRefs=False, BackendNotFound" in refusal.message


def test_an_answer_for_an_older_generation_is_none() -> None:
    assert seen(rollout(), route(generation=2)).accepted is None


def test_what_is_written_tests_the_version_and_the_backends_and_adds_two_weights() -> None:
    body = route(other(), both(75, 25))
    assert changes(rollout(25), body, WriteRoute(Split(50), "7")) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "test", "path": "/spec/rules/1/backendRefs", "value": body["spec"]["rules"][1]["backendRefs"]},
        {"op": "add", "path": "/spec/rules/1/backendRefs/0/weight", "value": 50},
        {"op": "add", "path": "/spec/rules/1/backendRefs/1/weight", "value": 50},
    ]
    assert changes(rollout(25), body, WriteRoute(Split(25), "7")) == []


def test_lowering_never_raises_a_rule_that_somebody_lowered_further() -> None:
    body = route(both(5, 95), both(90, 10))
    operations = weigh(body, pairs_of(body, BACKENDS), 25, raises=False)
    assert {operation["path"].split("/")[3] for operation in operations} == {"0"}


def test_pools_of_the_inference_extension_are_backends_too() -> None:
    group = "inference.networking.k8s.io"
    refs = [backend(name, None, group=group, kind="InferencePool") for name in ("a", "b")]
    body = route({"backendRefs": refs})
    pools = Backends(*(Backend(name, BackendKind.INFERENCE_POOL) for name in ("a", "b")))
    assert len(pairs_of(body, pools)) == 1
    assert pairs_of(body, replace(pools, stable=Backend("a"))) == ()
