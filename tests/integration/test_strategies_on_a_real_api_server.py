"""Every strategy once, from end to end on a real API server: what it asks of the route, in order."""

from __future__ import annotations

from typing import Any

import pytest
from tests.integration.stage import Stage

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
