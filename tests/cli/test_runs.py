"""`modelwright runs`: what each attempt was for, what came of it, and what it cost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from io import StringIO

from rich.console import Console
from tests.retraining.builders import NOW, finished_run, run

from modelwright.api.budget import Spending
from modelwright.api.policy import Pending, PolicyStatus
from modelwright.api.run import PipelineRun, RetrainRun
from modelwright.cli.runs import story


def shown(status: PolicyStatus, *runs: RetrainRun) -> list[str]:
    console = Console(file=StringIO(), width=200)
    for drawn in story(status, runs):
        console.print(drawn)
    assert isinstance(console.file, StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_the_newest_run_comes_first_with_its_cost_and_what_waits_above() -> None:
    done = finished_run(1, NOW)
    cost = PipelineRun(NOW, duration=timedelta(minutes=90), cost="4.50 EUR", gpu_hours="3.00")
    done = replace(done, status=replace(done.status, pipeline_run=cost))
    waits = Pending("Budget", "6.00 EUR of 6.00 EUR per day are spent", NOW, run="churn-run2")
    lines = shown(PolicyStatus(pending=waits, spending=Spending(1, "4.50 EUR, 3.00 GPU-hours")), done, run(2))
    assert lines == [
        "spent this month: 4.50 EUR, 3.00 GPU-hours",
        "Budget: 6.00 EUR of 6.00 EUR per day are spent",
        "RUN TRIGGERS CREATED (UTC) RESULT TOOK COST",
        "churn-run2 accuracy 2026-11-21 08:00 Pending - -",
        "churn-run1 accuracy 2026-11-21 08:00 GateRejected 1h30m 4.50 EUR, 3.00 GPU-hours",
    ]
