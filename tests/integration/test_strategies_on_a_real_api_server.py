"""Every strategy once, from end to end on a real API server: what it asks of the route, in order."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.integration.stage import SPEC, Stage

V2 = {"model": {"version": "v2", "uri": "s3://models/churn/v2"}}
TESTERS = {"headers": [{"name": "x-tester", "value": "1"}]}
STEPS = [
    {"shadow": 20, "hold": "1s"},
    {"match": TESTERS, "hold": "1s"},
    {"weight": 50, "hold": "1s"},
    {"pause": {}},
]


class Watcher:
    """Notes what the route gives the candidate, each time that changes, and promotes where a person is awaited."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seen: list[str] = []
        self.awaited: list[str] = []

    async def look(self) -> dict[str, Any]:
        body = await self.stage.body()
        status = body["status"]
        found = _said((await self.stage.route())["spec"]["rules"])
        if self.seen[-1:] != [found]:
            self.seen.append(found)
        if status.get("paused") in ("Paused", "ApprovalRequired"):
            self.awaited.append(status["paused"])
            command = f"promote/{len(self.awaited)}/{status['candidate']['revision']}"
            await self.stage.annotate({"modelwright.dev/command": command})
        return dict(status)


def _said(rules: list[dict[str, Any]]) -> str:
    everybody = rules[-1]
    (mirror,) = [item["requestMirror"]["percent"] for item in everybody.get("filters", [])] or [0]
    testers = " testers" if len(rules) > 1 else ""
    return f"{everybody['backendRefs'][1]['weight']}/{mirror}{testers}"


@pytest.mark.parametrize(
    ("strategy", "expected", "awaited"),
    [
        (
            {"canary": {"steps": STEPS}},
            ["0/0", "0/20", "0/0 testers", "50/0", "100/0", "0/0"],
            ["Paused"],
        ),
        (
            {"blueGreen": {"previewHold": "1s", "promote": "WhenApproved"}},
            ["0/0", "100/0", "0/0"],
            ["ApprovalRequired"],
        ),
        ({"shadow": {"percent": 20, "hold": "1s", "onPassed": "Promote"}}, ["0/0", "0/20", "100/0", "0/0"], []),
    ],
    ids=["canary", "blue-green", "shadow"],
)
async def test_a_new_version_goes_live_by(
    stage: Stage, strategy: dict[str, Any], expected: list[str], awaited: list[str]
) -> None:
    await stage.create(strategy=strategy)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    watcher = Watcher(stage)

    async def live() -> bool:
        await watcher.look()
        return await stage.serves("v2")

    await stage.play(live)
    assert watcher.seen == expected
    assert watcher.awaited == awaited


async def test_a_shadow_concludes_and_leaves_stable_where_it_is(stage: Stage) -> None:
    await stage.create(strategy={"shadow": {"percent": 20, "hold": "1s"}})
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    watcher = Watcher(stage)

    async def concluded() -> bool:
        status = await watcher.look()
        return status.get("paused") == "Concluded" and await stage.serves("v1")

    await stage.play(concluded)
    assert watcher.seen == ["0/0", "0/20", "0/0"]
    assert (await stage.body())["status"]["history"][0]["result"] == "Concluded"


AB_TEST: dict[str, Any] = {
    "strategy": {
        "abTest": {
            "audience": {"split": {"percent": 50, "by": {"cookie": "bucket"}}},
            "minDuration": "1s",
            "maxDuration": "2h",
        }
    },
    "analysis": {
        "interval": "1s",
        "metrics": [
            {"name": "errors", "preset": "RequestErrors"},
            {
                "name": "conversion",
                "role": "Goal",
                "proportion": {"events": "buyers{$(selector)}", "total": "users{$(selector)}", "unit": "User"},
                "compare": {"stable": {"minIncrease": "0", "maxDecrease": "0.01", "wholeWeeks": "Optional"}},
            },
        ],
    },
}


@pytest.mark.parametrize(
    ("bought", "expected", "result"),
    [
        (3_000, ["0/0", "0/0 testers", "100/0", "0/0"], "Promoted"),
        (1_000, ["0/0", "0/0 testers", "0/0"], "RolledBack"),
        (2_000, ["0/0", "0/0 testers", "0/0"], "Concluded"),
    ],
    ids=["better", "worse", "no better"],
)
async def test_an_ab_test_is_decided_by_its_goal(stage: Stage, bought: int, expected: list[str], result: str) -> None:
    stage.looks.bought["candidate"] = bought
    strategy = copy.deepcopy(AB_TEST["strategy"])
    if result == "Concluded":
        strategy["abTest"]["maxDuration"] = "3s"
    await stage.create(**{**AB_TEST, "strategy": strategy})
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    watcher, heard = Watcher(stage), []

    async def settled() -> bool:
        status = await watcher.look()
        rules = (await stage.route())["spec"]["rules"]
        if len(rules) > 1:
            heard.append(rules[0]["matches"][0]["headers"][0])
        return bool(status["history"][0]["version"] == "v2" and "stage" not in status)

    await stage.play(settled)
    assert watcher.seen == expected
    assert {(header["name"].lower(), header["type"]) for header in heard} == {("cookie", "RegularExpression")}
    status = (await stage.body())["status"]
    assert status["history"][0]["result"] == result
    assert status["stable"]["version"] == ("v2" if result == "Promoted" else "v1")
    assert bool(status.get("rejected")) == (result == "RolledBack")


async def test_a_control_stays_behind_and_no_deployment_tool_waits_for_it(stage: Stage) -> None:
    traffic = {**SPEC["traffic"], "confirm": "RouteAccepted"}
    promotion = {**SPEC["promotion"], "holdback": {"weight": 10, "for": "2s"}}
    await stage.create(traffic=traffic, promotion=promotion)
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(V2)
    watcher, ready = Watcher(stage), []

    async def live() -> bool:
        await watcher.look()
        if await stage.condition("Holdback"):
            ready.append(await stage.condition("Ready"))
        return await stage.serves("v2")

    await stage.play(live)
    assert watcher.seen == ["0/0", "50/0", "90/0", "100/0", "0/0"]
    assert {(one["status"], one["reason"]) for one in ready} == {("True", "Holdback")}
