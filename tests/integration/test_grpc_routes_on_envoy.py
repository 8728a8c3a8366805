"""A GRPCRoute of ours and one of the user's, on a real API server and Envoy: which version a method is answered by.

Clients and servers speak gRPC.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import grpc
import pytest
from tests.integration.envoy_stage import TESTER, EnvoyStage, on_stage
from tests.integration.servers import GrpcServers, Servers
from tests.traffic.routes import backend

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import GRPC_ROUTE

V2 = {"model": {"version": "v2", "uri": "s3://models/churn/v2"}}
INFER = "/inference.GRPCInferenceService/ModelInfer"
OTHER = "/inference.Other/ModelInfer"
STEPS: list[dict[str, Any]] = [
    {"shadow": 100, "hold": "1s"},
    {"match": {"headers": [{"name": "x-tester", "value": "1"}]}, "hold": "1s"},
    {"pause": {}},
    {"weight": 50, "hold": "1h"},
]


class GrpcStage(EnvoyStage):
    """`path` is "/service/method"."""

    servers_of: ClassVar[type[Servers]] = GrpcServers

    async def ask(self, headers: dict[str, str] | None = None, path: str = INFER) -> str:
        """The version that answers, or the name of gRPC's status where none does."""
        options = [("grpc.default_authority", self.host)]
        async with grpc.aio.insecure_channel(urlsplit(self.url).netloc, options) as channel:
            try:
                answer: bytes = await channel.unary_unary(path)(
                    b"", metadata=tuple((headers or {}).items()), timeout=60
                )
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
        return answer.decode()


@pytest.fixture
async def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> AsyncIterator[EnvoyStage]:
    async with on_stage(cluster, namespace, tmp_path, GrpcStage) as stage:
        yield stage


async def play_to_testers(stage: EnvoyStage, traffic: dict[str, Any], steps: list[dict[str, Any]]) -> tuple[str, str]:
    await stage.create(traffic=traffic, strategy={"canary": {"steps": steps}})
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    await stage.play(lambda: stage.is_paused("Paused"))
    old, new = await stage.revision("stable"), await stage.revision("candidate")
    assert set(await stage.answers(path=INFER)) == {old}
    assert set(await stage.answers(headers=TESTER, path=INFER)) == {new}
    await stage.promote()

    async def shares() -> bool:
        return set(await stage.answers(path=INFER)) == {old, new}

    await stage.play(shares)
    return old, new


async def test_a_grpc_route_of_ours_copies_leads_testers_and_divides(stage: EnvoyStage) -> None:
    parents = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host]}
    traffic = {"grpcRoute": {"managed": parents}, "confirm": "RouteAccepted"}
    old, new = await play_to_testers(stage, traffic, STEPS)
    await stage.annotate({"modelwright.dev/command": f"promote-full/all/{new}"})
    await stage.play(lambda: stage.serves("v2"))
    assert set(await stage.answers(path=INFER)) == {new} != {old}
    # All that the API server fills in is written out, so that a second pass has nothing to mend.
    before = await stage.cluster.get(GRPC_ROUTE, stage.namespace, "churn")
    await stage.play(lambda: stage.serves("v2"))
    assert before is not None
    assert await stage.cluster.get(GRPC_ROUTE, stage.namespace, "churn") == before


async def test_in_a_grpc_route_of_the_users_only_the_divided_method_is_led_elsewhere(stage: EnvoyStage) -> None:
    refs = [backend("churn-stable", 100), backend("churn-candidate", 0)]
    method = {"type": "Exact", "service": "inference.GRPCInferenceService"}
    divided = {"matches": [{"method": method}], "backendRefs": refs}
    rest = {"backendRefs": [backend("churn-stable", 1)]}
    spec = {"parentRefs": [{"name": "public"}], "hostnames": [stage.host], "rules": [divided, rest]}
    await stage.apply(GRPC_ROUTE, "churn", spec)
    before = await stage.cluster.get(GRPC_ROUTE, stage.namespace, "churn")
    traffic = {"grpcRoute": {"attached": {"name": "churn", "testersRoute": "Beside"}}, "confirm": "RouteAccepted"}
    old, new = await play_to_testers(stage, traffic, STEPS[1:])
    assert set(await stage.answers(headers=TESTER, path=OTHER)) == {old}
    await stage.annotate({"modelwright.dev/command": f"abort/back/{new}"})
    await stage.play(stage.is_let_go)
    assert set(await stage.answers(headers=TESTER, path=INFER)) == {old}
    after = await stage.cluster.get(GRPC_ROUTE, stage.namespace, "churn")
    assert before is not None
    assert after is not None
    assert after["spec"] == before["spec"]
