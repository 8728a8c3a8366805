"""The operator is killed at any moment and started again: it goes on, and nobody outside can tell."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import aiohttp
import pytest
from tests.e2e.eager import EAGER, apply_eager_policy, first_run
from tests.e2e.killer import Killer, fresh_operator
from tests.e2e.loop import Loop, candidate_weight, eventually

from modelwright.cluster.access import Cluster
from modelwright_playground.demo.stage import apply
from modelwright_playground.demo.witness import Witness

pytestmark = pytest.mark.e2e


def server_errors(witness: Witness) -> int:
    """5xx that clients have seen so far."""
    return sum(count for code, count in witness.stats["total"]["failedBy"].items() if code.startswith("5"))


async def at_rest(witness: Witness) -> bool:
    return bool(witness.status) and "stage" not in witness.status and witness.candidate_weight == 0


async def settled_on(witness: Witness, version: str) -> bool:
    return await at_rest(witness) and bool(witness.status["stable"]["version"] == version)


async def all_is_seen(witness: Witness) -> bool:
    return bool(witness.stats and witness.stats["recent"]["sent"] > 0 and witness.rollout and witness.weights)


def moves_of(witness: Witness, after: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """How the candidate's weight rose, and how it fell, from 0 on, since the first `after` weights that were seen.

    A kill between a write to the route and its record leaves more weight than is recorded, which is lowered at once.
    An operator that was killed often may therefore climb a step more than once, but no more often than it was killed.
    """
    moves = list(pairwise([0, *(weight for _, weight in witness.weights[after:])]))
    return [move for move in moves if move[1] > move[0]], [move for move in moves if move[1] < move[0]]


async def test_a_rollout_is_promoted_once_and_without_a_5xx(loop: Loop, cluster: Cluster, witness: Witness) -> None:
    await eventually(lambda: all_is_seen(witness), "clients send requests")
    await fresh_operator(cluster)
    errors, moves = server_errors(witness), len(witness.weights)
    killer = Killer(cluster, seed=20)
    await apply(cluster, loop.release("v2", loop.v2), "ml")
    async with killer.again_and_again(0.5, 8.0):
        await eventually(
            lambda: settled_on(witness, "v2"), "v2 is promoted", limit=600, situation=lambda: witness.status
        )
    assert killer.kills >= 3
    rose, fell = moves_of(witness, moves)
    assert set(rose) == {(0, 10), (10, 50), (50, 100)}
    assert fell[-1] == (100, 0)
    assert len(fell) <= killer.kills + 1
    assert [entry["result"] for entry in witness.status["history"] if entry["version"] == "v2"] == ["Promoted"]
    assert server_errors(witness) == errors


async def test_a_rollback_ends_at_weight_0_and_rejects_once(loop: Loop, cluster: Cluster, witness: Witness) -> None:
    await eventually(lambda: all_is_seen(witness), "clients send requests")
    await fresh_operator(cluster)
    serving = witness.status["stable"]["version"]
    moves = len(witness.weights)
    killer = Killer(cluster, seed=21)
    await apply(cluster, loop.release("hotfix", loop.hotfix), "ml")

    async def has_weight() -> bool:
        return witness.candidate_weight == 10

    async def rejected() -> bool:
        return await settled_on(witness, serving) and bool(witness.status.get("rejected"))

    await eventually(has_weight, "the hotfix holds weight")
    async with killer.again_and_again(0.2, 5.0):
        await eventually(rejected, "the hotfix is rejected", limit=600, situation=lambda: witness.status)
    await killer.kill()
    assert killer.kills >= 2
    rose, fell = moves_of(witness, moves)
    assert set(rose) == {(0, 10)}
    assert set(fell) == {(10, 0)}
    assert len(fell) <= killer.kills
    assert [entry["version"] for entry in witness.status["rejected"]] == ["hotfix"]
    assert [entry["result"] for entry in witness.status["history"] if entry["version"] == "hotfix"] == ["RolledBack"]
    assert await candidate_weight(cluster, "ml", "churn") == 0


async def test_a_retraining_is_one_pipeline_run(loop: Loop, cluster: Cluster) -> None:
    await fresh_operator(cluster)
    killer = Killer(cluster, seed=22)
    await apply_eager_policy(loop, cluster)
    await eventually(lambda: first_run(cluster), "the trigger fires")
    await killer.kill()

    async def judged() -> bool:
        run = await first_run(cluster)
        conditions = (run or {}).get("status", {}).get("conditions", [])
        return any(c["type"] == "Succeeded" and c["status"] != "Unknown" for c in conditions)

    async with killer.again_and_again(1.0, 6.0):
        await eventually(judged, "the run is judged", limit=600)
    assert killer.kills >= 3
    run = await first_run(cluster)
    assert run is not None
    # The next one waits for the cooldown: it is a RetrainRun, and no pipeline run.
    launched = [each for each in await kubeflow_runs(loop) if each["display_name"].startswith(f"{EAGER}-")]
    assert [each["run_id"] for each in launched] == [run["status"]["pipelineRun"]["id"]]


async def kubeflow_runs(loop: Loop) -> list[dict[str, Any]]:
    url = f"{loop.instance.kubeflow_url}/apis/v2beta1/runs?page_size=100"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        runs: list[dict[str, Any]] = (await answer.json()).get("runs", [])
    return runs
