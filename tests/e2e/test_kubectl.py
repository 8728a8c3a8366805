"""What people see and do with a plain kubectl: columns, describe, wait, refusals, and commands by annotation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.eager import EAGER, apply_eager_policy, first_run
from tests.e2e.loop import Loop, Object, candidate_weight, eventually, has_condition, make_namespace, quick_rollout

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright_playground.controlplane.build import binary
from modelwright_playground.demo.stage import apply

pytestmark = pytest.mark.e2e

NAMESPACE = "kubectl"
COMMAND = "modelwright.dev/command"


class Kubectl:
    def __init__(self, kubeconfig: Path) -> None:
        self._base = [
            str(binary("kubectl")),
            f"--kubeconfig={kubeconfig}",
            f"--cache-dir={kubeconfig.parent / 'cache'}",
        ]

    async def __call__(self, *arguments: str, stdin: str = "") -> str:
        """Standard output; AssertionError with what it said where it fails."""
        code, out, err = await self.run(*arguments, stdin=stdin)
        assert code == 0, f"kubectl {' '.join(arguments)}: {err}"
        return out

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*self._base, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
        out, err = await process.communicate(stdin.encode())
        return process.returncode or 0, out.decode(), err.decode()

    async def shows(self, expected: dict[str, str], *arguments: str) -> dict[str, str]:
        """The only row of `kubectl get`, once it has what is expected: the status follows what it is about."""
        rows: list[dict[str, str]] = []

        async def found() -> bool:
            rows[:] = await self.table(*arguments)
            return len(rows) == 1 and expected.items() <= rows[0].items()

        await eventually(found, f"kubectl get shows {expected}", situation=lambda: {"rows": rows})
        return rows[0]

    async def table(self, *arguments: str) -> list[dict[str, str]]:
        """The rows of `kubectl get`, by the names of their columns as they are printed."""
        header, *lines = (await self("get", *arguments)).splitlines()
        names = header.split()
        starts = [header.index(name) for name in names]
        ends = [*starts[1:], None]
        return [
            {name: line[start:end].strip() for name, start, end in zip(names, starts, ends, strict=True)}
            for line in lines
        ]


@pytest.fixture
def kubectl(loop: Loop) -> Kubectl:
    return Kubectl(loop.instance.kubeconfig)


@pytest.fixture
async def steered(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A rollout that has v2 at 10 % and stays there until somebody steers it."""
    name = request.node.name.removeprefix("test_")[:40].rstrip("_").replace("_", "-")
    await make_namespace(cluster, NAMESPACE)
    await apply(cluster, quick_rollout(name), NAMESPACE)
    await has_condition(cluster, MODEL_ROLLOUT, NAMESPACE, name, "Ready")
    model = {"version": "v2", "uri": "file:///models/v2"}
    await cluster.merge_patch(MODEL_ROLLOUT, NAMESPACE, name, {"spec": {"model": model}})
    await weighs(cluster, name, 10)
    yield name
    await cluster.delete(MODEL_ROLLOUT, NAMESPACE, name)


async def weighs(cluster: Cluster, name: str, weight: int) -> None:
    async def reached() -> bool:
        return await candidate_weight(cluster, NAMESPACE, name) == weight

    try:
        await eventually(reached, "")
    except AssertionError:
        raise AssertionError(f"never weight {weight}: {await status_of(cluster, name)}") from None


async def status_of(cluster: Cluster, name: str) -> Object:
    body = await cluster.get(MODEL_ROLLOUT, NAMESPACE, name)
    assert body is not None
    status: Object = body["status"]
    return status


async def command(kubectl: Kubectl, cluster: Cluster, name: str, verb: str, id_: str, revision: str) -> None:
    """Give a command, and wait until it is done."""
    await kubectl("-n", NAMESPACE, "annotate", "mro", name, "--overwrite", f"{COMMAND}={verb}/{id_}/{revision}")

    async def answered() -> Any:
        given = (await status_of(cluster, name)).get("command", {})
        return given if given.get("id") == id_ else None

    assert (await eventually(answered, f"{verb} is answered"))["outcome"] == "Done"


async def test_get_tells_the_story_of_a_retraining_in_columns(loop: Loop, cluster: Cluster, kubectl: Kubectl) -> None:
    await apply_eager_policy(loop, cluster)

    async def launched() -> Any:
        return ((await first_run(cluster)) or {}).get("status", {}).get("pipelineRun", {}).get("state")

    state = await eventually(launched, "a pipeline run is launched")
    assert state in ("PENDING", "RUNNING", "SUCCEEDED")
    armed = {"NAME": "eager", "READY": "True", "REASON": "Armed", "CHAMPION": "v1"}
    await kubectl.shows(armed, "-n", EAGER, "rp")
    first = await first_run(cluster)
    assert first is not None
    run = await kubectl.shows({"POLICY": "eager", "TRIGGER": "always"}, "-n", EAGER, "rr", first["metadata"]["name"])
    assert run["NAME"].startswith("eager-")
    assert run["PIPELINE"] in ("PENDING", "RUNNING", "SUCCEEDED")
    healthy = {"NAME": "eager", "PHASE": "Healthy", "STABLE": "v1", "READY": "True"}
    assert "AGE" in await kubectl.shows(healthy, "-n", EAGER, "mro")
    every = await kubectl("-n", EAGER, "get", "rp,rr,mro", "-o", "name")
    assert {line.split(".")[0] for line in every.split()} == {"retrainpolicy", "retrainrun", "modelrollout"}


async def test_get_tells_how_far_a_rollout_is(steered: str, kubectl: Kubectl) -> None:
    expected = {
        "PHASE": "Progressing",
        "STABLE": "v1",
        "CANDIDATE": "v2",
        "WEIGHT": "10",
        "STEP": "1",
        "READY": "False",
    }
    await kubectl.shows(expected, "-n", NAMESPACE, "mro", steered)


async def test_wait_for_ready_returns_once_the_first_version_serves(cluster: Cluster, kubectl: Kubectl) -> None:
    await make_namespace(cluster, NAMESPACE)
    await kubectl("-n", NAMESPACE, "apply", "-f", "-", stdin=json.dumps(quick_rollout("awaited")))
    said = await kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "mro/awaited", "--timeout=5m")
    assert said.strip() == "modelrollout.modelwright.dev/awaited condition met"
    assert (await status_of(cluster, "awaited"))["stable"]["version"] == "v1"


async def test_describe_gives_the_reasons(steered: str, kubectl: Kubectl) -> None:
    expected = ("RolloutStarted", "v2 against v1", "WeightRaised", "10 % to v2, step 1 of 2")
    said = ""

    async def all_is_said() -> bool:
        nonlocal said
        said = await kubectl("-n", NAMESPACE, "describe", "mro", steered)
        return all(words in said for words in expected)

    # Events are told after what they are about was done.
    await eventually(all_is_said, f"describe says {expected}", situation=lambda: {"said": said})


async def test_an_unknown_field_is_refused_with_its_name(cluster: Cluster, kubectl: Kubectl) -> None:
    await make_namespace(cluster, NAMESPACE)
    typo = json.dumps(quick_rollout("typo", promotion={"backTime": "1s"}))
    code, _, said = await kubectl.run("-n", NAMESPACE, "apply", "--validate=strict", "-f", "-", stdin=typo)
    assert code != 0
    assert 'unknown field "spec.promotion.backTime"' in said
    assert await cluster.get(MODEL_ROLLOUT, NAMESPACE, "typo") is None


async def test_promote_goes_on_without_the_rest_of_the_hold(steered: str, cluster: Cluster, kubectl: Kubectl) -> None:
    revision = (await status_of(cluster, steered))["candidate"]["revision"]
    await command(kubectl, cluster, steered, "promote", "1", revision)
    await weighs(cluster, steered, 50)
    await command(kubectl, cluster, steered, "promote", "2", revision)
    await has_condition(cluster, MODEL_ROLLOUT, NAMESPACE, steered, "Ready", "Promoted")
    assert (await status_of(cluster, steered))["stable"]["version"] == "v2"


async def test_abort_rejects_and_retry_tries_again(steered: str, cluster: Cluster, kubectl: Kubectl) -> None:
    revision = (await status_of(cluster, steered))["candidate"]["revision"]
    await command(kubectl, cluster, steered, "abort", "1", revision)
    await weighs(cluster, steered, 0)
    condition = await has_condition(cluster, MODEL_ROLLOUT, NAMESPACE, steered, "Stalled", "RolledBack")
    assert condition["message"] == "v2 was rejected: aborted by admin. v1 serves"
    await command(kubectl, cluster, steered, "retry", "2", revision)
    await weighs(cluster, steered, 10)
