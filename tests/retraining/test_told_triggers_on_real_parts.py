"""Triggers that a clock, a sender or a person pulls: policies on a real API server, deliveries over HTTP to the real
receiver. Kubeflow and MLflow's registry are fakes, senders are played in the form that each documents, and the clock is
set.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.receiving.test_formats import ALERT, ALERTS, CLOUD_EVENT
from tests.registries.fake_mlflow import FakeMlflow
from tests.retraining.fakes import FakeBackground, FakeEvents, FakeKubeflow

from modelwright.api.cron import Cron
from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import RETRAIN_POLICY, RETRAIN_RUN, Key, Kind
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.errors import Conflict, Unavailable
from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.receiving.configuration import Format, Hmac, Receiver, Token
from modelwright.receiving.server import EventServer
from modelwright.registries.configuration import Registry
from modelwright.registries.mlflow import Asker as RegistryAsker
from modelwright.registries.questions import AliasQuestion, NewestQuestion
from modelwright.retraining.reconcile import reconcile_policy

NIGHTLY = {"cron": "30 2 * * *", "timeZone": "Europe/Berlin"}
TRIGGERS: dict[str, dict[str, Any]] = {
    "nightly": {"schedule": NIGHTLY},
    "published": {"event": {"type": "com.example.dataset.published", "source": "lake"}},
    "signed": {"event": {"type": "com.example.dataset.signed"}},
    "paged": {"alert": {"labels": [{"name": "alertname", "value": "ChurnModelDegraded"}]}},
    "created": {"event": {"type": "org.mlflow.model_version.created", "source": "embeddings"}},
    "annotated": {"event": {"type": "io.labelstudio.annotation_created", "source": "3"}},
    "aliased": {"data": {"mlflow": {"model": "embeddings", "alias": "champion", "registry": "central"}}},
    "registered": {"data": {"mlflow": {"model": "embeddings", "registry": "central"}}},
    "asked": {"schedule": {"cron": "0 3 1 1 *"}},
    "unasked": {"schedule": {"cron": "0 3 1 1 *"}},
}
TOLD = {"published", "signed", "paged", "created", "annotated"}
FIRES = TRIGGERS.keys() - {"unasked"}
ANNOTATED = {"action": "ANNOTATION_CREATED", "annotation": {"id": 5}, "project": {"id": 3}, "task": {"id": 9}}
CREATED = {"entity": "model_version", "action": "created", "data": {"name": "embeddings", "version": "12"}}
BEARER = {"Authorization": "Bearer secret"}
CLOUD = {"Content-Type": "application/cloudevents+json"}


class LosingWrites:
    """The receiver's connection to the real API server, over which nothing can be written while it is `cut`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.cut = False

    async def list(self, kind: Kind, namespace: str) -> Sequence[dict[str, Any]]:
        return await self._cluster.list(kind, namespace)

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return await self._cluster.get(kind, namespace, name)

    async def replace(self, kind: Kind, body: dict[str, Any], subresource: str) -> dict[str, Any]:
        if self.cut:
            raise Unavailable("the connection is cut")
        return await self._cluster.replace(kind, body, subresource=subresource)


class Stage:
    """An operator of policies at a time that is set, and its receiver."""

    def __init__(self, cluster: Cluster, namespace: str, mlflow: FakeMlflow, secret: Path) -> None:
        self.cluster, self.namespace, self.mlflow = cluster, namespace, mlflow
        self.at = datetime.now(UTC).replace(microsecond=0)
        self.receiving = LosingWrites(cluster)
        server = PipelineServer("default", "http://127.0.0.1:9", "file:///results")
        registries = {"central": Registry("central", mlflow.url)}
        self._kubeflow = Asker({"default": server}, connect=lambda _: FakeKubeflow(self.at))  # type: ignore[arg-type,return-value]
        self._registries = RegistryAsker(registries)
        self._background = FakeBackground()
        self._room = Room(
            cluster=cluster,
            background=self._background,  # type: ignore[arg-type]
            events=FakeEvents(),
            may_raise=lambda: True,
            configuration=Configuration(servers={"default": server}, registries=registries),
            now=lambda: self.at,
        )
        receivers = (
            Receiver("lake", Token(str(secret))),
            Receiver("signed", Hmac(str(secret))),
            Receiver("alerts", Token(str(secret)), Format.ALERTMANAGER),
            Receiver("mlflow", Hmac(str(secret)), Format.MLFLOW),
            Receiver("labels", Token(str(secret)), Format.LABEL_STUDIO),
        )
        by_name = {receiver.name: receiver for receiver in receivers}
        self.server = EventServer(self.receiving, by_name, lambda: self.at)  # type: ignore[arg-type]

    async def set_up(self) -> None:
        for name, trigger in TRIGGERS.items():
            body = {
                "apiVersion": RETRAIN_POLICY.api_version,
                "kind": RETRAIN_POLICY.name,
                "metadata": {"name": name, "namespace": self.namespace},
                "spec": {
                    "triggers": [{"name": name, **trigger}],
                    "pipeline": {"name": "churn-training", "parameters": [{"name": "epochs", "value": "20"}]},
                },
            }
            await self.cluster.create(RETRAIN_POLICY, body, strict=True)

    async def deliver(self, url: str) -> dict[str, set[int]]:
        """What each sender is answered, who delivers the same thing twice."""
        async with aiohttp.ClientSession() as session:
            return {name: {await self._post(session, url, name), await self._post(session, url, name)} for name in TOLD}

    async def _post(self, session: aiohttp.ClientSession, url: str, name: str) -> int:
        receiver, document, headers = self._delivery(name)
        content = json.dumps(document).encode()
        address = f"{url}/events/{receiver}/{self.namespace}"
        async with session.post(address, data=content, headers=headers) as answer:
            return answer.status

    def _delivery(self, name: str) -> tuple[str, dict[str, Any], dict[str, str]]:
        match name:
            case "published":
                return "lake", CLOUD_EVENT, {**CLOUD, **BEARER}
            case "signed":
                event = {**CLOUD_EVENT, "type": "com.example.dataset.signed"}
                raw = hmac.new(b"secret", json.dumps(event).encode(), hashlib.sha256)
                return "signed", event, {**CLOUD, "X-Hub-Signature-256": f"sha256={raw.hexdigest()}"}
            case "paged":
                return "alerts", ALERTS, BEARER
            case "created":
                return "mlflow", CREATED, self._signed_as_mlflow_does(json.dumps(CREATED).encode())
        return "labels", ANNOTATED, BEARER

    def _signed_as_mlflow_does(self, content: bytes) -> dict[str, str]:
        time = str(int(self.at.timestamp()))
        raw = hmac.new(b"secret", f"d-1.{time}.".encode() + content, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(raw).decode()}"
        return {"X-MLflow-Delivery-Id": "d-1", "X-MLflow-Timestamp": time, "X-MLflow-Signature": signature}

    async def waiting(self) -> dict[str, list[str]]:
        """The ids of the events that each policy has stored, of those that have any."""
        found = await self.cluster.list(RETRAIN_POLICY, self.namespace)
        events = {body["metadata"]["name"]: body.get("status", {}).get("events", []) for body in found}
        return {name: [event["id"] for event in stored] for name, stored in events.items() if stored}

    async def runs(self) -> dict[str, dict[str, Any]]:
        """By the name of their policy, which has no more than one."""
        found = {}
        for body in await self.cluster.list(RETRAIN_RUN, self.namespace):
            name = body["spec"]["policyRef"]["name"]
            assert name not in found, f"{name} has two runs"
            found[name] = dict(body)
        return found

    async def look(self) -> None:
        """Three passes over every policy, with what each asks answered before the next."""
        await asyncio.gather(*(self._look_at(Key(RETRAIN_POLICY.name, self.namespace, name)) for name in TRIGGERS))

    async def _look_at(self, key: Key) -> None:
        for _ in range(3):
            for question in self._background.wanted.get(key, ()):
                registered = isinstance(question, AliasQuestion | NewestQuestion)
                asker: Any = self._registries if registered else self._kubeflow
                self._background.given[key, question] = Answer(self.at, self.at, asker.ask(question))
            try:
                await reconcile_policy(key, self._room)
            except Conflict:
                continue


def answered(status: int) -> dict[str, set[int]]:
    return {name: {status} for name in TOLD}


@pytest.fixture
async def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[Stage]:
    (tmp_path / "secret").write_text("secret\n")
    mlflow = FakeMlflow(
        versions={"embeddings": {"3": {"source": "models:/m-3", "files": "s3://mlflow/embeddings/3"}}},
        aliases={("embeddings", "champion"): "3"},
    )
    stage = Stage(cluster, namespace, mlflow, tmp_path / "secret")
    yield stage
    await stage.server.close()
    mlflow.close()


async def test_what_a_clock_a_sender_or_a_person_pulls_starts_one_run_each(stage: Stage) -> None:
    await stage.set_up()
    await stage.look()
    assert await stage.runs() == {}

    port = await stage.server.start("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}"
    stage.receiving.cut = True
    assert await stage.deliver(url) == answered(503)
    assert await stage.waiting() == {}
    stage.receiving.cut = False
    assert await stage.deliver(url) == answered(202)
    assert {name: len(ids) for name, ids in (await stage.waiting()).items()} == dict.fromkeys(TOLD, 1)
    assert await stage.runs() == {}, "the receiver stores the intent, and no more"

    registered = {"source": "models:/m-4", "files": "s3://mlflow/embeddings/4"}
    stage.mlflow.versions["embeddings"]["4"] = registered
    stage.mlflow.aliases["embeddings", "champion"] = "4"
    slot = Cron(NIGHTLY["cron"], NIGHTLY["timeZone"]).next(stage.at)
    assert slot is not None
    stage.at = slot - timedelta(seconds=1)
    command = {"modelwright.dev/command": "retrain/7", "modelwright.dev/actor": "alice"}
    patch = {"metadata": {"annotations": command}}
    await stage.cluster.merge_patch(RETRAIN_POLICY, stage.namespace, "asked", patch)
    await stage.look()
    assert set(await stage.runs()) == FIRES - {"nightly"}
    stage.at = slot
    await stage.look()
    runs = await stage.runs()
    assert set(runs) == FIRES

    evidence = {name: body["spec"]["evidence"] for name, body in runs.items()}
    assert {len(found) for found in evidence.values()} == {1}
    told = {name: (found[0]["trigger"], found[0]["occasion"]) for name, found in evidence.items()}
    known = await stage.waiting()
    by_alert = f"{ALERT['fingerprint']}|{ALERT['startsAt']}"
    assert told["nightly"] == ("nightly", f"{slot.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    assert told["published"] == ("published", "lake|7")
    assert told["signed"] == ("signed", "lake|7")
    assert told["paged"] == ("paged", by_alert)
    assert told["created"] == ("created", "d-1")
    assert told["annotated"] == ("annotated", known["annotated"][0])
    assert told["asked"] == ("ByHand", "command/7")
    assert evidence["asked"][0]["actor"] == "alice"
    assert (evidence["aliased"][0]["value"], evidence["registered"][0]["value"]) == ("4", "4")

    # Delivered again, looked at again: it is known.
    assert await stage.deliver(url) == answered(202)
    stage.at += timedelta(minutes=1)
    await stage.look()
    assert {name: run["metadata"]["uid"] for name, run in (await stage.runs()).items()} == {
        name: run["metadata"]["uid"] for name, run in runs.items()
    }
