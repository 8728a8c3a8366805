"""A server that is told to go loses no request, although its clients learn of it late."""

import asyncio
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from modelwright_playground.modelserver.model import Row
from modelwright_playground.world import CATEGORY, World

Starter = Callable[..., Any]
WORKERS = 4
AFTERWARDS = 50


async def test_no_request_is_lost_when_a_server_is_told_to_stop_under_load(
    http: aiohttp.ClientSession, server: Starter, models: Path, until_ready: Starter
) -> None:
    old, new = server(models / "good", DRAIN_SECONDS="6", MODEL_VERSION="old"), server(models / "good")
    await until_ready(old)
    await until_ready(new)
    answers: Counter[tuple[str, int]] = Counter()
    target = old
    row = World(1).customer("before").features

    async def gateway_learns() -> None:
        nonlocal target
        while True:
            async with http.get(f"{old.url}/v2/health/ready") as answer:
                if answer.status == 503:
                    target = new
                    return
            await asyncio.sleep(0.1)

    async def customer() -> None:
        while answers["v1", 200] < AFTERWARDS or old.popen.poll() is None:
            async with http.post(f"{target.url}/v2/models/churn/infer", json=body(row)) as answer:
                await answer.read()
                answers[answer.headers["x-model-version"], answer.status] += 1
            if answers["old", 200] == AFTERWARDS:
                old.popen.send_signal(signal.SIGTERM)

    # A refused or broken connection raises in the customer, and so fails the test.
    async with asyncio.TaskGroup() as group:
        group.create_task(gateway_learns())
        for _ in range(WORKERS):
            group.create_task(customer())
    assert {status for _, status in answers} == {200}
    assert answers["old", 200] >= AFTERWARDS
    assert (await old.ended())[0] == 0


def body(row: Row) -> dict[str, object]:
    inputs = [
        {"name": name, "datatype": "BYTES" if name == CATEGORY else "FP64", "shape": [1], "data": [value]}
        for name, value in row.items()
    ]
    return {"inputs": inputs}
