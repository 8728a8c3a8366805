"""Runs the command line as a person does, while the test plays the operator on the real API server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result
from tests.contract.corpus import HERE, merged, read

from modelwright.cli.kubectl import main
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT

STABLE, CANDIDATE, REJECTED = "6b8f9c01d2", "77d0aa91c2", "5c1e02aa10"
COMMAND = "modelwright.dev/command"

MOVING: dict[str, Any] = {
    "observedGeneration": 1,
    "phase": "Progressing",
    "stage": "Stepping",
    "stable": {"revision": STABLE, "version": "v11", "uri": "s3://models/churn/v11", "weight": 75},
    "candidate": {"revision": CANDIDATE, "version": "v12", "uri": "s3://models/churn/v12", "weight": 25},
    "rejected": [{"revision": REJECTED, "version": "v10", "digest": "", "at": "2026-11-19T22:01:40Z", "reason": "bad"}],
    "conditions": [
        {
            "type": type_,
            "status": status,
            "reason": "Progressing",
            "message": "25 % to v12",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-11-21T08:00:00Z",
        }
        for type_, status in (("Ready", "False"), ("Reconciling", "True"))
    ],
}


@dataclass(frozen=True)
class Shell:
    """A namespace of the real API server, and the flags that lead there."""

    cluster: Cluster
    kubeconfig: str
    namespace: str

    async def run(self, *arguments: str) -> Result:
        where = ["--kubeconfig", self.kubeconfig, "--namespace", self.namespace]
        return await asyncio.to_thread(CliRunner().invoke, main, [*arguments, *where])

    async def create(self, name: str, status: dict[str, Any]) -> dict[str, Any]:
        body = read(HERE / "accepted" / "rollout.yaml")[0]
        await self.cluster.create(
            MODEL_ROLLOUT, merged(body, {"metadata": {"name": name, "namespace": self.namespace}})
        )
        return await self.tell(name, status)

    async def tell(self, name: str, status: dict[str, Any]) -> dict[str, Any]:
        """Write a status, as the operator would."""
        return await self.cluster.merge_patch(MODEL_ROLLOUT, self.namespace, name, {"status": status}, "status")

    async def written(self, name: str) -> str:
        """The command that somebody writes on the rollout."""
        async with asyncio.timeout(60):
            async for _, body in self.cluster.watch(MODEL_ROLLOUT, self.namespace):
                command = body["metadata"].get("annotations", {}).get(COMMAND)
                if command and body["metadata"]["name"] == name:
                    return str(command)
        raise AssertionError("the watch ended before anybody gave a command")


def answer(command: str, outcome: str, message: str = "") -> dict[str, Any]:
    """The status in which the operator answers `command`."""
    verb, id_, revision = command.split("/")
    told = {"verb": verb, "id": id_, "revision": revision, "outcome": outcome, "message": message}
    return {"command": {**told, "actor": "admin", "at": "2026-11-21T08:00:00Z"}}
