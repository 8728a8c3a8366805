"""The committed pipeline, run for real: labelled rows of the playground's world in, a judged model out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from tests.playground.kubeflow.server import Server

from modelwright.api.gate import AgainstChampion, Check, DeclaredSlices, FindingsCheck, Gate, Severity
from modelwright.api.metrics import Bounds
from modelwright.api.models import Model
from modelwright.api.policy import Champion
from modelwright.kubeflow.digest import digest_folder
from modelwright.kubeflow.evaluation_parsing import parse_evaluation
from modelwright.retraining.plan.gate import GateInput, judge, judge_champion
from modelwright.retraining.plan.recipe import recipe_digest
from modelwright_playground.world import Concept, World

SOUND = ("leakage", "label rate jump", "null rate jump", "signature", "scan", "robustness")
START = datetime(2026, 11, 21, 8, tzinfo=UTC)


def lake(folder: Path, seed: int, concept: Concept, count: int, start: datetime) -> str:
    """Writes labelled customers, ten a second, and returns the lake's URI."""
    file = folder / "labelled" / f"{concept}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as out:
        for number, customer in enumerate(World(seed).customers(count, concept)):
            time = start + timedelta(milliseconds=100 * number)
            row = {
                "id": f"{folder.name}-{concept}-{number}",
                "time": time.isoformat(),
                "labelTime": (time + timedelta(seconds=2)).isoformat(),
                "features": customer.features,
                "label": customer.label,
            }
            out.write(json.dumps(row) + "\n")
    return folder.as_uri()


def champion(repo: Path, data: str, folder: Path) -> dict[str, Any]:
    """A model trained on these rows, by the command that the demo uses."""
    python = repo / "pipelines" / ".venv" / "bin" / "python"
    command = [str(python), "-m", "modelwright_pipelines.make_model", "--data", data, "--out", str(folder)]
    environment = {"PYTHONPATH": str(repo / "pipelines")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def times(document: dict[str, Any], period: str) -> Iterable[datetime]:
    return (datetime.fromisoformat(document[period][end]) for end in ("from", "to"))


def test_a_retrained_model_is_judged_beside_the_champion_on_rows_that_neither_has_seen(
    kubeflow: Server, tmp_path: Path
) -> None:
    repo = kubeflow.instance.repo
    best = champion(repo, lake(tmp_path / "old", 1, "before", 1500, START), tmp_path / "champion")
    data = lake(tmp_path / "lake", 1, "before", 1500, START)
    drifted = START + timedelta(hours=1)
    lake(tmp_path / "lake", 2, "after", 2000, drifted)
    anchor = lake(tmp_path / "anchor", 3, "after", 300, START)
    result = tmp_path / "results" / "ml" / "churn-1" / "evaluation.json"
    spec = yaml.safe_load((repo / "pipelines" / "compiled" / "churn-training.yaml").read_text())
    run = kubeflow.ended(
        kubeflow.create_run(
            spec,
            data=data,
            since=drifted.isoformat(),
            result_uri=result.as_uri(),
            run_uid="uid-1",
            run_name="churn-1",
            champion_uri=best["uri"],
            champion_digest=best["digest"],
            slices="plan",
            comparison_confidence=0.983334,
            anchor=anchor,
        ),
        120,
    )
    assert run.error is None
    assert [task.display_name for task in run.run_details.task_details] == ["ingest", "validate", "train", "evaluate"]
    document = json.loads(result.read_text())
    schema = json.loads((repo / "pipelines" / "modelwright_pipelines" / "evaluation.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(document)
    # The operator's own reading of the same contract.
    evaluation = parse_evaluation(document)

    assert document["runUid"] == "uid-1"
    assert document["champion"] == {"digest": best["digest"], "rescored": "Yes"}
    assert document["model"]["uri"] == (result.parent / "model").as_uri()
    assert document["model"]["digest"] == digest_folder(result.parent / "model") != best["digest"]
    (trained, until), (since, _) = times(document, "train"), times(document, "evaluate")
    assert trained == drifted
    assert since >= until + timedelta(seconds=2)
    assert document["overlap"] == {"rows": 0, "entities": 0}
    assert document["metrics"]["accuracy"]["value"] > 0.85
    assert document["comparisons"]["accuracy"]["low"] > 0.05
    assert {each["value"] for each in document["slices"]} >= {"basic", "standard", "premium", "family"}
    checks = (
        Check("slices", "accuracy", slices=DeclaredSlices(Bounds(min=Decimal("0.5")), 20, ("plan=basic",))),
        Check("anchor", "accuracy", champion=AgainstChampion(min_increase=Decimal("0.02")), dataset=anchor),
        Check("better", "accuracy", champion=AgainstChampion(min_increase=Decimal("0.02"))),
        Check("fair", "parity_gap", bounds=Bounds(max=Decimal("0.9"))),
        Check("small", "size", bounds=Bounds(max=Decimal("1000000"))),
        Check("fast", "latency", bounds=Bounds(max=Decimal("1"))),
        Check("sound", findings=FindingsCheck(Severity.WARNING, SOUND)),
    )
    serving = Champion("r", Model("v", best["uri"], best["digest"]), "churn")
    lines = judge(
        GateInput(
            "uid-1", evaluation, document["model"]["digest"], serving, {}, Gate(checks, 3), recipe_digest(evaluation)
        )
    )
    assert [line for line in lines if line.verdict != "Pass"] == []


def test_a_champion_is_judged_again_on_rows_that_came_after_its_own_and_nothing_is_trained(
    kubeflow: Server, tmp_path: Path
) -> None:
    repo = kubeflow.instance.repo
    data = lake(tmp_path / "lake", 1, "before", 1500, START)
    best = champion(repo, data, tmp_path / "champion")
    lake(tmp_path / "lake", 2, "after", 600, START + timedelta(hours=1))
    result = tmp_path / "results" / "ml" / "churn-2" / "evaluation.json"
    spec = yaml.safe_load((repo / "pipelines" / "compiled" / "churn-training.yaml").read_text())
    run = kubeflow.ended(
        kubeflow.create_run(
            spec,
            data=data,
            since=(START + timedelta(hours=1)).isoformat(),
            result_uri=result.as_uri(),
            run_uid="uid-2",
            champion_uri=best["uri"],
            champion_digest=best["digest"],
            purpose="Evaluate",
        ),
        120,
    )
    assert run.error is None
    assert [file.name for file in result.parent.iterdir()] == ["evaluation.json"]
    evaluation = parse_evaluation(json.loads(result.read_text()))
    assert evaluation.model.digest == best["digest"]
    serving = Champion("r", Model("v", best["uri"], best["digest"]), "churn")
    floor = Check("floor", "accuracy", bounds=Bounds(min=Decimal("0.85")))
    lines = judge_champion(GateInput("uid-2", evaluation, "", serving, {}, Gate((floor,))))
    # It was trained before the concept changed, and shows it.
    assert [line.check for line in lines if line.verdict != "Pass"] == ["floor"]


def test_too_few_rows_fail_the_run_with_what_was_found_and_what_is_needed(kubeflow: Server, tmp_path: Path) -> None:
    repo = kubeflow.instance.repo
    spec = yaml.safe_load((repo / "pipelines" / "compiled" / "churn-training.yaml").read_text())
    result = tmp_path / "ml" / "r" / "evaluation.json"
    data = lake(tmp_path / "lake", 1, "before", 50, START)
    run = kubeflow.ended(kubeflow.create_run(spec, data=data, result_uri=result.as_uri(), run_uid="u"), 120)
    assert run.state == "FAILED"
    assert "task 'train' failed" in run.error.message
    assert "found 35 rows to train on and 0 to judge by after a gap of 2 s" in run.error.message
    assert not result.exists()
