"""Which keys a change concerns: the object itself, what owns it, and what reads it."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.cluster.keys import (
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HTTP_ROUTE,
    INFERENCE_SERVICE,
    MODEL_ROLLOUT,
    RETRAIN_POLICY,
    RETRAIN_RUN,
    SERVICE,
    Key,
    Kind,
)
from modelwright.cluster.wakes import Wakes

POLICY = Key("RetrainPolicy", "ml", "churn")
OTHER = Key("RetrainPolicy", "ml", "fraud")
ROLLOUT = Key("ModelRollout", "ml", "churn")
RUN = Key("RetrainRun", "ml", "churn-1")


class Woken:
    """What was woken since one looked last."""

    def __init__(self) -> None:
        self._keys: list[Key] = []
        self.wakes = Wakes(self._keys.append)

    def by(self, kind: Kind, name: str, *, gone: bool = False, **fields: Any) -> set[Key]:
        self._keys.clear()
        metadata = {"namespace": "ml", "name": name, **fields.pop("metadata", {})}
        self.wakes.saw(kind, {"metadata": metadata, **fields}, gone=gone)
        return set(self._keys)


@pytest.fixture
def woken() -> Woken:
    return Woken()


def follows(policy: str) -> dict[str, Any]:
    return {"modelFrom": {"retrainPolicyRef": {"name": policy}}}


def finished(status: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Succeeded", "status": status}]}


@pytest.mark.parametrize("kind", [DEPLOYMENT, SERVICE, ENDPOINT_SLICE, HTTP_ROUTE], ids=lambda kind: kind.name)
def test_a_child_wakes_the_rollout_that_its_label_names_also_when_it_goes(woken: Woken, kind: Kind) -> None:
    labels = {"labels": {"modelwright.dev/rollout": "churn"}}
    assert woken.by(kind, "child", metadata=labels) == {ROLLOUT}
    assert woken.by(kind, "child", metadata=labels, gone=True) == {ROLLOUT}


def test_somebody_elses_object_wakes_nobody(woken: Woken) -> None:
    assert woken.by(SERVICE, "database") == set()


def test_a_rollout_with_a_model_of_its_own_wakes_only_itself(woken: Woken) -> None:
    assert woken.by(MODEL_ROLLOUT, "churn", spec={"model": {"version": "v1"}}) == {ROLLOUT}


def test_a_rollout_wakes_the_policy_that_it_follows_and_the_policy_wakes_it(woken: Woken) -> None:
    assert woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn")) == {ROLLOUT, POLICY}
    assert woken.by(RETRAIN_POLICY, "churn", spec={}) == {POLICY, ROLLOUT}
    assert woken.by(RETRAIN_POLICY, "fraud", spec={}) == {OTHER}


def test_a_rollout_wakes_those_that_follow_it_or_depend_on_it(woken: Woken) -> None:
    after, depends = Key("ModelRollout", "ml", "production"), Key("ModelRollout", "ml", "ranker")
    follows_staging = {"modelFrom": {"modelRolloutRef": {"name": "churn"}}}
    assert woken.by(MODEL_ROLLOUT, "production", spec=follows_staging) == {after}
    assert woken.by(MODEL_ROLLOUT, "ranker", spec={"dependsOn": [{"name": "churn"}]}) == {depends}
    assert woken.by(MODEL_ROLLOUT, "churn", spec={"model": {"version": "v1"}}) == {ROLLOUT, after, depends}


def test_a_policy_in_another_namespace_is_another_policy(woken: Woken) -> None:
    woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"))
    elsewhere = Key("RetrainPolicy", "elsewhere", "churn")
    assert woken.by(RETRAIN_POLICY, "churn", metadata={"namespace": "elsewhere"}, spec={}) == {elsewhere}


def test_a_rollout_that_turns_to_another_policy_wakes_both_and_then_only_the_new_one(woken: Woken) -> None:
    woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"))
    assert woken.by(MODEL_ROLLOUT, "churn", spec=follows("fraud")) == {ROLLOUT, POLICY, OTHER}
    assert woken.by(RETRAIN_POLICY, "churn", spec={}) == {POLICY}
    assert woken.by(RETRAIN_POLICY, "fraud", spec={}) == {OTHER, ROLLOUT}


def test_a_rollout_that_is_gone_wakes_its_policy_once_more_and_is_forgotten(woken: Woken) -> None:
    woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"))
    assert woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"), gone=True) == {ROLLOUT, POLICY}
    assert woken.by(RETRAIN_POLICY, "churn", spec={}) == {POLICY}


def test_a_run_wakes_its_policy_and_is_woken_by_it_until_it_is_finished(woken: Woken) -> None:
    spec = {"policyRef": {"name": "churn"}}
    assert woken.by(RETRAIN_RUN, "churn-1", spec=spec, status=finished("Unknown")) == {RUN, POLICY}
    assert woken.by(RETRAIN_POLICY, "churn", spec={}) == {POLICY, RUN}
    assert woken.by(RETRAIN_RUN, "churn-1", spec=spec, status=finished("True")) == {RUN, POLICY}
    assert woken.by(RETRAIN_POLICY, "churn", spec={}) == {POLICY}


def test_news_of_a_rollout_wakes_the_run_whose_model_it_is_about(woken: Woken) -> None:
    moving = {"candidate": {"retrainRun": "churn-1"}}
    assert RUN in woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"), status=moving)
    # Taken back: nothing but the history names it.
    back = {"history": [{"version": "churn-1", "result": "RolledBack"}]}
    assert RUN in woken.by(MODEL_ROLLOUT, "churn", spec=follows("churn"), status=back)
    assert RUN not in woken.by(MODEL_ROLLOUT, "other", spec={}, status=back)


@pytest.mark.parametrize("kind", [INFERENCE_SERVICE, HTTP_ROUTE])
def test_an_inference_service_and_its_route_wake_the_rollout_that_names_it(woken: Woken, kind: Kind) -> None:
    woken.by(MODEL_ROLLOUT, "churn", spec={"workload": {"inferenceService": {"name": "fraud"}}})
    assert woken.by(kind, "fraud") == {ROLLOUT}
    assert woken.by(kind, "other") == set()
