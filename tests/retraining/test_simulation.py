"""Through any crash, race and lost answer: never two pipeline runs for one trigger, and never a lost one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.retraining.simulation import World

FAULTS = st.sampled_from(["", "answer lost", "arrives late", "request lost", "down"])
OPERATOR = st.integers(0, 1)
ACTIONS = st.one_of(
    st.tuples(st.just("step"), OPERATOR, st.integers(0, 3)),
    st.tuples(st.just("pass"), OPERATOR, st.integers(0, 3)),
    st.tuples(st.just("answer"), OPERATOR, st.integers(0, 3)),
    st.tuples(st.just("kill"), OPERATOR, st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 30), st.just(0)),
)


def act(world: World, action: tuple[str, int, int]) -> None:
    verb, who, what = action
    keys = world.keys()
    key = keys[min(what, len(keys) - 1)]
    match verb:
        case "step":
            world.operators[who].step(key)
        case "pass":
            world.operators[who].whole_pass(key)
        case "answer":
            world.operators[who].answer(key)
        case "kill":
            world.restart(who)
        case "wait":
            world.kubeflow.pass_time(timedelta(seconds=who))


def settle(world: World, rounds: int = 16) -> None:
    """No more faults: after the grace and the lag everything has shown itself."""
    world.kubeflow.faults.clear()
    for _ in range(rounds):
        world.round()


def condition(run: dict[str, Any]) -> tuple[str, str]:
    (found,) = run["status"]["conditions"]
    return found["status"], found["reason"]


@settings(max_examples=40, deadline=None)
@given(
    actions=st.lists(ACTIONS, max_size=80),
    faults=st.lists(FAULTS, max_size=6),
    ids=st.lists(st.integers(0, 999), max_size=8),
)
def test_one_trigger_has_exactly_one_pipeline_run_whatever_happens(
    actions: list[tuple[str, int, int]], faults: list[str], ids: list[int]
) -> None:
    world = World()
    world.kubeflow.faults, world.kubeflow.numbers = list(faults), list(ids)
    for _ in range(3):
        world.round()
    for action in actions:
        act(world, action)
    settle(world)

    (run,) = world.runs()
    (alive,) = world.alive(run)
    assert run["status"]["pipelineRun"]["id"] == alive

    world.kubeflow.end(alive, "SUCCEEDED")
    world.degraded = False
    settle(world, 5)
    (run,) = world.runs()
    assert condition(run) == ("True", "Approved")
    assert "finalizers" not in run["metadata"] or not run["metadata"]["finalizers"]
    approved = world.api.objects["RetrainPolicy", "churn"]["status"]["approved"]
    assert approved["retrainRun"] == run["metadata"]["name"]


@settings(max_examples=25, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=60))
def test_a_world_at_rest_is_not_written_to(actions: list[tuple[str, int, int]]) -> None:
    world = World(degraded=False)
    for action in actions:
        act(world, action)
    settle(world, 3)
    before = dict(world.api.objects)
    settle(world, 3)
    assert world.api.objects == before


def test_a_run_that_failed_is_followed_by_one_that_waits_for_its_cooldown() -> None:
    world = World()
    settle(world, 6)
    (run,) = world.runs()
    (alive,) = world.alive(run)
    world.kubeflow.end(alive, "FAILED")
    settle(world, 6)
    failed, waiting = world.runs()
    assert condition(failed) == ("False", "PipelineFailed")
    assert condition(waiting) == ("Unknown", "Cooldown")
    assert world.alive(waiting) == []
    world.kubeflow.pass_time(timedelta(hours=1))
    settle(world, 6)
    assert len(world.alive(world.runs()[1])) == 1


def test_a_duplicate_that_turns_up_while_the_run_is_followed_is_ended() -> None:
    world = World()
    settle(world, 6)
    (run,) = world.runs()
    (alive,) = world.alive(run)
    late = world.kubeflow.make(f"{run['metadata']['name']}-{run['metadata']['uid']}")
    settle(world, 6)
    assert world.alive(run) == [alive]
    assert world.kubeflow.runs[late.id].state == "CANCELED"


def test_deleting_the_policy_in_mid_training_stops_the_pipeline() -> None:
    world = World()
    settle(world, 6)
    (run,) = world.runs()
    (alive,) = world.alive(run)
    del world.api.objects["RetrainPolicy", "churn"]
    settle(world, 6)
    (run,) = world.runs()
    assert world.kubeflow.runs[alive].state == "CANCELED"
    assert condition(run) == ("False", "PolicyGone")
    assert not run["metadata"]["finalizers"]


def test_a_policy_that_cannot_be_parsed_says_so_and_keeps_what_is_approved() -> None:
    world = World()
    settle(world, 6)
    (alive,) = world.kubeflow.runs
    world.kubeflow.end(alive, "SUCCEEDED")
    settle(world, 3)
    before = world.api.objects["RetrainPolicy", "churn"]["status"]["approved"]
    broken = dict(world.api.objects["RetrainPolicy", "churn"])
    world.api.put({**broken, "spec": {**broken["spec"], "pipeline": {}}})
    settle(world, 3)
    status = world.api.objects["RetrainPolicy", "churn"]["status"]
    assert {"spec.pipeline: must have exactly one of `name`, `package`, found none of them"} == {
        each["message"] for each in status["conditions"] if each["type"] == "Stalled"
    }
    assert status["approved"] == before


@pytest.mark.parametrize("foreign", ["uid", "key"])
def test_a_name_that_something_else_has_taken_is_not_taken_for_ours(foreign: str) -> None:
    world = World()
    settle(world, 6)
    (ours,) = world.runs()
    world = World()
    stranger = {"uid": "policy-uid", "key": "after/none"} | {foreign: "another"}
    body = {**ours, "spec": {**ours["spec"], "key": stranger["key"]}, "status": {"observedGeneration": -1}}
    body["spec"]["policyRef"] = {**ours["spec"]["policyRef"], "name": "other", "uid": "other"}
    world.api.put(body)
    settle(world, 6)
    assert world.kubeflow.runs == {}
