"""Whole rollouts over a VirtualService: istiod makes of it what Envoy does, and requests show what that is."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.e2e.loop import eventually

from conformance.istio import manifests
from conformance.istio.mesh import TESTER, Mesh
from conformance.istio.sightings import Sightings, watched
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import VIRTUAL_SERVICE
from modelwright.errors import InvalidSpec, ModelwrightError
from modelwright_playground.demo.stage import apply

PAUSE: dict[str, Any] = {"pause": {}}
TESTERS = {"match": {"headers": [{"name": "X-Tester", "value": "1"}]}, "hold": "1s"}
UNREACHABLE, INEFFECTIVE = "IST0130", "IST0131"

pytestmark = pytest.mark.timeout(900)


async def answered_by(mesh: Mesh, *versions: str, headers: dict[str, str] | None = None) -> None:
    """Nobody says when Envoy has followed a VirtualService: wait until the right ones answer, and no other."""

    async def they_answer() -> bool:
        return set(await mesh.answers(40, headers)) == set(versions)

    began = time.monotonic()
    await eventually(they_answer, f"{versions} answer", situation=lambda: {"headers": headers})
    mesh.notes.append(
        f"{' and '.join(versions)} answered {'testers ' if headers else ''}within {time.monotonic() - began:.1f} s"
    )


async def unused_entries_are_told(mesh: Mesh, cluster: Cluster) -> None:
    """While requests are copied the user's entry stands behind one with the same matches: istiod's analysis says so."""

    async def told() -> bool:
        return bool(await mesh.advice(cluster))

    await eventually(told, "istiod says what it thinks of the VirtualService")
    advice = await mesh.advice(cluster)
    mesh.notes.append(f"while requests are copied, istiod's analysis says {', '.join(advice)}")
    assert set(advice) <= {UNREACHABLE, INEFFECTIVE}


async def nothing_but_ours_changed(mesh: Mesh, sightings: Sightings) -> None:
    """In all that was seen only weights and our entries differ; at the end nothing does, and nobody complained."""
    written = manifests.virtual_service()
    assert [manifests.theirs(spec) for spec in sightings.specs] == [manifests.theirs(written["spec"])] * len(
        sightings.specs
    )
    live = await sightings.live()
    assert live["spec"] == written["spec"]

    complaints: dict[str, Any] = {}

    async def nobody_complains() -> bool:
        nonlocal complaints
        complaints = await mesh.complaints(sightings.cluster)
        return not complaints

    # Its status follows a moment later.
    await eventually(nobody_complains, "nobody in the mesh complains", situation=lambda: complaints)
    entries = [(entry["manager"], entry.get("subresource", "")) for entry in live["metadata"]["managedFields"]]
    assert [manager for manager, subresource in entries if subresource != "status"] == ["demo"]
    # Its owner's next change needs no force.
    changed = manifests.virtual_service()
    changed["spec"]["http"][1]["timeout"] = "21s"
    for body in (changed, manifests.virtual_service()):
        await sightings.cluster.apply(VIRTUAL_SERVICE, body, manager="demo", force=False)


async def test_a_canary_is_promoted_without_a_failed_request(mesh: Mesh, cluster: Cluster) -> None:
    steps = [{"weight": 25, "hold": "2s"}, PAUSE, {"weight": 50, "hold": "2s"}]
    async with watched(cluster) as sightings:
        errors = await mesh.clients_errors()
        await answered_by(mesh, "v1")
        await apply(cluster, manifests.release(mesh.loop, "v2", mesh.loop.v2, steps), "ml")
        await sightings.paused_at(2)
        assert manifests.weights((await sightings.live())["spec"]) == (75, 25)
        await answered_by(mesh, "v1", "v2")
        counted = await mesh.answers(600)
        mesh.notes.append(f"weight 25: {counted['v2']} of 600 answers were the candidate's")
        assert 97 <= counted["v2"] <= 203  # 150 are due; five standard deviations are 53
        assert counted["v1"] == 600 - counted["v2"]
        assert await mesh.ask(path="/docs") == "200 read me"
        await sightings.command("promote", 1)
        await sightings.at_rest("Promoted", "v2")
        await answered_by(mesh, "v2")
        assert await mesh.clients_errors() == errors
        assert sightings.candidate_weights() == [0, 25, 50, 100, 0]
        await nothing_but_ours_changed(mesh, sightings)


async def test_copies_and_testers_reach_the_candidate_by_entries_before_the_users(mesh: Mesh, cluster: Cluster) -> None:
    steps = [{"shadow": 50, "hold": "1s"}, PAUSE, TESTERS, PAUSE, {"weight": 50, "hold": "1h"}]
    async with watched(cluster) as sightings:
        old = (await sightings.rollout())["status"]["stable"]["version"]
        await apply(cluster, manifests.release(mesh.loop, "v3", mesh.loop.v1, steps), "ml")
        await sightings.paused_at(2)
        await unused_entries_are_told(mesh, cluster)
        before = await mesh.requests()

        async def enough_are_copied() -> bool:
            return (await mesh.requests())["stable"] >= before["stable"] + 600

        await eventually(enough_are_copied, "the load goes on")
        after = await mesh.requests()
        asked, copied = (after[arm] - before[arm] for arm in ("stable", "candidate"))
        mesh.notes.append(f"shadow 50: {copied} of {asked} requests were copied")
        assert 0.39 <= copied / asked <= 0.61  # five standard deviations of 600
        assert set(await mesh.answers(100)) == {old}

        await sightings.command("promote", 2)
        await sightings.paused_at(4)
        await answered_by(mesh, "v3", headers=TESTER)
        assert set(await mesh.answers(100)) == {old}
        assert set(await mesh.answers(20, {"x-tester": "2"})) == {old}
        assert await mesh.ask(TESTER, "/docs") == "200 read me"
        assert manifests.made((await sightings.live())["spec"]) == ["modelwright/churn/testers/1"]

        await sightings.command("abort", 3)
        await sightings.at_rest("Aborted", "v3")
        await answered_by(mesh, old)
        await answered_by(mesh, old, headers=TESTER)
        assert max(sightings.candidate_weights()) == 0
        await nothing_but_ours_changed(mesh, sightings)


async def test_a_bad_model_is_rolled_back_to_weight_0(mesh: Mesh, cluster: Cluster) -> None:
    async with watched(cluster) as sightings:
        old = (await sightings.rollout())["status"]["stable"]["version"]
        steps = [{"weight": 20, "hold": "10m"}]
        await apply(cluster, manifests.release(mesh.loop, "hotfix", mesh.loop.hotfix, steps), "ml")
        status = await sightings.at_rest("RolledBack", "hotfix")
        assert "hotfix" in [entry["version"] for entry in status["rejected"]]
        await answered_by(mesh, old)
        before = await mesh.requests()
        assert set(await mesh.answers(200)) == {old}
        assert (await mesh.requests())["candidate"] == before["candidate"]
        assert sightings.candidate_weights() == [0, 20, 0]
        await nothing_but_ours_changed(mesh, sightings)
    # Git takes the bad model back.
    await apply(cluster, manifests.release(mesh.loop, old, mesh.loop.v2 if old == "v2" else mesh.loop.v1, steps), "ml")


async def test_istiod_would_have_refused_what_is_wrong(mesh: Mesh, cluster: Cluster) -> None:
    wrong = manifests.virtual_service()
    wrong["spec"]["http"][1]["redirect"] = {"uri": "/elsewhere"}
    with pytest.raises(ModelwrightError, match=r"validation\.istio\.io") as refusal:
        await cluster.apply(VIRTUAL_SERVICE, wrong, manager="demo", force=False)
    assert isinstance(refusal.value, InvalidSpec)
    mesh.notes.append(f"istiod refuses: {str(refusal.value)[:200]}")
