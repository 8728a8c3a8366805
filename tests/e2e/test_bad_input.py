"""What cannot work as written says so, within seconds: what was found and what is needed, and no weight is moved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.e2e.loop import Loop, Object, candidate_weight, eventually, has_condition, make_namespace, quick_rollout

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY
from modelwright_playground.demo.stage import apply

pytestmark = pytest.mark.e2e

NAMESPACE = "bad"
V2 = {"version": "v2", "uri": "file:///models/v2"}
NO_DIGEST = "sha256:" + 64 * "0"


def analysed(query: str, source: str = "default") -> Object:
    metric = {"name": "broken", "value": {"query": query}, "compare": {"threshold": {"max": "1"}}}
    return {"source": source, "interval": "1s", "metrics": [metric]}


def rollouts(loop: Loop) -> list[Object]:
    """One rollout per mistake, all at once: each test then looks at its own."""
    elsewhere = {"parentRefs": [{"name": "nowhere"}], "hostnames": ["lost.example.com"]}
    serving = loop.churn()["spec"]["workload"]["deployment"]["template"]["spec"]
    return [
        quick_rollout("promql", analysis=analysed("sum(up{$(selector)}")),
        quick_rollout("unknown-source", analysis=analysed("up{$(selector)}", "elsewhere")),
        quick_rollout("private-source", analysis=analysed("up{$(selector)}", "private")),
        quick_rollout("lost", traffic={"httpRoute": {"managed": elsewhere}, "confirm": "RouteAccepted"}),
        quick_rollout(
            "mistaken",
            pods=serving,
            model={"version": "v1", "uri": loop.v1.uri, "digest": loop.v1.digest},
        ),
    ]


def policies(loop: Loop) -> list[Object]:
    good = next(body for body in loop.stage.manifests(loop.v1) if body["kind"] == "RetrainPolicy")["spec"]
    parameters = good["pipeline"]["parameters"]

    def policy(name: str, /, **pipeline: Any) -> Object:
        spec = {**good, "pipeline": {**good["pipeline"], **pipeline}}
        return {
            "apiVersion": RETRAIN_POLICY.api_version,
            "kind": "RetrainPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }

    return [
        policy("no-pipeline", name="never-uploaded"),
        policy("no-server", server="elsewhere"),
        policy("no-parameter", parameters=[p for p in parameters if p["name"] != "data"]),
        policy("odd-parameter", parameters=[*parameters, {"name": "colour", "value": "blue"}]),
    ]


@pytest.fixture(scope="module")
def mistakes(loop: Loop) -> None:
    asyncio.run(_apply_all(loop))


async def _apply_all(loop: Loop) -> None:
    cluster = await Cluster.connect(str(loop.instance.kubeconfig))
    try:
        await make_namespace(cluster, NAMESPACE)
        for body in (*rollouts(loop), *policies(loop)):
            await apply(cluster, body, NAMESPACE)
    finally:
        await cluster.close()


async def ask_for(cluster: Cluster, name: str, model: Object) -> None:
    """Once its first version serves, ask the rollout `name` for `model`."""

    async def serves() -> bool:
        body = await cluster.get(MODEL_ROLLOUT, NAMESPACE, name)
        return bool(body and body.get("status", {}).get("stable"))

    await eventually(serves, f"the first version of {name} serves")
    await cluster.merge_patch(MODEL_ROLLOUT, NAMESPACE, name, {"spec": {"model": model}})


async def stalled(cluster: Cluster, name: str, reason: str) -> str:
    condition = await has_condition(cluster, MODEL_ROLLOUT, NAMESPACE, name, "Stalled", reason)
    return str(condition["message"])


async def policy_stalled(cluster: Cluster, name: str, reason: str) -> str:
    condition = await has_condition(cluster, RETRAIN_POLICY, NAMESPACE, name, "Stalled", reason)
    return str(condition["message"])


async def test_bad_promql_stalls_the_rollout_and_the_weight_is_held(mistakes: None, cluster: Cluster) -> None:
    await ask_for(cluster, "promql", V2)
    message = await stalled(cluster, "promql", "BadQuery")
    assert message.startswith("broken: ")

    async def is_held() -> bool:
        return await candidate_weight(cluster, NAMESPACE, "promql") == 10

    await eventually(is_held, "the weight is that of the first step")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("unknown-source", "metric source 'elsewhere' is not configured; usable here: default"),
        ("private-source", "metric source 'private' may not be used from namespace bad; usable here: default"),
    ],
)
async def test_a_metric_source_that_cannot_be_used_is_named_before_any_weight_moves(
    mistakes: None, cluster: Cluster, name: str, found: str
) -> None:
    await ask_for(cluster, name, V2)
    assert await stalled(cluster, name, "InvalidSpec") == f"spec.analysis.source: {found}"
    assert await candidate_weight(cluster, NAMESPACE, name) == 0


async def test_a_pipeline_that_does_not_exist_stalls_the_policy(mistakes: None, cluster: Cluster) -> None:
    assert "never-uploaded" in await policy_stalled(cluster, "no-pipeline", "PipelineNotFound")


async def test_a_pipeline_server_that_is_not_configured_is_named_with_those_that_are(
    mistakes: None, cluster: Cluster
) -> None:
    message = await policy_stalled(cluster, "no-server", "InvalidSpec")
    assert message == "spec.pipeline.server: 'elsewhere' is not configured; usable here: default"


async def test_a_parameter_that_the_pipeline_needs_is_named_with_what_it_declares(
    mistakes: None, cluster: Cluster
) -> None:
    message = await policy_stalled(cluster, "no-parameter", "InvalidParameters")
    assert "parameters.data" in message
    assert "it declares" in message


async def test_a_parameter_that_the_pipeline_does_not_know_is_named_with_what_it_declares(
    mistakes: None, cluster: Cluster
) -> None:
    message = await policy_stalled(cluster, "odd-parameter", "InvalidParameters")
    assert "parameters.colour" in message
    assert "is not declared by the pipeline, which declares" in message


async def test_a_route_whose_gateway_does_not_exist_says_that_nobody_answered(mistakes: None, cluster: Cluster) -> None:
    message = await stalled(cluster, "lost", "RouteNotAccepted")
    assert message.startswith("no Gateway has answered for parentRefs 'nowhere'")


async def test_a_model_whose_digest_does_not_match_never_gets_weight(
    mistakes: None, loop: Loop, cluster: Cluster
) -> None:
    await ask_for(cluster, "mistaken", {"version": "v2", "uri": loop.v2.uri, "digest": NO_DIGEST})

    async def says_why() -> bool:
        body = await cluster.get(MODEL_ROLLOUT, NAMESPACE, "mistaken")
        assert body is not None
        ready = next(c for c in body["status"]["conditions"] if c["type"] == "Ready")
        return "model is in CrashLoopBackOff" in ready["message"]

    await eventually(says_why, "the rollout names CrashLoopBackOff")
    assert await candidate_weight(cluster, NAMESPACE, "mistaken") == 0
