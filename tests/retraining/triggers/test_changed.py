"""Data triggers on what lies outside of the cluster: a model in a registry, a marker in an object store."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.retraining.builders import NOW, SERVERS, policy
from tests.retraining.passes import after, condition, look

from modelwright.api.limits import Concurrency, Limits
from modelwright.api.policy import RetrainPolicy
from modelwright.api.publish import Publish
from modelwright.api.triggers import Data, MlflowModel, Objects, Trigger
from modelwright.kubeflow.questions import Failure, MarkerFound, NewestMarker, Trouble
from modelwright.registries.configuration import Registry
from modelwright.registries.questions import AliasQuestion, NewestQuestion, NoVersion, RegisteredVersion
from modelwright.retraining.plan import PolicyPlan

MINUTE = timedelta(minutes=1)
REGISTERED = Trigger("registered", data=Data(mlflow=MlflowModel("embeddings", "champion")))
DATASET = Trigger("dataset", data=Data(objects=Objects("s3://lake/churn")))
SEEN = {
    "registries": {"default": Registry("default", "http://127.0.0.1:9")},
    "servers": {"default": replace(SERVERS["default"], data_roots=("s3://lake",))},
    "followers": (),
}


def seen(known: RetrainPolicy, value: Any, at: Any = NOW, **changes: Any) -> PolicyPlan:
    return look(known, at, value, **{**SEEN, **changes})


def verdict(plan: PolicyPlan) -> tuple[str, str]:
    return plan.status.triggers[0].verdict, plan.status.triggers[0].reason


@pytest.mark.parametrize(
    ("trigger", "before", "then"),
    [
        (REGISTERED, RegisteredVersion("3", "s3://m/3"), RegisteredVersion("4", "s3://m/4")),
        (DATASET, MarkerFound("day=1/_SUCCESS", "aa"), MarkerFound("day=2/_SUCCESS", "bb")),
    ],
)
def test_the_first_look_is_no_news_and_a_change_starts_one_run(trigger: Trigger, before: Any, then: Any) -> None:
    known = policy(triggers=(trigger,))
    first = seen(known, before)
    assert verdict(first) == ("Quiet", "Unchanged")
    assert first.create_run is None
    same = seen(after(known, first), before, NOW + MINUTE)
    assert same.status.triggers == first.status.triggers
    changed = seen(after(known, first), then, NOW + MINUTE)
    assert verdict(changed) == ("Firing", "Changed")
    assert changed.create_run is not None
    created = replace(changed.create_run, uid="u", created_at=NOW + MINUTE)
    # Also where the status of that pass was never saved.
    for known_after in (after(known, changed), after(known, first)):
        again = seen(known_after, then, NOW + 2 * MINUTE, runs=(created,))
        assert verdict(again) == ("Quiet", "Unchanged")
        assert again.create_run is None


def test_what_is_asked_names_the_alias_or_the_newest_version() -> None:
    (asked,) = [each for each in seen(policy(triggers=(REGISTERED,)), None).questions if hasattr(each, "registry")]
    assert asked == AliasQuestion("default", "embeddings", "champion", timedelta(seconds=30))
    newest = Trigger("registered", data=Data(mlflow=MlflowModel("embeddings")))
    (asked,) = [each for each in seen(policy(triggers=(newest,)), None).questions if hasattr(each, "registry")]
    assert asked == NewestQuestion("default", "embeddings", timedelta(seconds=30))
    (marker,) = [each for each in seen(policy(triggers=(DATASET,)), None).questions if isinstance(each, NewestMarker)]
    assert marker == NewestMarker("default", "s3://lake/churn", "_SUCCESS")


@pytest.mark.parametrize(
    ("trigger", "answer", "told"),
    [
        (REGISTERED, NoVersion("NoRegisteredModel", "none"), ("NoData", "NoRegisteredModel")),
        (REGISTERED, NoVersion("RegistryUnavailable", "down"), ("Error", "RegistryUnavailable")),
        (REGISTERED, OSError("x"), ("Error", "SourceFailed")),
        (DATASET, Failure(Trouble.NOT_FOUND, "none"), ("NoData", "ObjectMissing")),
        (DATASET, Failure(Trouble.UNAVAILABLE, "down"), ("Error", "StoreUnavailable")),
        (DATASET, OSError("x"), ("Error", "SourceFailed")),
    ],
)
def test_no_answer_neither_fires_nor_forgets(trigger: Trigger, answer: Any, told: tuple[str, str]) -> None:
    known = policy(triggers=(trigger,))
    value = RegisteredVersion("3", "") if trigger is REGISTERED else MarkerFound("_SUCCESS", "3")
    first = seen(known, value)
    gap = seen(after(known, first), answer, NOW + MINUTE)
    assert verdict(gap) == told
    assert gap.status.triggers[0].handled == "3"
    assert verdict(seen(after(known, gap), value, NOW + 2 * MINUTE)) == ("Quiet", "Unchanged")


def test_what_came_while_a_run_was_unfinished_is_skipped_for_good_with_forbid() -> None:
    known = policy(triggers=(DATASET,), limits=Limits(concurrency=Concurrency.FORBID))
    first = seen(known, MarkerFound("_SUCCESS", "1"))
    fired = seen(after(known, first), MarkerFound("_SUCCESS", "2"))
    assert fired.create_run is not None
    run = replace(fired.create_run, uid="u", created_at=NOW)
    skipped = seen(after(known, fired), MarkerFound("_SUCCESS", "3"), NOW + MINUTE, runs=(run,))
    assert verdict(skipped) == ("Quiet", "Skipped")
    later = seen(after(known, skipped), MarkerFound("_SUCCESS", "3"), NOW + 2 * MINUTE, runs=(run,))
    assert verdict(later)[0] == "Quiet"


def test_a_prefix_that_the_platform_did_not_allow_is_refused() -> None:
    elsewhere = Trigger("dataset", data=Data(objects=Objects("s3://lake-of-others/churn")))
    plan = seen(policy(triggers=(elsewhere,)), None)
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")
    assert not any(isinstance(question, NewestMarker) for question in plan.questions)


@pytest.mark.parametrize("alias", ["", "champion"])
def test_a_policy_does_not_wait_for_what_it_publishes_itself(alias: str) -> None:
    trigger = Trigger("registered", data=Data(mlflow=MlflowModel("churn", alias)))
    known = policy(triggers=(trigger,), publish=Publish(alias="champion", model="churn"))
    assert condition(seen(known, None), "Stalled") == ("True", "InvalidSpec")
    other = replace(trigger, data=Data(mlflow=MlflowModel("churn", "labels-ready")))
    known = policy(triggers=(other,), publish=Publish(alias="champion", model="churn"))
    assert condition(seen(known, None), "Stalled") is None
