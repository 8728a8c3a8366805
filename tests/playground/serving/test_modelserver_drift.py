"""The preset ModelwrightMonitor on real parts: a model that is made, served, scraped by Prometheus, and asked about."""

import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.metrics.exporting import RealPrometheus, found
from tests.pipelines.rows import customers, write

from modelwright.api.drift import DriftPreset, drift_value
from modelwright.metrics.asking import Asker
from modelwright.metrics.questions import Look, ValueLook, ValueQuestion
from modelwright.metrics.variables import render, selector
from modelwright_playground.world import CATEGORY, COLUMNS, World

MAKE = "import sys; from modelwright_pipelines.make_model import main; main(sys.argv[1:])"
CHAMPION = {"namespace": "ml", "rollout": "churn", "revision": "77d0aa91c2"}
ROWS = 900
MOVED = {"monthly_charge": 25.0, "data_gb": 12.0}


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[RealPrometheus]:
    (tmp_path / "prometheus").mkdir()
    prometheus = RealPrometheus(tmp_path / "prometheus")
    yield prometheus
    prometheus.close()


def batch(size: int, seed: int, moved: dict[str, float]) -> dict[str, Any]:
    """A request of many rows, some of whose numbers have moved away from those of training."""
    rows = [customer.features for customer in World(seed, 0.0).customers(size, "before")]
    data = {name: [row[name] + moved[name] if name in moved else row[name] for row in rows] for name in COLUMNS}  # type: ignore[operator]
    return {
        "inputs": [
            {"name": name, "datatype": "BYTES" if name == CATEGORY else "FP64", "shape": [size], "data": values}
            for name, values in data.items()
        ]
    }


def looked(prometheus: RealPrometheus, rows: int) -> ValueLook:
    """What the trigger sees once as many rows are scraped."""
    value, variables = drift_value(DriftPreset.MODELWRIGHT_MONITOR, None, None), {"champion": selector(**CHAMPION)}
    query, samples = render(value.query, variables), render(value.samples, variables)
    question = ValueQuestion("real", "drift", "champion", query, samples, timedelta(seconds=1))

    def ask() -> Look:
        return Asker({"real": prometheus.source}).ask(question)

    look = found(ask, lambda look: isinstance(look, ValueLook) and look.samples == rows)
    assert isinstance(look, ValueLook), look
    assert look.samples == rows
    return look


async def test_a_served_model_tells_which_share_of_its_features_has_drifted(
    http: aiohttp.ClientSession,
    server: Callable[..., Any],
    until_ready: Callable[..., Any],
    ml: Callable[..., str],
    metric: Callable[..., Awaitable[float]],
    prometheus: RealPrometheus,
    tmp_path: Path,
) -> None:
    lake = write(tmp_path / "lake", [row for row in customers(1500) if row["features"][CATEGORY] != "student"])
    made = json.loads(ml(MAKE, "--data", lake, "--out", str(tmp_path / "model")).splitlines()[-1])
    process = server(tmp_path / "model", MODEL_DIGEST=made["digest"])
    await until_ready(process)
    prometheus.scrape_process(f"127.0.0.1:{process.port}", **CHAMPION)

    async def send(size: int, seed: int, moved: dict[str, float]) -> None:
        url = f"{process.url}/v2/models/churn/infer"
        async with http.post(url, json=batch(size, seed, moved)) as answer:
            assert answer.status == 200, await answer.text()

    await send(ROWS, 5, {})
    assert looked(prometheus, ROWS).value == 0
    for seed in (6, 7, 8):
        await send(ROWS, seed, MOVED)
    assert looked(prometheus, 4 * ROWS).value == pytest.approx(2 / len(COLUMNS))
    assert await metric(process, "modelwright_drift_effect", feature="monthly_charge") > 0.2
    assert await metric(process, "modelwright_drift_effect", feature="tenure_months") < 0.05


async def test_a_model_that_does_not_state_its_training_rows_says_nothing_of_drift(
    http: aiohttp.ClientSession, server: Callable[..., Any], until_ready: Callable[..., Any], models: Path
) -> None:
    process = server(models / "good")
    await until_ready(process)
    async with http.get(f"{process.url}/metrics") as answer:
        assert "modelwright_drift" not in await answer.text()
