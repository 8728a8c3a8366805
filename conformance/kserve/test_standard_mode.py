"""Standard mode: the pods and routes that KServe makes of `spec.canary`, and of its own promotion."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from conformance.kserve.stage import ROLLOUT, V1, V2, KServeStage
from modelwright.cluster.access import FIELD_MANAGER
from modelwright.cluster.keys import INFERENCE_SERVICE, POD
from modelwright.errors import Conflict, InvalidSpec
from modelwright.traffic.kserve import standard
from modelwright.traffic.kserve.service import Arms

ARMS = Arms(V1["uri"], V2["uri"], "mw-b", 0)
STABLE, CANDIDATE = "fraud-predictor", "fraud-mw-b-predictor"


async def serve(stage: KServeStage, **predictor: Any) -> None:
    """Have the first model serve, before anybody speaks of a rollout."""
    await stage.put("Standard", **predictor)

    async def serves() -> bool:
        return set((await stage.journal.look()).get("routes", ())) == {"fraud", STABLE}

    await stage.watch(serves)


async def patch(stage: KServeStage, decide: Callable[[dict[str, Any]], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Write what `decide` makes of the InferenceService, again where KServe came between."""
    while True:
        operations = decide(await stage.service())
        assert operations
        try:
            await stage.cluster.json_patch(
                INFERENCE_SERVICE, stage.namespace, "fraud", operations, manager=FIELD_MANAGER, strict=True
            )
        except Conflict:
            continue
        return operations


async def pods(stage: KServeStage, deployment: str) -> set[str]:
    found = await stage.cluster.list(POD, stage.namespace, {"app": f"isvc.{deployment}"})
    return {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


async def test_a_rollout_finds_out_that_no_route_divides_before_anybody_is_sent(stage: KServeStage) -> None:
    await serve(stage)
    before = copy.deepcopy((await stage.service())["spec"])
    await stage.create(**ROLLOUT)

    async def stalled() -> bool:
        return (await stage.condition("Stalled")).get("reason") == "UnsupportedKServe"

    await stage.play(stalled)
    for routes in stage.journal.all("routes")[1:]:
        assert {ref[0] for rules in routes.values() for rule in rules for ref in rule} == {STABLE}
    # Stable's pods are fewer from the moment that the candidate is placed.
    placed = next(entry for entry in stage.journal.entries if len(entry.get("autoscalers", ())) == 2)
    assert placed["autoscalers"][STABLE] == [1, 1]
    await stage.command("abort")

    async def tidied() -> bool:
        spec = (await stage.service())["spec"]
        return spec == before and set((await stage.journal.look())["deployments"]) == {STABLE}

    await stage.play(tidied)


async def test_its_promotion_keeps_the_pods_of_the_candidate(stage: KServeStage) -> None:
    await serve(stage)
    await patch(stage, lambda body: standard.place(body, V2["uri"], ARMS, 1))

    async def has_pods() -> bool:
        return bool(await pods(stage, CANDIDATE)) and bool((await stage.journal.look()).get("canaryStatuses"))

    await stage.watch(has_pods)
    await patch(stage, lambda body: standard.weigh(body, 100, ARMS, raises=True))
    await stage.journal.look()
    before = await pods(stage, CANDIDATE)
    await patch(stage, lambda body: standard.take(body, ARMS))

    async def retargeted() -> bool:
        entry = await stage.journal.look()
        return set(entry["deployments"]) == {CANDIDATE} and CANDIDATE in entry["routes"]

    await stage.watch(retargeted)
    assert before <= await pods(stage, CANDIDATE)
    routes = stage.journal.entries[-1]["routes"]
    assert routes["fraud"] == routes[CANDIDATE] == [[[CANDIDATE, 1]]]
    # It leads to a Service that is gone, and is nobody's to confirm.
    assert routes[STABLE] == [[[STABLE, 1]]]


@pytest.mark.parametrize(("asked", "mode"), [("RawDeployment", "Standard"), ("Serverless", "Knative")])
async def test_the_webhook_gives_the_former_modes_their_new_names(stage: KServeStage, asked: str, mode: str) -> None:
    await stage.put(asked)
    assert (await stage.service())["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == mode


async def test_the_webhook_takes_our_entry_as_it_is_and_none_with_more_pods_than_stable(stage: KServeStage) -> None:
    await stage.put("Standard", minReplicas=2)
    with pytest.raises(InvalidSpec, match="must not exceed stable"):
        await patch(stage, lambda body: standard.place(body, V2["uri"], ARMS, 3))
    wanted = await patch(stage, lambda body: standard.place(body, V2["uri"], ARMS, 2))
    (entry,) = (await stage.service())["spec"]["canary"]
    entry["predictor"]["model"].pop("resources")
    assert [entry] == wanted[-1]["value"]


async def test_the_webhook_takes_the_predictors_new_name_only_together_with_its_model(stage: KServeStage) -> None:
    await stage.put("Standard")
    with pytest.raises(InvalidSpec, match="requires a model change"):
        await patch(stage, lambda _: [{"op": "add", "path": "/spec/predictor/name", "value": "mw-b"}])


async def test_the_webhook_refuses_an_entry_in_knative_mode(stage: KServeStage) -> None:
    await stage.put("Knative")
    with pytest.raises(InvalidSpec, match="only supported in Standard"):
        await patch(stage, lambda body: standard.place(body, V2["uri"], ARMS, 1))
