"""What the real API server lets in and what it refuses, with the words that a person reads then."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.corpus import Refusal, accepted, merged, read, refusals
from tests.contract.schema import KINDS, ROOT, rules, values_at

from modelwright.api.parsing import parse_policy, parse_rollout, parse_run
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import GATEWAY, MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Kind
from modelwright.errors import InvalidSpec

KIND = {kind.name: kind for kind in (MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN)}
PARSE: dict[str, Callable[[dict[str, Any]], ModelRollout | RetrainPolicy | RetrainRun]] = {
    "ModelRollout": parse_rollout,
    "RetrainPolicy": parse_policy,
    "RetrainRun": parse_run,
}
WHOLE = "the object"

ACCEPTED = accepted()
REFUSALS = refusals()


def kind_of(body: dict[str, Any]) -> Kind:
    return KIND[body["kind"]]


def placed(body: dict[str, Any], namespace: str) -> dict[str, Any]:
    return dict(merged(body, {"metadata": {"namespace": namespace}}))


@pytest.mark.parametrize("name", ACCEPTED)
async def test_accepts_what_the_operator_understands(name: str, cluster: Cluster, namespace: str) -> None:
    body = placed(ACCEPTED[name], namespace)
    created = await cluster.create(kind_of(body), body, strict=True)
    parsed = PARSE[body["kind"]](created)
    assert (parsed.namespace, parsed.name) == (namespace, body["metadata"]["name"])
    # An HPA is shown a scale only where there are replicas: no other field is filled in.
    filled = {"replicas": 1} if body["kind"] == "ModelRollout" else {}
    assert created["spec"] == filled | body["spec"], "what Git holds must stay what the cluster holds"


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
async def test_refuses_with_the_path_and_what_is_needed(refusal: Refusal, cluster: Cluster) -> None:
    body = placed(refusal.body(), "default")
    with pytest.raises(InvalidSpec) as caught:
        await cluster.create(kind_of(body), body, strict=True, dry_run=True)
    assert refusal.says in caught.value.message
    if refusal.at != WHOLE:
        assert re.search(rf'\b{re.escape(refusal.at)}(: |")', caught.value.message), caught.value.message


async def test_accepts_the_gateway_of_the_examples(cluster: Cluster, namespace: str) -> None:
    (gateway,) = [body for body in read(ROOT / "examples" / "gateway.yaml") if body["kind"] == GATEWAY.name]
    await cluster.create(GATEWAY, placed(gateway, namespace), strict=True)


async def test_refuses_any_change_of_a_run(cluster: Cluster, namespace: str) -> None:
    created = await cluster.create(RETRAIN_RUN, placed(ACCEPTED["accepted/run"], namespace))
    (rule,) = [rule for rule in rules("RetrainRun") if rule.path == "spec"]
    with pytest.raises(InvalidSpec, match=re.escape(rule.message)):
        await cluster.replace(RETRAIN_RUN, merged(created, {"spec": {"number": 43}}))


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_tried_on_something_it_refuses(kind: str) -> None:
    changes = [refusal for refusal in REFUSALS if refusal.body()["kind"] == kind]
    # A rule on updates cannot be tried by creating: above, and in test_immutable_members.py.
    tried = {rule for rule in rules(kind) if rule.is_about_changes}
    for rule in rules(kind):
        for refusal in changes:
            at = "" if refusal.at == WHOLE else re.sub(r"\[\d+\]", "[]", refusal.at)
            if at == rule.path and refusal.says in rule.message:
                tried.add(rule)
    assert set(rules(kind)) - tried == set()


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_tried_on_something_it_accepts(kind: str) -> None:
    bodies = [body for body in ACCEPTED.values() if body["kind"] == kind]
    untried = [rule for rule in rules(kind) if not any(values_at(body, rule.path) for body in bodies)]
    assert untried == []
