"""A RetrainPolicy whose trigger fires at once, and whose gate nothing passes: one retraining, then a cooldown."""

from __future__ import annotations

from typing import Any

from tests.e2e.loop import Loop, Object, make_namespace, quick_rollout

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_RUN
from modelwright_playground.demo.stage import apply

EAGER = "eager"
"""The name of its namespace, and of its policy and rollout."""


async def apply_eager_policy(loop: Loop, cluster: Cluster) -> None:
    """Apply it, and a rollout that follows it; the same again changes nothing."""
    await make_namespace(cluster, EAGER)
    policy = next(body for body in loop.stage.manifests(loop.v1) if body["kind"] == "RetrainPolicy")
    del policy["metadata"]["namespace"]
    policy["metadata"]["name"] = EAGER
    parameters = [each for each in policy["spec"]["pipeline"]["parameters"] if each["name"] != "since"]
    policy["spec"] |= {
        "triggers": [{"name": "always", "metric": {"value": {"query": "sum(up{$(champion)})"}, "min": "9"}}],
        "pipeline": {**policy["spec"]["pipeline"], "parameters": parameters},
        "gate": {"checks": [{"name": "perfect", "metric": "accuracy", "min": "1"}]},
    }
    await apply(cluster, policy, EAGER)
    champion = {"version": "v1", "uri": loop.v1.uri, "digest": loop.v1.digest}
    following: dict[str, Any] = {
        "modelFrom": {"retrainPolicyRef": {"name": EAGER}},
        "baseline": champion,
        "model": None,
    }
    await apply(cluster, quick_rollout(EAGER, **following), EAGER)


async def first_run(cluster: Cluster) -> Object | None:
    """Its first RetrainRun, once there is one. The second waits for the cooldown."""
    return min(await cluster.list(RETRAIN_RUN, EAGER), key=lambda run: int(run["spec"]["number"]), default=None)
