"""The gateway's controller on a real API server, with a real Envoy behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from tests.playground.gateway.test_gateway_envoy import Backend
from tests.traffic.routes import rollout as attached

from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import (
    ENDPOINT_SLICE,
    GATEWAY,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    SERVICE,
    Kind,
)
from modelwright.traffic.attached_route import AttachedRouter
from modelwright.traffic.route import RouteSeen, Split, WriteRoute
from modelwright_playground.gateway.control import CLASS_NAME, FIELD_MANAGER, KINDS, OPTIONAL, Control
from modelwright_playground.gateway.delivery import Delivery, NotLoaded
from modelwright_playground.gateway.envoy import Envoy
from modelwright_playground.gateway.facts import CONTROLLER, Resources
from modelwright_playground.instance import Instance
from modelwright_playground.watching import Watching

PATIENCE = 120


@dataclass
class Room:
    cluster: Cluster
    watching: Watching
    envoy: Envoy
    delivery: Delivery
    control: Control
    url: str
    namespace: str

    async def create(self, kind: Kind, name: str, **fields: Any) -> None:
        metadata = {"namespace": self.namespace, "name": name, **fields.pop("metadata", {})}
        await self.cluster.create(
            kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata, **fields}
        )

    async def create_route(self, **weights: int) -> None:
        # Routes of other tests, in namespaces that are still going away, must not answer for ours.
        spec = {"parentRefs": [{"name": "public"}], "hostnames": [self.host], "rules": [rule(**weights)]}
        await self.create(HTTP_ROUTE, "churn", spec=spec)

    async def change_route(self, **weights: int) -> None:
        await self.cluster.merge_patch(HTTP_ROUTE, self.namespace, "churn", {"spec": {"rules": [rule(**weights)]}})

    async def route_says(self, generation: int) -> dict[str, str]:
        """Wait until both conditions are about `generation`; type to "status reason"."""
        async with asyncio.timeout(PATIENCE):
            async for _, item in self.cluster.watch(HTTP_ROUTE, self.namespace):
                conditions = ours(item)
                if len(conditions) == 2 and {each["observedGeneration"] for each in conditions} == {generation}:
                    return {each["type"]: f"{each['status']} {each['reason']}" for each in conditions}
        raise AssertionError("the watch ended")

    @property
    def host(self) -> str:
        return f"{self.namespace}.example"

    async def ask(self) -> tuple[int, str]:
        headers = {"Host": self.host}
        async with aiohttp.ClientSession() as session, session.get(self.url, headers=headers) as answer:
            return answer.status, await answer.text()


def rule(**weights: int) -> Object:
    return {"backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]}


def ours(route: Object) -> list[Object]:
    entries = route.get("status", {}).get("parents", [])
    return [each for entry in entries if entry["controllerName"] == CONTROLLER for each in entry["conditions"]]


@pytest.fixture
async def room(cluster: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[Room]:
    """All but the loop: a Gateway `public` and a Service `stable` are there, and Envoy runs."""
    instance = Instance.create("test", tmp_path)
    envoy = Envoy(tmp_path / "envoy", instance.ports.gateway, instance.ports.envoy_admin)
    delivery = Delivery(envoy)
    delivery.begin()
    watching = Watching(cluster, KINDS, OPTIONAL)
    control = Control(cluster, watching, delivery)
    room = Room(cluster, watching, envoy, delivery, control, instance.gateway_url, namespace)
    listeners = [{"name": "http", "port": 80, "protocol": "HTTP"}]
    await room.create(GATEWAY, "public", spec={"gatewayClassName": CLASS_NAME, "listeners": listeners})
    await room.create(SERVICE, "stable", spec={"ports": [{"name": "http", "port": 80}]})
    following = asyncio.create_task(watching.run())
    try:
        await envoy.start()
        yield room
    finally:
        following.cancel()
        await asyncio.wait({following})
        await envoy.stop()


@pytest.fixture
async def running(room: Room) -> AsyncIterator[Room]:
    """The room with its loop running."""
    loop = asyncio.create_task(room.control.run())
    yield room
    loop.cancel()
    await asyncio.wait({loop})


async def test_a_routes_status_follows_its_generations_and_envoy_does_too(running: Room) -> None:
    await running.create_route(stable=1)
    assert await running.route_says(1) == {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}
    assert (await running.ask())[0] == 503
    await running.change_route(ghost=1)
    assert await running.route_says(2) == {"Accepted": "True Accepted", "ResolvedRefs": "False BackendNotFound"}
    assert (await running.ask())[0] == 500
    await running.change_route(stable=2)
    assert (await running.route_says(3))["ResolvedRefs"] == "True ResolvedRefs"
    assert (await running.ask())[0] == 503


async def test_the_class_and_the_gateway_are_accepted_and_the_gateway_names_its_address(running: Room) -> None:
    async with asyncio.timeout(PATIENCE):
        async for _, item in running.cluster.watch(GATEWAY, running.namespace):
            status = item["status"]
            said = {each["type"]: each["status"] for each in status["conditions"]}
            if said == {"Accepted": "True", "Programmed": "True"}:
                break
    assert status["addresses"] == [{"type": "IPAddress", "value": "127.0.0.1"}]
    gateway_class = await running.cluster.get(GATEWAY_CLASS, None, CLASS_NAME)
    assert gateway_class is not None
    (accepted,) = [each for each in gateway_class["status"]["conditions"] if each["type"] == "Accepted"]
    assert accepted["status"] == "True"
    features = {each["name"] for each in gateway_class["status"]["supportedFeatures"]}
    assert {"HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror"} <= features


async def test_a_second_pass_with_nothing_changed_writes_nothing(room: Room) -> None:
    await room.create_route(stable=1)
    async with asyncio.timeout(PATIENCE):
        while not settled(room) or await room.control.once():
            await room.watching.changed.wait()
            room.watching.changed.clear()
    before = await room.cluster.get(HTTP_ROUTE, room.namespace, "churn")
    assert await room.control.once() == 0
    assert await room.cluster.get(HTTP_ROUTE, room.namespace, "churn") == before


def settled(room: Room) -> bool:
    return room.watching.complete and any(
        route["metadata"]["namespace"] == room.namespace for route in room.watching.objects(HTTP_ROUTE)
    )


async def test_status_is_written_under_a_name_of_our_own_so_that_nobody_takes_it_for_the_operators(
    running: Room,
) -> None:
    await running.create_route(stable=1)
    await running.route_says(1)
    route = await running.cluster.get(HTTP_ROUTE, running.namespace, "churn")
    assert route is not None
    managers = {
        entry["manager"] for entry in route["metadata"]["managedFields"] if entry.get("subresource") == "status"
    }
    assert managers == {FIELD_MANAGER}


async def test_nothing_is_called_accepted_that_envoy_does_not_run(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: Resources) -> None:
        raise NotLoaded("Envoy refused the routes")

    monkeypatch.setattr(room.delivery, "load", refuse)
    await room.create_route(stable=1)
    async with asyncio.timeout(PATIENCE):
        while not settled(room):
            await room.watching.changed.wait()
            room.watching.changed.clear()
    with pytest.raises(NotLoaded):
        await room.control.once()
    route = await room.cluster.get(HTTP_ROUTE, room.namespace, "churn")
    assert route is not None
    assert ours(route) == []


async def test_an_endpoint_in_a_slice_is_served_where_its_process_listens(running: Room) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.245.0.4", 0).start()
    try:
        await running.create_route(stable=1)
        await running.route_says(1)
        await running.create(
            ENDPOINT_SLICE,
            "stable-1",
            metadata={"labels": {"kubernetes.io/service-name": "stable"}},
            addressType="IPv4",
            ports=[{"name": "http", "port": runner.addresses[0][1]}],
            endpoints=[{"addresses": ["10.245.0.4"], "conditions": {"ready": True}}],
        )
        async with asyncio.timeout(PATIENCE):
            answers = [await running.ask()]
            # Endpoints have no status to wait for: the traffic is asked itself.
            while answers[-1] != (200, "here"):
                answers.append(await running.ask())
        assert {status for status, _ in answers[:-1]} <= {503}
    finally:
        await runner.cleanup()


async def test_envoy_follows_the_weights_of_a_route_that_is_attached_and_they_are_confirmed(running: Room) -> None:
    async with Backend("stable", "10.244.9.2") as stable, Backend("candidate", "10.244.9.3") as candidate:
        for server, role in ((stable, "churn-stable"), (candidate, "churn-candidate")):
            await running.create(SERVICE, role, spec={"ports": [{"name": "http", "port": 80}]})
            await running.create(
                ENDPOINT_SLICE,
                role,
                metadata={"labels": {"kubernetes.io/service-name": role}},
                addressType="IPv4",
                ports=[{"name": "http", "port": server.port}],
                endpoints=[{"addresses": [server.pod_ip], "conditions": {"ready": True}}],
            )
        await running.create_route(**{"churn-stable": 100, "churn-candidate": 0})
        router, subject = AttachedRouter(HTTP_ROUTE), replace(attached(), namespace=running.namespace)
        for weight, answers in ((0, {"stable"}), (50, {"stable", "candidate"}), (100, {"candidate"}), (0, {"stable"})):
            before = await _accepted(router, running, subject)
            version = before.resource_version if weight > before.split.weight else ""
            await router.write(running.cluster, subject, WriteRoute(Split(weight), version))
            assert (await _accepted(router, running, subject)).split == Split(weight)
            assert {(await running.ask())[1] for _ in range(30)} == answers


async def _accepted(router: AttachedRouter, room: Room, subject: ModelRollout) -> RouteSeen:
    async with asyncio.timeout(PATIENCE):
        while True:
            seen = await router.read(room.cluster, subject)
            if seen and seen.accepted:
                return seen
            await asyncio.sleep(0.05)
