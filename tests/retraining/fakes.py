"""Fakes for simulations: an API server and a Kubeflow in memory, each as unreliable as the real ones may be.

Every call to the fake API server is preceded and followed by a point at which the scheduler may let another operator go
on, or kill this one.
"""

from __future__ import annotations

import marshal
from collections.abc import Awaitable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from tests.retraining.builders import DECLARED

from modelwright.cluster.keys import Key, Kind
from modelwright.errors import Conflict, Unavailable
from modelwright.kubeflow.api import MayHaveHappened, NotFound, oldest_first
from modelwright.kubeflow.questions import KubeflowRun, RunOptions

Object = dict[str, Any]
T = TypeVar("T")


def copied(body: T) -> T:
    """Of plain data, as it comes over the wire; several times faster than the general way."""
    plain: Any = body
    copy: T = marshal.loads(marshal.dumps(plain))
    return copy


class Turn(Awaitable[None]):
    """A point at which the scheduler decides who goes on."""

    def __await__(self) -> Generator[None, None, None]:
        yield


class FakeApiServer:
    """Objects by kind and name, in one namespace, with resource versions and a spec that is not touched by /status."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.version = 0

    def put(self, body: Object) -> Object:
        self.version += 1
        metadata = body["metadata"]
        metadata.setdefault("uid", f"uid-{self.version}")
        metadata["resourceVersion"] = str(self.version)
        metadata.setdefault("generation", 1)
        self.objects[body["kind"], metadata["name"]] = copied(body)
        return copied(body)

    def of_kind(self, kind: Kind) -> list[Object]:
        return [copied(body) for (name, _), body in self.objects.items() if name == kind.name]


class FakeCluster:
    """One operator's connection to the fake API server, with the methods of Cluster that this room uses."""

    def __init__(self, server: FakeApiServer) -> None:
        self._server = server

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        await Turn()
        return copied(self._server.objects.get((kind.name, name)))

    async def list(self, kind: Kind, namespace: str | None = None) -> Sequence[Object]:
        await Turn()
        return self._server.of_kind(kind)

    async def create(self, kind: Kind, body: Object) -> Object:
        await Turn()
        if (kind.name, body["metadata"]["name"]) in self._server.objects:
            raise Conflict("exists already")
        created = self._server.put({**body, "status": {"observedGeneration": -1}})
        await Turn()
        return created

    async def delete(self, kind: Kind, namespace: str | None, name: str, *, uid: str | None = None) -> bool:
        await Turn()
        return self._server.objects.pop((kind.name, name), None) is not None

    async def json_patch(self, kind: Kind, namespace: str, name: str, operations: Sequence[Object]) -> Object:
        await Turn()
        body = self._current(kind, name, operations[0]["value"])
        body["metadata"]["finalizers"] = operations[1]["value"]
        patched = self._server.put(body)
        await Turn()
        return patched

    async def replace(self, kind: Kind, body: Object, subresource: str) -> Object:
        await Turn()
        current = self._current(kind, body["metadata"]["name"], body["metadata"]["resourceVersion"])
        replaced = self._server.put({**current, "status": body["status"]})
        await Turn()
        return replaced

    def _current(self, kind: Kind, name: str, version: str) -> Object:
        body = copied(self._server.objects[kind.name, name])
        if body["metadata"]["resourceVersion"] != version:
            raise Conflict("the object has been modified")
        return body


@dataclass
class FakeKubeflow:
    """All runs ever made. A new run shows in lists only `lag` later; a call whose answer is lost may still create, up
    to `lag` later. Times are stored in whole seconds, as Kubeflow does."""

    now: datetime
    lag: timedelta = timedelta(seconds=20)
    runs: dict[str, KubeflowRun] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    visible_from: dict[str, datetime] = field(default_factory=dict)
    unborn: list[tuple[datetime, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    _count: int = 0

    def pass_time(self, span: timedelta) -> None:
        self.now += span
        for due, name in [entry for entry in self.unborn if entry[0] <= self.now]:
            self.unborn.remove((due, name))
            self.make(name)

    def make(self, display_name: str) -> KubeflowRun:
        self._count += 1
        # Ids are random: the order of ids says nothing about the order of creation.
        id = f"{self.numbers.pop() if self.numbers else self._count:03}-{self._count}"
        run = KubeflowRun(id, "RUNNING", self.now.replace(microsecond=0))
        self.runs[id], self.names[id], self.visible_from[id] = run, display_name, self.now + self.lag
        return run

    def end(self, id: str, state: str) -> None:
        self.runs[id] = replace(self.runs[id], state=state, finished_at=self.now)

    # What KubeflowApi offers.

    def pipeline_version(self, name: str, version: str, namespace: str) -> tuple[str, Any]:
        self._fail_if("down")
        parameters = {each.name: {"parameterType": each.type, "isOptional": each.optional} for each in DECLARED}
        spec = {"root": {"inputDefinitions": {"parameters": parameters}}}
        return "p", SimpleNamespace(pipeline_version_id="v", display_name="1", pipeline_spec=spec)

    def experiment(self, name: str, namespace: str) -> str:
        return "e"

    def runs_named(self, display_name: str, namespace: str) -> Sequence[KubeflowRun]:
        self._fail_if("down")
        return oldest_first(
            run for id, run in self.runs.items() if self.names[id] == display_name and self.visible_from[id] <= self.now
        )

    def run(self, id: str) -> KubeflowRun:
        if id not in self.runs:
            raise NotFound("no such run")
        return self.runs[id]

    def create_run(
        self, display_name: str, experiment: str, what: Any, parameters: Mapping[str, Any], options: RunOptions
    ) -> KubeflowRun:
        fault = self.faults.pop() if self.faults else ""
        if fault == "answer lost":
            self.make(display_name)
            raise MayHaveHappened("no answer")
        if fault == "arrives late":
            self.unborn.append((self.now + self.lag, display_name))
            raise MayHaveHappened("no answer")
        if fault == "request lost":
            raise MayHaveHappened("no answer")
        return self.make(display_name)

    def terminate(self, id: str) -> None:
        self._fail_if("down")
        if not self.runs[id].ended:
            self.end(id, "CANCELED")

    def _fail_if(self, fault: str) -> None:
        if self.faults and self.faults[-1] == fault:
            self.faults.pop()
            raise Unavailable("down")


@dataclass
class FakeEvents:
    told: list[str] = field(default_factory=list)

    async def emit(self, regarding: Object, type_: str, reason: str, message: str) -> None:
        self.told.append(reason)


@dataclass
class FakeBackground:
    """Keeps what is wanted; the scheduler has it answered. Forgets as the real one does."""

    wanted: dict[Key, tuple[Any, ...]] = field(default_factory=dict)
    given: dict[tuple[Key, Any], Any] = field(default_factory=dict)

    def want(self, key: Key, questions: Sequence[Any]) -> None:
        self.wanted[key] = tuple(questions)
        self.given = {item: answer for item, answer in self.given.items() if item[0] != key or item[1] in questions}

    def answers(self, key: Key) -> Mapping[Any, Any]:
        return {question: answer for (owner, question), answer in self.given.items() if owner == key}

    def forget(self, key: Key) -> None:
        self.want(key, ())
