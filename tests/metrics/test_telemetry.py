"""The operator's own metrics tell what happened and what is, and nothing of objects that are gone."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from modelwright.analysis.counts import Counts
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.queue import WorkQueue
from modelwright.cluster.wakes import Wakes
from modelwright.errors import Conflict, Unavailable
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.telemetry import Readings, Telemetry, serve

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
KEY = Key("ModelRollout", "ml", "churn")
QUESTION = CountsQuestion("default", "errors", "candidate", "e", "t", timedelta(seconds=10), since=NOW)
CHURN = {"namespace": "ml", "name": "churn"}


class World:
    """A telemetry with what it reads from; `value` is what a scrape would find, None where there is nothing."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self.leads = True
        self.answers: list[tuple[Key, Any, Answer]] = []
        self.telemetry.read_from(Readings(lambda: self.leads, lambda: 3, lambda: self.answers))

    def value(self, name: str, /, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(name, labels)


def rollout(status: dict[str, Any], uid: str = "1") -> dict[str, Any]:
    return {"metadata": {"namespace": "ml", "name": "churn", "uid": uid}, "status": status}


def run(status: str, reason: str) -> dict[str, Any]:
    conditions = [{"type": "Succeeded", "status": status, "reason": reason}]
    return {"metadata": {"namespace": "ml", "name": "churn-x", "uid": "2"}, "status": {"conditions": conditions}}


@pytest.fixture
def world() -> World:
    return World()


def test_a_retraining_that_is_held_back_says_since_and_until_when(world: World) -> None:
    pending = {"reason": "Cooldown", "message": "m", "since": "2026-11-21T08:00:00Z", "until": "2026-11-21T09:00:00Z"}
    world.telemetry.saw(RETRAIN_POLICY, rollout({"pending": pending}), False)
    labels = {**CHURN, "reason": "Cooldown"}
    assert world.value("modelwright_retraining_held_since_timestamp_seconds", **labels) == NOW.timestamp()
    assert world.value("modelwright_retraining_held_until_timestamp_seconds", **labels) == NOW.timestamp() + 3600
    world.telemetry.saw(RETRAIN_POLICY, rollout({}), False)
    assert world.value("modelwright_retraining_held_since_timestamp_seconds", **labels) is None


def test_weights_and_verdicts_are_those_of_the_object_and_go_with_it(world: World) -> None:
    arm = {"revision": "77d0", "version": "v12", "weight": 25}
    body = rollout({"candidate": arm, "phase": "Progressing", "metrics": [{"name": "errors", "verdict": "Pass"}]})
    world.telemetry.saw(MODEL_ROLLOUT, body, False)
    labels = {**CHURN, "arm": "candidate", "revision": "77d0", "version": "v12"}
    assert world.value("modelwright_rollout_weight_percent", **labels) == 25
    assert world.value("modelwright_rollout_phase", **CHURN, phase="Progressing") == 1
    assert world.value("modelwright_rollout_metric_verdict", **CHURN, metric="errors", verdict="Pass") == 1
    body["status"]["candidate"] = arm | {"weight": 50}
    world.telemetry.saw(MODEL_ROLLOUT, body, False)
    assert world.value("modelwright_rollout_weight_percent", **labels) == 50
    # Of users: by weight the candidate has nothing then, and stable everything.
    body["status"] |= {"candidate": arm | {"weight": 0, "audience": 10}, "stable": {**arm, "weight": 100}}
    world.telemetry.saw(MODEL_ROLLOUT, body, False)
    assert world.value("modelwright_rollout_weight_percent", **labels) == 10
    assert world.value("modelwright_rollout_weight_percent", **labels | {"arm": "stable"}) == 90
    world.telemetry.saw(MODEL_ROLLOUT, body, True)
    assert world.value("modelwright_rollout_weight_percent", **labels) is None
    assert world.value("modelwright_rollout_phase", **CHURN, phase="Progressing") is None


def test_the_newest_look_is_told_with_its_samples_and_the_time_that_it_was_asked(world: World) -> None:
    world.answers = [(KEY, QUESTION, Answer(NOW, NOW, CountsLook(Counts(5, 200), NOW)))]
    labels = {**CHURN, "metric": "errors", "arm": "candidate"}
    assert world.value("modelwright_rollout_metric_value", **labels) == 0.025
    assert world.value("modelwright_rollout_metric_samples", **labels) == 200
    assert world.value("modelwright_rollout_metric_asked_timestamp_seconds", **labels) == NOW.timestamp()
    world.answers = []
    assert world.value("modelwright_rollout_metric_value", **labels) is None


def test_a_past_that_is_over_is_no_newest_look(world: World) -> None:
    hour = replace(QUESTION, arm="hour before", since=NOW - timedelta(hours=1), until=NOW)
    world.answers = [(KEY, hour, Answer(NOW, NOW, CountsLook(Counts(5, 200), NOW)))]
    assert world.value("modelwright_rollout_metric_value", **CHURN, metric="errors", arm="hour before") is None


def test_only_the_replica_that_leads_speaks_of_objects(world: World) -> None:
    world.telemetry.saw(MODEL_ROLLOUT, rollout({"phase": "Serving"}), False)
    world.leads = False
    assert world.value("modelwright_is_leader") == 0
    assert world.value("modelwright_rollout_phase", **CHURN, phase="Serving") is None
    world.leads = True
    assert world.value("modelwright_is_leader") == 1
    assert world.value("modelwright_rollout_phase", **CHURN, phase="Serving") == 1
    assert world.value("modelwright_queue_depth") == 3


def test_rollbacks_and_runs_count_when_they_are_seen_to_end_and_once(world: World) -> None:
    old = {"revision": "a", "at": "1", "result": "Promoted"}
    new = {"revision": "b", "at": "2", "result": "RolledBack"}
    for history in ([old], [old], [new, old], [new, old]):
        world.telemetry.saw(MODEL_ROLLOUT, rollout({"history": history}), False)
    assert world.value("modelwright_rollouts_finished_total", namespace="ml", result="RolledBack") == 1
    assert world.value("modelwright_rollouts_finished_total", namespace="ml", result="Promoted") is None
    for status, reason in (("Unknown", "Running"), ("False", "GateRejected"), ("False", "GateRejected")):
        world.telemetry.saw(RETRAIN_RUN, run(status, reason), False)
    assert world.value("modelwright_retrain_runs_finished_total", namespace="ml", outcome="GateRejected") == 1


def test_what_was_over_before_this_process_saw_it_is_not_counted(world: World) -> None:
    world.telemetry.saw(RETRAIN_RUN, run("True", "Approved"), False)
    again = rollout({"history": [{"revision": "b", "at": "2", "result": "RolledBack"}]}, uid="of another object")
    world.telemetry.saw(MODEL_ROLLOUT, rollout({}), False)
    world.telemetry.saw(MODEL_ROLLOUT, again, False)
    assert world.value("modelwright_retrain_runs_finished_total", namespace="ml", outcome="Approved") is None
    assert world.value("modelwright_rollouts_finished_total", namespace="ml", result="RolledBack") is None


def test_queries_are_timed_by_outcome_and_those_saved_are_counted(world: World) -> None:
    for outcome in ("Answered", "Answered", "Stale", "Shared"):
        world.telemetry.looked("default", outcome, 0.02)
    count = "modelwright_query_duration_seconds_count"
    assert world.value(count, source="default", outcome="Answered") == 2
    assert world.value(count, source="default", outcome="Stale") == 1
    assert world.value(count, source="default", outcome="Shared") is None
    assert world.value("modelwright_queries_saved_total", source="default") == 1


async def test_passes_are_told_by_kind_and_how_they_ended(world: World) -> None:
    outcomes: list[Exception | None] = [Conflict("changed"), Unavailable("down"), ValueError("bug"), None]

    async def work(key: Key) -> timedelta | None:
        if outcome := outcomes.pop(0):
            raise outcome
        return None

    queue = WorkQueue(work, worked=world.telemetry.reconciled)
    for _ in range(4):
        await queue._attempt(KEY)
    for outcome in ("Conflict", "Unavailable", "Crashed", "Done"):
        assert world.value("modelwright_reconcile_total", kind="ModelRollout", outcome=outcome) == 1
    assert world.value("modelwright_reconcile_duration_seconds_count", kind="ModelRollout") == 4
    queue.wake(KEY)
    queue.wake(replace(KEY, name="fraud"))
    queue.wake(KEY)
    assert queue.depth == 2


def test_every_object_that_is_seen_is_told_and_still_wakes(world: World) -> None:
    woken: list[Key] = []
    wakes = Wakes(woken.append, world.telemetry.saw)
    wakes.saw(MODEL_ROLLOUT, rollout({"phase": "Serving"}), gone=False)
    assert woken == [KEY]
    assert world.value("modelwright_rollout_phase", **CHURN, phase="Serving") == 1


def test_metrics_are_served_until_told_to_stop_and_a_taken_port_is_said(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unavailable, match=rf"cannot serve metrics on 127.0.0.1:{port}: Address already in use"):
            serve(world.telemetry, "127.0.0.1", port)
    stop = serve(world.telemetry, "127.0.0.1", port)
    page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert 'modelwright_build_info{version="' in page
    assert "modelwright_is_leader 1.0" in page
    stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_how_long_a_rollout_took_is_told_and_how_long_its_way_back(world: World) -> None:
    end = {"revision": "b", "at": "2026-11-21T09:00:04Z", "since": "2026-11-21T08:00:00Z", "result": "RolledBack"}
    going_back = {"stage": "RollingBack", "stageSince": "2026-11-21T09:00:01Z"}
    for status in ({}, going_back, {"history": [end]}, {"history": [end]}):
        world.telemetry.saw(MODEL_ROLLOUT, rollout(status), False)
    assert world.value("modelwright_rollout_duration_seconds_sum", namespace="ml", result="RolledBack") == 3604
    assert world.value("modelwright_rollback_duration_seconds_sum", namespace="ml") == 3
    assert world.value("modelwright_rollback_duration_seconds_count", namespace="ml") == 1


def test_a_promotion_is_no_way_back_and_what_has_no_begin_has_no_duration(world: World) -> None:
    end = {"revision": "b", "at": "2026-11-21T09:00:00Z", "result": "Promoted"}
    for status in ({"stage": "Promoting", "stageSince": "2026-11-21T08:59:00Z"}, {"history": [end]}):
        world.telemetry.saw(MODEL_ROLLOUT, rollout(status), False)
    assert world.value("modelwright_rollouts_finished_total", namespace="ml", result="Promoted") == 1
    assert world.value("modelwright_rollout_duration_seconds_count", namespace="ml", result="Promoted") is None
    assert world.value("modelwright_rollback_duration_seconds_count", namespace="ml") is None
