"""Commands for people, on the real API server: they aim at the right revision, and tell what became of them."""

from __future__ import annotations

import asyncio
import json
from typing import Protocol

import pytest
import yaml
from tests.cli.commands import CANDIDATE, COMMAND, MOVING, REJECTED, STABLE, Shell, answer

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


@pytest.fixture
async def shell(control_plane: WithKubeconfig, cluster: Cluster, namespace: str) -> Shell:
    shell = Shell(cluster, control_plane.kubeconfig, namespace)
    await shell.create("churn", MOVING)
    return shell


@pytest.mark.parametrize(
    ("verb", "revision"),
    [
        ("promote", CANDIDATE),
        ("skip", CANDIDATE),
        ("promote-full", CANDIDATE),
        ("pause", CANDIDATE),
        ("resume", CANDIDATE),
        ("abort", CANDIDATE),
        ("retry", REJECTED),
        ("rollback", STABLE),
        ("pin", STABLE),
    ],
)
async def test_a_command_aims_at_the_right_revision_and_tells_its_outcome(
    shell: Shell, verb: str, revision: str
) -> None:
    typed = asyncio.create_task(shell.run(verb, "churn"))
    command = await shell.written("churn")
    assert (command.split("/")[0], command.split("/")[2]) == (verb, revision)
    await shell.tell("churn", answer(command, "Done"))
    told = await typed
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{verb} of revision {revision} by admin is done\n"


async def test_the_user_signs_the_command(shell: Shell) -> None:
    typed = asyncio.create_task(shell.run("abort", "churn"))
    await shell.tell("churn", answer(await shell.written("churn"), "Done"))
    await typed
    body = await shell.cluster.get(MODEL_ROLLOUT, shell.namespace, "churn")
    assert body
    assert body["metadata"]["annotations"]["modelwright.dev/actor"] == "admin"


async def test_a_refused_command_exits_with_one_and_says_why(shell: Shell) -> None:
    typed = asyncio.create_task(shell.run("resume", "churn"))
    await shell.tell("churn", answer(await shell.written("churn"), "Refused", "it is not paused"))
    told = await typed
    assert told.exit_code == 1
    assert "resume of revision 77d0aa91c2 by admin was refused: it is not paused" in told.stderr


async def test_a_command_that_nobody_answers_is_said_so(shell: Shell) -> None:
    told = await shell.run("promote", "churn", "--timeout", "0s")
    assert told.exit_code == 1
    assert "is the operator running?" in told.stderr


async def test_an_unanswered_command_is_replaced_by_abort_only(shell: Shell) -> None:
    await shell.run("promote", "churn", "--timeout", "0s")
    told = await shell.run("promote", "churn")
    assert told.exit_code == 1
    assert "is not answered yet, and may be replaced only by abort" in told.stderr
    before = await shell.written("churn")
    assert "is the operator running?" in (await shell.run("abort", "churn", "--timeout", "0s")).stderr
    assert await shell.written("churn") != before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("promote", "calm"), "no rollout is under way: there is nothing to promote"),
        (("retry", "calm"), "no revision is rejected: there is nothing to retry"),
        (("rollback", "calm"), "no other revision served before: name one with --to"),
        (("unpin", "calm"), "it is not pinned: there is nothing to unpin"),
        (("abort", "nobody"), "no ModelRollout 'nobody' in namespace"),
        (("status", "nobody", "--timeout", "0s"), "there are calm, churn"),
    ],
)
async def test_what_cannot_be_done_is_refused_before_anything_is_written(
    shell: Shell, arguments: tuple[str, ...], says: str
) -> None:
    body = await shell.create("calm", {"observedGeneration": 1, "stable": MOVING["stable"]})
    told = await shell.run(*arguments)
    assert told.exit_code == 1
    assert says in told.stderr
    assert await shell.cluster.get(MODEL_ROLLOUT, shell.namespace, "calm") == body


async def test_status_waits_for_the_decision_and_exits_by_it(shell: Shell) -> None:
    assert (await shell.run("status", "churn", "--timeout", "0s")).exit_code == 2
    waiting = asyncio.create_task(shell.run("status", "churn"))
    done = {**MOVING["conditions"][0], "status": "True", "reason": "Promoted", "message": "v12 serves all traffic"}
    await shell.tell("churn", {"phase": "Healthy", "conditions": [done]})
    told = await waiting
    assert (told.exit_code, told.stdout) == (0, "Healthy  Promoted: v12 serves all traffic\n")
    stalled = {**done, "type": "Stalled", "reason": "RolledBack", "message": "errors 0.031 > 0.01"}
    await shell.tell("churn", {"conditions": [stalled]})
    told = await shell.run("status", "churn")
    assert (told.exit_code, told.stdout) == (1, "Degraded  RolledBack: errors 0.031 > 0.01\n")


async def test_get_shows_one_and_all_in_every_form(shell: Shell) -> None:
    assert f"ModelRollout {shell.namespace}/churn  Progressing" in (await shell.run("get", "churn")).stdout
    assert (await shell.run("get")).stdout.splitlines()[0].split()[0] == "NAME"
    assert "25 % to v12" in (await shell.run("get", "-o", "wide")).stdout
    assert shell.namespace in (await shell.run("get", "-A")).stdout
    body = json.loads((await shell.run("get", "churn", "-o", "json")).stdout)
    assert (body["kind"], body["status"]["candidate"]["revision"]) == ("ModelRollout", CANDIDATE)
    listed = yaml.safe_load((await shell.run("get", "-o", "yaml")).stdout)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["churn"]
    assert COMMAND not in str(listed)


async def test_without_a_cluster_it_says_what_is_needed(shell: Shell) -> None:
    nowhere = Shell(shell.cluster, "/nonexistent/kubeconfig", shell.namespace)
    told = await nowhere.run("get")
    assert told.exit_code == 1
    assert "name a kubeconfig" in told.stderr
