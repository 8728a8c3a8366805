"""What an alias follows: the approved model or the champion, back after a rollback, and without a rollout at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.retraining.builders import (
    CHAMPION,
    METRIC,
    NEW_DIGEST,
    NOW,
    OLD_DIGEST,
    TRIGGER,
    answered,
    finished_run,
    policy,
    policy_seen,
)
from tests.retraining.passes import condition
from tests.retraining.test_history import MODEL, made, rolled_back

from modelwright.api.metrics import Proportion
from modelwright.api.policy import RetrainPolicy
from modelwright.api.publish import Publish, PublishWhen
from modelwright.metrics.questions import CountsQuestion
from modelwright.registries.configuration import Registry
from modelwright.registries.questions import AliasTaken, NoVersion, PublishedVersion, PublishQuestion
from modelwright.retraining.plan import PolicyPlan, plan_policy

METRIC_WINDOW = timedelta(minutes=5)
REGISTRIES = {"default": Registry("default", "http://127.0.0.1:9")}
APPROVED = (made(finished_run(1, NOW, approved=True)),)


def publishing(when: PublishWhen = PublishWhen.PROMOTED) -> RetrainPolicy:
    return policy(publish=Publish("champion", when=when))


def asked(plan: PolicyPlan) -> PublishQuestion | None:
    return next((each for each in plan.questions if isinstance(each, PublishQuestion)), None)


def plan(of: RetrainPolicy, answer: Any = None, **seen: Any) -> PolicyPlan:
    first = plan_policy(policy_seen(of, registries=REGISTRIES, **seen), NOW)
    if answer is None:
        return first
    return plan_policy(policy_seen(of, registries=REGISTRIES, answers={asked(first): answered(answer)}, **seen), NOW)


def test_by_default_the_alias_follows_what_serves() -> None:
    question = asked(plan(publishing(), runs=APPROVED))
    assert question is not None
    assert (question.model, question.digest, question.uri) == ("churn", OLD_DIGEST, CHAMPION.uri)


def test_it_may_follow_what_is_approved_and_goes_back_when_that_is_rolled_back() -> None:
    of = publishing(PublishWhen.APPROVED)
    question = asked(plan(of, runs=APPROVED))
    assert question is not None
    assert question.digest == NEW_DIGEST
    back = asked(plan(of, runs=APPROVED, followers=(rolled_back(),)))
    assert back is not None
    assert back.digest == OLD_DIGEST


def test_without_a_rollout_the_approved_model_is_champion_and_published() -> None:
    planned = plan(publishing(), runs=APPROVED, followers=())
    assert planned.status.champion is not None
    assert planned.status.champion.model == MODEL
    question = asked(planned)
    assert question is not None
    assert question.digest == NEW_DIGEST
    assert planned.questions, "its triggers look at that model"


def test_without_a_rollout_triggers_look_at_what_is_exported_under_the_champions_version() -> None:
    planned = plan(publishing(), runs=APPROVED, followers=())
    looks = [each for each in planned.questions if isinstance(each, CountsQuestion)]
    assert [each.total for each in looks] == [f'labelled{{namespace="ml",version="{MODEL.version}"}}']


@pytest.mark.parametrize("variable", ["revision", "name"])
def test_without_a_rollout_a_query_that_names_what_there_is_not_is_refused(variable: str) -> None:
    proportion = Proportion(f'correct{{$(champion),x="$({variable})"}}', "labelled{$(champion)}", METRIC_WINDOW)
    trigger = replace(TRIGGER, metric=replace(METRIC, proportion=proportion))
    planned = plan(policy(triggers=(trigger,), publish=Publish("champion")), runs=APPROVED, followers=())
    assert condition(planned, "Stalled") == ("True", "InvalidSpec")
    stalled = next(each for each in planned.status.conditions if each.type == "Stalled")
    assert f"$({variable}) is not known here; known are $(champion)" in stalled.message


def test_what_was_set_is_in_status_and_a_second_pass_writes_nothing() -> None:
    first = plan(publishing(), PublishedVersion("7", "3"))
    published = first.status.published
    assert published is not None
    assert (published.version, published.digest, published.previous) == ("7", OLD_DIGEST, "3")
    assert condition(first, "Published") == ("True", "Published")
    assert [event.reason for event in first.events if "Published" in event.reason] == ["ModelPublished"]
    of = replace(publishing(), status=first.status)
    again = plan(of)
    assert again.status == first.status
    question = asked(again)
    assert question is not None
    assert (question.version, question.expected, question.overwrite) == ("7", "7", False)


def test_whoever_else_set_the_alias_is_told_and_left_alone() -> None:
    first = plan(publishing(), PublishedVersion("7", ""))
    taken = plan(replace(publishing(), status=first.status), AliasTaken("9"))
    assert condition(taken, "Published") == ("False", "AliasTaken")
    assert taken.status.published == first.status.published


def test_a_registry_that_does_not_answer_holds_nothing_back_but_the_alias() -> None:
    down = plan(publishing(), NoVersion("RegistryUnavailable", "down"))
    assert condition(down, "Published") == ("False", "RegistryUnavailable")
    assert condition(down, "Stalled") is None


def test_a_registry_that_the_namespace_may_not_use_stalls_the_policy() -> None:
    planned = plan_policy(policy_seen(publishing(), registries={}), NOW)
    assert condition(planned, "Stalled") == ("True", "InvalidSpec")
