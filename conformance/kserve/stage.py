"""One rollout of an InferenceService that the real KServe reconciles; kubelet, gateway and looks are fakes."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tests.integration.stage import Stage

from conformance.kserve import fakes
from conformance.kserve.journal import Journal
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import INFERENCE_SERVICE
from modelwright.errors import Conflict, Unavailable
from modelwright.rollouts.reconcile import reconcile_rollout

V1, V2, V3 = ({"version": version, "uri": f"s3://models/fraud/{version}"} for version in ("v1", "v2", "v3"))
ROLLOUT = {
    "model": V2,
    "baseline": V1,
    "replicas": 1,
    "workload": {"inferenceService": {"name": "fraud"}},
    "traffic": {"confirm": "RouteAccepted"},
}
ROUNDS = 900


class KServeStage(Stage):
    """The InferenceService `fraud`, its rollout, and a journal of what became of it."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        super().__init__(cluster, namespace)
        self.journal = Journal(cluster, namespace)

    async def put(self, mode: str, uri: str = V1["uri"], **predictor: Any) -> None:
        """Apply what the team keeps in Git, without force."""
        model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri, "resources": {"limits": {"cpu": "1"}}}
        body = {
            "apiVersion": INFERENCE_SERVICE.api_version,
            "kind": INFERENCE_SERVICE.name,
            "metadata": {
                "name": "fraud",
                "namespace": self.namespace,
                "annotations": {"serving.kserve.io/deploymentMode": mode},
            },
            "spec": {"predictor": {"minReplicas": 2, "model": model, **predictor}},
        }
        await self.cluster.apply(INFERENCE_SERVICE, body, manager="team", force=False)

    async def service(self) -> dict[str, Any]:
        found = await self.cluster.get(INFERENCE_SERVICE, self.namespace, "fraud")
        assert found is not None
        return found

    async def command(self, verb: str, arm: str = "candidate") -> None:
        revision = (await self.body())["status"][arm]["revision"]
        await self.annotate({"modelwright.dev/command": f"{verb}/{verb}-{revision}/{revision}"})

    async def watch(self, reached: Any) -> None:
        """Let everybody but Modelwright act until `reached()` holds."""
        await self._until(reached, reconciles=False)

    async def play(self, reached: Any, rounds: int = ROUNDS) -> None:
        await self._until(reached, reconciles=True, rounds=rounds)

    async def _until(self, reached: Any, *, reconciles: bool, rounds: int = ROUNDS) -> None:
        for _ in range(rounds):
            # An API server that was just told of a definition may ask for patience.
            with contextlib.suppress(Conflict, Unavailable):
                await fakes.act(self.cluster, self.namespace)
                if reconciles:
                    await reconcile_rollout(self.key, self.room)
                await self.journal.look()
                if await reached():
                    return
            await asyncio.sleep(0.1)
        body = await self.cluster.get(INFERENCE_SERVICE, self.namespace, "fraud") or {}
        raise AssertionError(f"not reached: {body.get('status')}")
