"""Builds evaluation.json: what a candidate is worth, beside the champion, on rows that neither was trained on.

Its form is `evaluation.schema.json`; the operator's gate decides by it and by nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from modelwright_pipelines import artefact, scoring, slices, soundness
from modelwright_pipelines import model as models
from modelwright_pipelines.digest import digest_folder
from modelwright_pipelines.lake import Row, rows_digest, snapshot
from modelwright_pipelines.storage import StorageError, local_path
from modelwright_pipelines.validation import Finding

SCHEMA_VERSION = "v1"


@dataclass(frozen=True)
class Question:
    """What the operator asked, all as the pipeline was given it. `champion_uri` is "" if there is none."""

    run_uid: str
    model_uri: str
    champion_uri: str
    champion_digest: str
    label_horizon: str
    seed: int
    declared: tuple[str, ...] = ()
    """Features whose categories are declared slices."""
    confidence: float = 0.975
    """One-sided, of comparisons and of all declared slices together."""
    anchor: str = ""
    """URI of a curated lake, "" for none."""


@dataclass(frozen=True)
class Champion:
    """The champion's probabilities for the judging rows, or why there are none (`finding`)."""

    digest: str
    chances: scoring.Floats | None
    finding: Finding | None = None
    signature: models.Signature | None = None

    def to_json(self) -> dict[str, str]:
        """As the evaluation holds it."""
        return {"digest": self.digest, "rescored": "No" if self.chances is None else "Yes"}


def evaluate(
    question: Question, train: Sequence[Row], judging: Sequence[Row], findings: Sequence[Finding]
) -> dict[str, Any]:
    """The whole document. Raises ModelError or StorageError if the candidate cannot be loaded."""
    folder = local_path(question.model_uri)
    # Before loading: what a pickle names is code.
    scanned = artefact.scan(folder)
    candidate, signature = models.load(folder)
    labels, chances = labels_of(judging), models.probabilities(candidate, judging)
    champion = rescored_champion(question, judging) if question.champion_uri else None
    best = champion.chances if champion else None
    level = scoring.level_of(question.confidence)
    found = [
        *findings,
        scanned,
        artefact.signature(signature, champion.signature if champion else None),
        soundness.leakage(train, signature.numbers),
        soundness.label_rate_jump(train, judging),
        soundness.positive_rate(labels, chances),
        soundness.robustness(candidate, judging, signature.numbers, question.seed),
    ]
    if champion and champion.finding:
        found.append(champion.finding)
    return {
        "schemaVersion": SCHEMA_VERSION,
        "runUid": question.run_uid,
        "model": {
            "uri": question.model_uri,
            "digest": digest_folder(folder),
            "signature": signature.to_json(),
            "runtime": models.runtime(),
        },
        "champion": champion.to_json() if champion else None,
        "train": _period(train),
        "evaluate": {
            **_period(judging),
            "n": len(judging),
            # The lake holds every labelled row; nobody picked which ones.
            "sampling": "Random",
            "labelHorizon": question.label_horizon,
        },
        "overlap": _overlap(train, judging),
        "metrics": {
            **scoring.measured(labels, chances),
            **artefact.measured(folder, candidate, judging),
            **slices.parity_gap(question.declared, judging, chances),
        },
        "comparisons": {} if best is None else scoring.compared(labels, chances, best, question.seed, level),
        "slices": slices.slices(
            signature.strings, question.declared, judging, labels, chances, best, question.confidence
        ),
        "datasets": [anchored(question, candidate, train, level)] if question.anchor else [],
        "findings": [finding.to_json() for finding in found],
        "goldenRows": models.reproduced_golden(folder, candidate),
        "recipe": recipe(question),
    }


def labels_of(rows: Sequence[Row]) -> scoring.Floats:
    return np.array([row.label for row in rows], dtype=float)


def anchored(question: Question, candidate: models.Classifier, train: Sequence[Row], level: float) -> dict[str, Any]:
    """Both models on the curated rows: frozen, so that an old strength that is lost shows."""
    rows = snapshot(question.anchor)
    labels, chances = labels_of(rows), models.probabilities(candidate, rows)
    champion = rescored_champion(question, rows) if question.champion_uri else None
    best = champion.chances if champion else None
    return {
        "uri": question.anchor,
        "rowsDigest": rows_digest(rows),
        "n": len(rows),
        "overlap": {"rows": _overlap(train, rows)["rows"]},
        "metrics": scoring.measured(labels, chances),
        "comparisons": {} if best is None else scoring.compared(labels, chances, best, question.seed, level),
    }


def recipe(question: Question) -> dict[str, Any]:
    """What the model was made with, beside its rows: the same once more is no new attempt."""
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        code.update(file.name.encode() + b"\0" + file.read_bytes())
    return {
        "code": f"sha256:{code.hexdigest()}",
        "parameters": {"label_horizon": question.label_horizon},
        "seed": str(question.seed),
    }


def rescored_champion(question: Question, judging: Sequence[Row]) -> Champion:
    """Scores the champion on the same rows. One that is gone, changed or fails on a row is a finding, not a guess."""
    try:
        folder = local_path(question.champion_uri)
        # Before loading: unpickling a model that is not the one we were told of would run somebody else's code.
        if (found := digest_folder(folder)) != question.champion_digest:
            wanted = question.champion_digest or "none"
            raise models.ModelError(f"found the digest {found}, need the one that serves: {wanted}")
        champion, signature = models.load(folder)
        return Champion(question.champion_digest, models.probabilities(champion, judging), None, signature)
    except (models.ModelError, StorageError, OSError, ValueError, KeyError) as error:
        # An OSError's own text would carry a path of this machine.
        what = "the folder cannot be read" if isinstance(error, OSError) else str(error)
        return Champion(
            question.champion_digest, None, Finding("champion", "Error", f"the champion could not be scored: {what}")
        )


def _period(rows: Sequence[Row]) -> dict[str, str]:
    return {"from": _rfc3339(rows[0]), "to": _rfc3339(rows[-1]), "rowsDigest": rows_digest(rows)}


def _rfc3339(row: Row) -> str:
    return row.time.isoformat().replace("+00:00", "Z")


def _overlap(train: Sequence[Row], judging: Sequence[Row]) -> dict[str, int]:
    return {
        "rows": len({row.id for row in train} & {row.id for row in judging}),
        "entities": len({row.entity for row in train} & {row.entity for row in judging}),
    }
