"""Where a live model comes from, in one command: from its data to who let it through."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.retraining.builders import NEW_DIGEST, NOW, history, rollout, run

from modelwright.api.approval import ApprovalStatus
from modelwright.api.models import Model
from modelwright.api.run import EvaluationSummary, GateLine, PipelineRun
from modelwright.cli import drawing
from modelwright.cli.lineage import drawn, origins
from modelwright.errors import ModelwrightError

MODEL = Model("churn-run1", "file:///results/ml/churn-run1/model", NEW_DIGEST)
MADE = replace(
    run(),
    status=replace(
        run().status,
        pipeline_run=PipelineRun(
            id="kf-1", finished_at=NOW, duration=timedelta(minutes=62), cost="3.10 EUR", gpu_hours="1.03"
        ),
        evaluation=EvaluationSummary("file:///e.json", "sha256:c2", 5000, "sha256:9f", "sha256:7d", "sha256:3a"),
        gate=(GateLine("floor", "Pass", "accuracy 0.931 ≥ 0.90"),),
        approval=ApprovalStatus("0f3b", NEW_DIGEST, NOW, NOW, "Approved", "paula", NOW),
        model=MODEL,
    ),
)
SERVING = rollout(stable=MODEL, history=(history("churn-run1", "Promoted", NOW),)).status


def test_the_live_model_is_traced_back_to_its_data_in_the_order_in_which_it_happened() -> None:
    found = origins("churn", SERVING, False, MADE)
    assert list(found) == ["data", "trigger", "run", "evaluation", "gate", "approval", "model", "rollout"]
    assert found["data"] == {"trainingRows": "sha256:3a", "evaluationRows": "sha256:7d"}
    assert found["run"]["pipelineRun"] == "kf-1"
    assert (found["run"]["took"], found["run"]["cost"]) == ("1h2m", "3.10 EUR, 1.03 GPU-hours")
    assert found["approval"]["by"] == "paula"
    assert found["rollout"]["result"] == "Promoted"
    at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert (found["run"]["finishedAt"], found["approval"]["at"], found["rollout"]["at"]) == (at, at, at)
    console = drawing.console()
    with console.capture() as shown:
        console.print(drawn("churn", found))
    assert "floor  Pass  accuracy 0.931 ≥ 0.90" in shown.get()


def test_a_model_that_a_person_named_has_no_run() -> None:
    assert "no RetrainRun is known" in origins("churn", SERVING, False, None)["model"]["origin"]


def test_a_rollout_that_serves_nothing_has_no_lineage() -> None:
    with pytest.raises(ModelwrightError, match="has no candidate"):
        origins("churn", SERVING, True, None)
