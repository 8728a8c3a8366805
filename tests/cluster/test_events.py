"""Events on a real API server: written once, cut to what the server takes, and never worth a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from modelwright.cluster.access import Cluster
from modelwright.cluster.events import CONTROLLER, EventRecorder
from modelwright.cluster.keys import CONFIG_MAP, EVENT
from modelwright.errors import Unavailable

NOW = datetime(2026, 11, 21, 8, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
async def thing(cluster: Cluster, namespace: str) -> dict[str, Any]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "thing", "namespace": namespace}}
    return await cluster.create(CONFIG_MAP, body)


async def events(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    return [event for event in await cluster.list(EVENT, namespace) if event["reportingController"] == CONTROLLER]


async def test_an_event_names_the_object_the_reason_and_who_says_it(
    cluster: Cluster, namespace: str, thing: dict[str, Any]
) -> None:
    await EventRecorder(cluster, "pod-1", lambda: NOW).emit(thing, "Warning", "RolledBack", "v2 → v1: too many errors")
    [event] = await events(cluster, namespace)
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "RolledBack", "v2 → v1: too many errors")
    assert event["regarding"]["uid"] == thing["metadata"]["uid"]
    assert (event["regarding"]["kind"], event["regarding"]["name"]) == ("ConfigMap", "thing")
    assert event["reportingInstance"] == "pod-1"
    assert event["eventTime"] == "2026-11-21T08:00:00.250000Z"


async def test_the_same_news_of_the_same_second_is_one_event_and_other_news_is_another(
    cluster: Cluster, namespace: str, thing: dict[str, Any]
) -> None:
    now = NOW
    recorder = EventRecorder(cluster, "pod-1", lambda: now)
    await recorder.emit(thing, "Normal", "WeightRaised", "10 %")
    now += timedelta(milliseconds=500)
    await recorder.emit(thing, "Normal", "WeightRaised", "10 %")
    assert len(await events(cluster, namespace)) == 1
    await recorder.emit(thing, "Normal", "WeightRaised", "50 %")
    now += timedelta(seconds=1)
    await recorder.emit(thing, "Normal", "WeightRaised", "10 %")
    assert len(await events(cluster, namespace)) == 3


@pytest.mark.parametrize("letter", ["x", "→", "😀"])
async def test_a_message_of_any_length_and_language_is_told_as_far_as_the_server_takes_it(
    cluster: Cluster, namespace: str, thing: dict[str, Any], letter: str
) -> None:
    await EventRecorder(cluster, "i" * 300, lambda: NOW).emit(thing, "Normal", "Long", letter * 3000)
    [event] = await events(cluster, namespace)
    assert set(event["note"]) == {letter}
    assert len(event["note"].encode()) > 900


async def test_an_event_that_is_lost_fails_nothing(thing: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    class Down(Cluster):
        def __init__(self) -> None:
            pass

        async def create(self, *_: Any, **__: Any) -> dict[str, Any]:
            raise Unavailable("the API server does not answer")

    await EventRecorder(Down(), "pod-1", lambda: NOW).emit(thing, "Normal", "WeightRaised", "10 %")
    assert "WeightRaised was lost" in caplog.text


async def test_an_event_about_something_in_a_namespace_that_is_gone_fails_nothing(
    cluster: Cluster, thing: dict[str, Any]
) -> None:
    gone = {**thing, "metadata": {**thing["metadata"], "namespace": "there-is-no-such-namespace"}}
    await EventRecorder(cluster, "pod-1", lambda: NOW).emit(gone, "Normal", "WeightRaised", "10 %")
    assert await events(cluster, "there-is-no-such-namespace") == []
