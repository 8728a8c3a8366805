"""The four steps as plain functions from files to files: all that a component's body calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# Each step imports what it needs itself: a step is a process, and scikit-learn or pandas take seconds to import.
from modelwright_pipelines.lake import LakeError, read_rows, rows_digest, snapshot, write_rows
from modelwright_pipelines.storage import beside, local_path, replaced_folder, write_json


def ingest(data: str, since: str, rows_file: str) -> dict[str, Any]:
    """Fixes a snapshot of the labelled rows; returns `{"rows", "rowsDigest"}`. LakeError if there are none."""
    rows = snapshot(data, since)
    if not rows:
        raise LakeError(f"found no labelled row since {since or 'ever'} in {data}, need some to train on")
    write_rows(Path(rows_file), rows)
    return {"rows": len(rows), "rowsDigest": rows_digest(rows)}


def validate(rows_file: str, valid_file: str, findings_file: str) -> dict[str, int]:
    """Writes the rows that pass the checks and the findings; returns how many rows were kept and dropped."""
    from modelwright_pipelines.validation import check

    rows = read_rows(Path(rows_file))
    checked = check(rows)
    write_rows(Path(valid_file), checked.rows)
    write_json(Path(findings_file), [finding.to_json() for finding in checked.findings])
    return {"kept": len(checked.rows), "dropped": len(rows) - len(checked.rows)}


def train(rows_file: str, result_uri: str, label_horizon: str, seed: int) -> str:
    """Trains on the older rows and writes the model folder beside `result_uri`; returns the folder's URI."""
    from modelwright_pipelines import model as models
    from modelwright_pipelines.split import by_time, parse_duration

    split = by_time(read_rows(Path(rows_file)), parse_duration(label_horizon))
    fitted = models.fit(split.train, seed)
    model_uri = beside(result_uri, "model")
    with replaced_folder(local_path(model_uri)) as folder:
        models.save(folder, fitted, models.Signature.of(split.train), split.train)
    return model_uri


def evaluate(
    rows_file: str,
    findings_file: str,
    model_uri: str,
    result_uri: str,
    run_uid: str,
    champion_uri: str,
    champion_digest: str,
    label_horizon: str,
    seed: int,
    slices: str,
    comparison_confidence: float,
    anchor: str,
    purpose: str,
) -> float:
    """Judges the model on the newest rows, writes `evaluation.json` at `result_uri`; returns the accuracy (0 to 1).

    With `purpose` "Evaluate" the model is the champion, and the rows are those that came after its own.
    """
    from modelwright_pipelines.evaluation import Question, evaluate
    from modelwright_pipelines.model import trained_until
    from modelwright_pipelines.split import by_time, parse_duration, since_training
    from modelwright_pipelines.validation import Finding

    rows, horizon = read_rows(Path(rows_file)), parse_duration(label_horizon)
    of_champion = purpose == "Evaluate"
    split = (
        since_training(rows, trained_until(local_path(model_uri)), horizon) if of_champion else by_time(rows, horizon)
    )
    findings = [Finding(**finding) for finding in json.loads(Path(findings_file).read_text(encoding="utf-8"))]
    declared = tuple(name for name in slices.split(",") if name)
    question = Question(
        run_uid,
        model_uri,
        champion_uri,
        champion_digest,
        label_horizon,
        seed,
        declared,
        comparison_confidence,
        anchor,
    )
    document = evaluate(question, split.train, split.evaluate, findings)
    write_json(local_path(result_uri), document)
    return float(document["metrics"]["accuracy"]["value"])
