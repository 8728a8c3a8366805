"""The address for events, over real HTTP and the real API server: what is believed, stored and answered."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.receiving.test_formats import ALERT, ALERTS, CLOUD_EVENT

from modelwright.api.parsing import parse_policy
from modelwright.api.policy import ReceivedEvent
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_POLICY
from modelwright.receiving.configuration import Format, Hmac, Receiver, Token
from modelwright.receiving.inbox import MOST
from modelwright.receiving.server import LARGEST_BODY, EventServer

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
POLICY = {
    "apiVersion": "modelwright.dev/v1alpha1",
    "kind": "RetrainPolicy",
    "spec": {
        "triggers": [
            {"name": "dataset", "event": {"type": "com.example.dataset.published", "source": "lake"}},
            {"name": "page", "alert": {"labels": [{"name": "alertname", "value": "ChurnModelDegraded"}]}},
            {"name": "model", "event": {"type": "org.mlflow.model_version.created"}},
        ],
        "pipeline": {"name": "churn-training"},
    },
}


class Sender:
    """Sends to one server, whose receivers share the secret `secret`."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession, url: str, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self._session, self._url = session, url

    async def send(self, receiver: str, content: bytes | dict[str, Any], **headers: str) -> int:
        status, _ = await self.answered(receiver, content, **headers)
        return status

    async def answered(self, receiver: str, content: bytes | dict[str, Any], **headers: str) -> tuple[int, str]:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"Authorization": "Bearer secret", **given}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        url = f"{self._url}/events/{receiver}/{self.namespace}"
        async with self._session.post(url, data=data, headers=given) as answer:
            return answer.status, await answer.text()

    async def stored(self) -> tuple[ReceivedEvent, ...]:
        body = await self.cluster.get(RETRAIN_POLICY, self.namespace, "churn")
        assert body is not None
        return parse_policy(body).status.events


@pytest.fixture
async def sender(cluster: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[Sender]:
    (tmp_path / "secret").write_text("secret\n")
    secret = str(tmp_path / "secret")
    receivers = (
        Receiver("lake", Token(secret), per_minute=6000),
        Receiver("alerts", Token(secret), Format.ALERTMANAGER),
        Receiver("mlflow", Hmac(secret), Format.MLFLOW),
        Receiver("signed", Hmac(secret)),
        Receiver("slow", Token(secret), per_minute=2),
        Receiver("elsewhere", Token(secret), namespaces=("other",)),
        Receiver("broken", Token(str(tmp_path / "none"))),
    )
    await cluster.create(RETRAIN_POLICY, {**POLICY, "metadata": {"name": "churn", "namespace": namespace}})
    server = EventServer(cluster, {receiver.name: receiver for receiver in receivers}, lambda: NOW)
    port = await server.start("127.0.0.1", 0)
    async with aiohttp.ClientSession() as session:
        yield Sender(cluster, session, f"http://127.0.0.1:{port}", namespace)
    await server.close()


CLOUD = {"Content_Type": "application/cloudevents+json"}


async def test_an_event_is_accepted_once_it_is_stored(sender: Sender) -> None:
    assert await sender.send("lake", CLOUD_EVENT, **CLOUD) == 202
    assert await sender.stored() == (ReceivedEvent("dataset", "lake|7", "com.example.dataset.published", NOW, "lake"),)


async def test_a_storm_of_deliveries_of_one_event_is_one_event(sender: Sender) -> None:
    statuses = await asyncio.gather(*(sender.send("lake", CLOUD_EVENT, **CLOUD) for _ in range(20)))
    assert set(statuses) <= {202, 503}
    assert 202 in statuses
    assert len(await sender.stored()) == 1


async def test_events_that_come_in_at_once_are_all_kept(sender: Sender) -> None:
    async def until_accepted(id: int) -> None:
        while await sender.send("lake", {**CLOUD_EVENT, "id": str(id)}, **CLOUD) != 202:
            pass

    await asyncio.gather(*(until_accepted(id) for id in range(8)))
    assert {event.id for event in await sender.stored()} == {f"lake|{id}" for id in range(8)}


async def test_what_no_trigger_waits_for_is_not_stored(sender: Sender) -> None:
    assert await sender.send("lake", {**CLOUD_EVENT, "type": "com.example.other"}, **CLOUD) == 200
    assert await sender.send("lake", {**CLOUD_EVENT, "source": "pond"}, **CLOUD) == 200
    assert await sender.send("alerts", {**ALERTS, "alerts": [{**ALERT, "labels": {"alertname": "Other"}}]}) == 200
    assert await sender.stored() == ()


async def test_an_alert_reaches_the_trigger_that_names_its_labels(sender: Sender) -> None:
    assert await sender.send("alerts", ALERTS) == 202
    assert [event.trigger for event in await sender.stored()] == ["page"]


async def test_a_signed_event_is_believed_and_a_changed_one_is_not(sender: Sender) -> None:
    content = json.dumps(CLOUD_EVENT).encode()
    signature = "sha256=" + hmac.new(b"secret", content, hashlib.sha256).hexdigest()
    signed = {**CLOUD, "X_Hub_Signature_256": signature}
    assert await sender.send("signed", content + b" ", **signed) == 401
    assert await sender.send("signed", content, **signed) == 202


async def test_mlflows_signature_covers_delivery_and_time(sender: Sender) -> None:
    content = json.dumps({"entity": "model_version", "action": "created", "data": {"name": "churn"}}).encode()

    def signed(delivery: str, time: int) -> dict[str, str]:
        raw = hmac.new(b"secret", f"{delivery}.{time}.".encode() + content, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(raw).decode()}"
        return {"X_MLflow_Delivery_Id": delivery, "X_MLflow_Timestamp": str(time), "X_MLflow_Signature": signature}

    now = int(NOW.timestamp())
    assert await sender.send("mlflow", content, **{**signed("d-1", now), "X_MLflow_Delivery_Id": "d-2"}) == 401
    assert await sender.send("mlflow", content, **signed("d-1", now - 3600)) == 401
    assert await sender.send("mlflow", content, **signed("d-1", now)) == 202
    assert [event.trigger for event in await sender.stored()] == ["model"]


async def test_strangers_are_refused_and_use_nothing_up(sender: Sender) -> None:
    for _ in range(5):
        assert await sender.send("slow", CLOUD_EVENT, **CLOUD, Authorization="Bearer guess") == 401
    assert await sender.send("slow", CLOUD_EVENT, **CLOUD) == 202
    assert await sender.stored() != ()


async def test_too_many_requests_are_told_when_to_come_again(sender: Sender) -> None:
    statuses = [await sender.send("slow", CLOUD_EVENT, **CLOUD) for _ in range(3)]
    assert statuses == [202, 202, 429]


async def test_a_receiver_that_is_not_there_and_one_of_another_namespace_look_the_same(sender: Sender) -> None:
    answers = [await sender.answered(name, CLOUD_EVENT, **CLOUD) for name in ("none", "elsewhere")]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


async def test_a_secret_that_cannot_be_read_lets_nobody_in(sender: Sender) -> None:
    status, text = await sender.answered("broken", CLOUD_EVENT, **CLOUD)
    assert status == 503
    assert "/" not in json.loads(text)["error"]


async def test_what_is_too_large_or_not_of_the_form_is_refused_with_what_is_needed(sender: Sender) -> None:
    assert await sender.send("lake", b"x" * (LARGEST_BODY + 1), **CLOUD) == 413
    status, text = await sender.answered("lake", b"{}", **CLOUD)
    assert status == 400
    assert "specversion" in text


async def test_no_waiting_event_is_forgotten_for_a_new_one(sender: Sender) -> None:
    headers = {"Content_Type": "application/cloudevents-batch+json"}
    batch = [{**CLOUD_EVENT, "id": f"old-{number}"} for number in range(MOST)]
    assert await sender.send("lake", json.dumps(batch).encode(), **headers) == 202
    assert await sender.send("lake", CLOUD_EVENT, **CLOUD) == 429
    assert len(await sender.stored()) == MOST
