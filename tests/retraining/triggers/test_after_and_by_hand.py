"""Runs that follow another policy's models, and runs that a person asks for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.retraining.builders import CHAMPION, NOW, counts, described, finished_run, policy, policy_seen, run
from tests.retraining.limits.test_setbacks import FAILING, REJECTING, ended
from tests.retraining.passes import GOOD, after, condition, look
from tests.retraining.run_passes import outcome
from tests.retraining.run_passes import plan as plan_of_run

from modelwright.api.limits import Concurrency, Limits
from modelwright.api.policy import ApprovedModel, RetrainPolicy
from modelwright.api.rollout import State
from modelwright.api.run import Streak
from modelwright.api.triggers import After, Trigger
from modelwright.retraining.plan import PolicyPlan, plan_policy

UPSTREAM = Trigger("upstream", after=After("embeddings"))


def embeddings(number: int, **spec: Any) -> dict[str, RetrainPolicy]:
    found = replace(policy(**spec), name="embeddings")
    approved = ApprovedModel(number, CHAMPION, f"embeddings-{number}") if number else None
    return {"embeddings": replace(found, status=replace(found.status, approved=approved))}


def passes(of: RetrainPolicy, number: int, **seen: Any) -> PolicyPlan:
    return plan_policy(policy_seen(of, answers=described(), upstreams=embeddings(number), **seen), NOW)


def following() -> RetrainPolicy:
    of = policy(triggers=(UPSTREAM,))
    return after(of, passes(of, 3))


def test_a_model_that_was_approved_before_is_no_news() -> None:
    assert passes(policy(triggers=(UPSTREAM,)), 3).create_run is None
    assert passes(following(), 3).create_run is None


def test_each_newer_model_starts_one_run() -> None:
    created = passes(following(), 5).create_run
    assert created is not None
    assert created.spec.evidence[0].occasion == "5"
    made = replace(finished_run(1, NOW), spec=created.spec)
    assert passes(following(), 5, runs=(made,)).create_run is None
    pruned = after(following(), passes(following(), 5, runs=(made,)))
    assert passes(pruned, 5).create_run is None
    assert passes(pruned, 6).create_run is not None


def test_a_first_model_ever_is_news() -> None:
    of = policy(triggers=(UPSTREAM,))
    assert passes(after(of, passes(of, 0)), 1).create_run is not None


def test_policies_that_would_follow_each_other_for_ever_are_refused() -> None:
    circle = embeddings(3, triggers=(Trigger("back", after=After("churn")),))
    plan = plan_policy(policy_seen(following(), answers=described(), upstreams=circle), NOW)
    assert condition(plan, "Stalled") == ("True", "InvalidSpec")
    assert "they would never stop" in plan.status.conditions[0].message


def test_a_policy_that_is_not_there_is_named_and_nothing_is_forgotten() -> None:
    plan = plan_policy(policy_seen(following(), answers=described()), NOW)
    assert plan.status.triggers[0].reason == "PolicyMissing"
    assert passes(after(following(), plan), 4).create_run is not None


def asked(of: RetrainPolicy, text: str = "retrain/7", **seen: Any) -> PolicyPlan:
    annotations = {"modelwright.dev/command": text, "modelwright.dev/actor": "paula"}
    return look(replace(of, annotations=annotations), NOW, counts(*GOOD), **seen)


def test_a_command_starts_one_run_with_the_name_of_who_gave_it() -> None:
    plan = asked(policy())
    assert plan.create_run is not None
    (evidence,) = plan.create_run.spec.evidence
    assert (evidence.trigger, evidence.occasion, evidence.actor) == ("ByHand", "command/7", "paula")
    assert plan.status.command is None
    made = replace(finished_run(1, NOW), spec=plan.create_run.spec)
    answered = asked(policy(), runs=(made,))
    assert answered.create_run is None
    assert answered.status.command is not None
    assert (answered.status.command.outcome, answered.status.command.run) == ("Done", "churn-run1")
    assert asked(after(policy(), answered)).create_run is None
    assert asked(after(policy(), answered), "retrain/8").create_run is not None


def test_a_person_ends_a_suspension_and_waits_for_no_rest() -> None:
    failed = ended("PipelineFailed", NOW, Streak(failures=3))
    created = asked(FAILING, runs=(failed,)).create_run
    assert created is not None
    assert created.spec.streak == Streak()
    assert asked(REJECTING, runs=(ended("GateRejected", NOW),)).create_run is not None
    mine = replace(run(2), spec=replace(created.spec, number=2))
    assert outcome(plan_of_run(mine, NOW, siblings=(failed,))) == ("Unknown", "Launching")
    assert outcome(plan_of_run(run(2), NOW, siblings=(failed,))) == ("Unknown", "Cooldown")


def test_a_person_waits_for_a_run_that_is_unfinished_unless_the_policy_says_otherwise() -> None:
    assert asked(policy(), runs=(run(),)).create_run is None
    assert asked(policy(limits=Limits(concurrency=Concurrency.REPLACE)), runs=(run(),)).create_run is not None
    refused = asked(policy(limits=Limits(concurrency=Concurrency.FORBID)), runs=(run(),)).status.command
    assert refused is not None
    assert (refused.outcome, refused.message) == ("Refused", "run churn-run1 has not finished")


def test_a_command_that_cannot_be_followed_is_refused_once() -> None:
    for of, text, message in (
        (policy(state=State.SUSPENDED), "retrain/7", "set it to Active"),
        (policy(), "promote/7/abc", "must be 'retrain/<id>'"),
    ):
        plan = asked(of, text)
        assert plan.create_run is None
        assert plan.status.command is not None
        assert plan.status.command.outcome == "Refused"
        assert message in plan.status.command.message
        assert asked(after(of, plan), text).status == plan.status


def test_an_event_cannot_pass_for_a_person() -> None:
    failed = ended("PipelineFailed", NOW - timedelta(minutes=1))
    evidence = replace(run().spec.evidence[0], occasion="command/7")
    pretending = replace(run(2), spec=replace(run(2).spec, evidence=(evidence,)))
    assert outcome(plan_of_run(pretending, NOW, siblings=(failed,))) == ("Unknown", "Cooldown")
