"""`retrain` writes one command, tells which run came of it, or says why none does."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from tests.cli.commands import COMMAND, Shell
from tests.contract.conftest import WithKubeconfig
from tests.contract.corpus import HERE, merged, read

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_POLICY


@pytest.fixture
async def shell(cluster: Cluster, control_plane: WithKubeconfig, namespace: str) -> Shell:
    return Shell(cluster, control_plane.kubeconfig, namespace)


async def policy(shell: Shell) -> str:
    name = f"churn-{uuid.uuid4().hex[:8]}"
    body = read(HERE / "accepted" / "policy.yaml")[0]
    await shell.cluster.create(RETRAIN_POLICY, merged(body, {"metadata": {"name": name, "namespace": shell.namespace}}))
    return name


async def answered(shell: Shell, name: str, **answer: str) -> str:
    """What the command line says when the operator answers so."""
    asking = asyncio.create_task(shell.run("retrain", name, "--timeout", "60s"))
    async with asyncio.timeout(60):
        while True:
            body = await shell.cluster.get(RETRAIN_POLICY, shell.namespace, name)
            assert body is not None
            verb, _, id_ = body["metadata"].get("annotations", {}).get(COMMAND, "").partition("/")
            if id_:
                break
            await asyncio.sleep(0.05)
    assert verb == "retrain"
    status = {"command": {"id": id_, "actor": "admin", **answer}}
    await shell.cluster.merge_patch(RETRAIN_POLICY, shell.namespace, name, {"status": status}, "status")
    result = await asking
    assert (result.exit_code == 0) == (answer["outcome"] == "Done")
    return result.output


async def test_a_command_is_written_and_its_run_told(shell: Shell) -> None:
    name = await policy(shell)
    told = await answered(shell, name, outcome="Done", message="run churn-x7k2p", run="churn-x7k2p")
    assert told == f"retrain of {name} by admin: run churn-x7k2p\n"


async def test_a_refusal_is_told(shell: Shell) -> None:
    name = await policy(shell)
    assert "was refused: spec.state is Suspended" in await answered(
        shell, name, outcome="Refused", message="spec.state is Suspended: set it to Active"
    )


async def test_a_policy_that_is_not_there_is_named(shell: Shell) -> None:
    result = await shell.run("retrain", "nobody")
    assert result.exit_code == 1
    assert "no RetrainPolicy 'nobody'" in result.output
