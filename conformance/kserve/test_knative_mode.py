"""Knative mode: what KServe and Knative make of the model and the percent that a rollout writes."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from conformance.kserve.stage import ROLLOUT, V1, V2, KServeStage
from modelwright.cluster.keys import INFERENCE_SERVICE
from modelwright.errors import Conflict

pytestmark = pytest.mark.usefixtures("knative")

ERRORS = {"name": "errors", "preset": "RequestErrors", "fastLimit": {"max": "0.05", "minEvents": 20}}
ANALYSIS = {"analysis": {"interval": "1s", "metrics": [ERRORS]}}
HALF_WAY = {"strategy": {"canary": {"steps": [{"weight": 50, "hold": "1h"}]}}}
FIRST, SECOND, THIRD = (f"0000{number}" for number in (1, 2, 3))


async def serve(stage: KServeStage) -> dict[str, Any]:
    """Have the first model serve, before anybody speaks of a rollout. What it asks for then."""
    await stage.put("Knative")

    async def serves() -> bool:
        entry = stage.journal.entries[-1]
        return entry.get("told") == [[FIRST, 100]] and FIRST in str(entry.get("roles", [])[2:])

    await stage.watch(serves)
    return copy.deepcopy((await stage.service())["spec"])


def shares(targets: list[list[Any]] | None) -> dict[str, int]:
    result: dict[str, int] = {}
    for name, percent, *_ in targets or ():
        result[name] = result.get(name, 0) + (percent or 0)
    return {name: percent for name, percent in result.items() if percent}


def divided(stage: KServeStage) -> list[dict[str, int]]:
    found = [shares(each) for each in stage.journal.all("divided") if each]
    return [each for number, each in enumerate(found) if not number or found[number - 1] != each]


def goes_through(seen: list[Any], states: list[Any]) -> bool:
    """Whether nothing but `states` was seen, in their order, up to the last. One that is short may be missed."""
    left = iter(states)
    return seen[-1] == states[-1] and all(any(each == state for state in left) for each in seen)


async def is_back(stage: KServeStage) -> bool:
    """Whether the rejected candidate is gone and nothing is left to be given back."""
    body = await stage.body()
    return bool(body.get("status", {}).get("rejected")) and not body["metadata"].get("finalizers")


async def test_a_candidate_gets_its_percent_then_all_and_git_may_follow_without_force(stage: KServeStage) -> None:
    await serve(stage)
    await stage.create(**ROLLOUT)

    async def arrived() -> bool:
        return await stage.serves("v2") and bool(await stage.condition("GitBehind"))

    await stage.play(arrived)
    assert goes_through(divided(stage), [{FIRST: 100}, {SECOND: 50, FIRST: 50}, {SECOND: 100}])
    assert goes_through(stage.journal.all("percent"), ["none", 0, 50, 100, "none"])
    with pytest.raises(Conflict):
        await stage.put("Knative")
    await stage.put("Knative", V2["uri"])

    async def followed() -> bool:
        return not await stage.condition("GitBehind")

    await stage.play(followed)
    assert divided(stage)[-1] == {SECOND: 100}


async def test_a_rollback_takes_its_percent_and_gives_back_what_there_was(stage: KServeStage) -> None:
    before = await serve(stage)
    await stage.create(**ROLLOUT | ANALYSIS | HALF_WAY)

    async def half_way() -> bool:
        return divided(stage)[-1] == {SECOND: 50, FIRST: 50}

    await stage.play(half_way)
    stage.looks.candidate_errors = 2_000

    async def back() -> bool:
        return await is_back(stage) and divided(stage)[-1] == {THIRD: 100}

    await stage.play(back)
    # All it was rolled back to is stable's model: the revision from before, then the one that the way back made.
    assert goes_through(divided(stage), [{FIRST: 100}, {SECOND: 50, FIRST: 50}, {FIRST: 100}, {THIRD: 100}])
    assert (await stage.service())["spec"] == before
    await stage.put("Knative", minReplicas=3)


async def test_with_all_traffic_it_still_goes_back_to_the_revision_from_before(stage: KServeStage) -> None:
    before = await serve(stage)
    await stage.create(**ROLLOUT | ANALYSIS | {"promotion": {"bakeTime": "1h", "scaleDownDelay": "0s"}})

    async def bakes() -> bool:
        return divided(stage)[-1] == {SECOND: 100} and SECOND in str(stage.journal.entries[-1]["roles"][2])

    await stage.play(bakes)
    stage.looks.candidate_errors = 2_000

    async def back() -> bool:
        return await is_back(stage) and divided(stage)[-1] == {THIRD: 100}

    await stage.play(back)
    shown = [{FIRST: 100}, {SECOND: 50, FIRST: 50}, {SECOND: 100}, {FIRST: 100}, {THIRD: 100}]
    assert goes_through(divided(stage), shown)
    assert (await stage.service())["spec"] == before


async def test_a_manifest_put_back_in_mid_rollout_is_told_with_its_writer(stage: KServeStage) -> None:
    await serve(stage)
    await stage.create(**ROLLOUT | HALF_WAY)

    async def half_way() -> bool:
        return bool(divided(stage)) and divided(stage)[-1] == {SECOND: 50, FIRST: 50}

    await stage.play(half_way)
    body = await stage.service()
    body["spec"]["predictor"].pop("canaryTrafficPercent")
    body["spec"]["predictor"]["model"]["storageUri"] = V1["uri"]
    await stage.cluster.json_patch(
        INFERENCE_SERVICE,
        stage.namespace,
        "fraud",
        [{"op": "replace", "path": "/spec", "value": body["spec"]}],
        manager="gitops",
    )

    async def paused() -> bool:
        return (await stage.body())["status"].get("paused") == "WeightLowered" and divided(stage)[-1] == {THIRD: 100}

    await stage.play(paused)
    assert "gitops" in str((await stage.body())["status"]["conditions"])
    # Until stable's new revision is ready KServe sends all traffic to the newest that is: the candidate's.
    assert goes_through(divided(stage), [{FIRST: 100}, {SECOND: 50, FIRST: 50}, {SECOND: 100}, {THIRD: 100}])
