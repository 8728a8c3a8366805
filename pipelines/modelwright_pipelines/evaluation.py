"""Builds evaluation.json: what a candidate is worth, beside the champion, on rows that neither was trained on.

Its form is `evaluation.schema.json`; the operator's gate decides by it and by nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelwright_pipelines import model as models
from modelwright_pipelines import scoring
from modelwright_pipelines.digest import digest_folder
from modelwright_pipelines.lake import Row, rows_digest
from modelwright_pipelines.storage import StorageError, local_path
from modelwright_pipelines.validation import Finding

SCHEMA_VERSION = "v1"
MOST_SLICES = 20
SMALLEST_SLICE = 30
RATE_GAP = 0.05


@dataclass(frozen=True)
class Question:
    """What the operator asked, all as the pipeline was given it. `champion_uri` is "" if there is none."""

    run_uid: str
    model_uri: str
    champion_uri: str
    champion_digest: str
    label_horizon: str
    seed: int


@dataclass(frozen=True)
class Champion:
    """The champion's probabilities for the judging rows, or why there are none (`finding`)."""

    digest: str
    chances: scoring.Floats | None
    finding: Finding | None = None

    def to_json(self) -> dict[str, str]:
        """As the evaluation holds it."""
        return {"digest": self.digest, "rescored": "No" if self.chances is None else "Yes"}


def evaluate(
    question: Question, train: Sequence[Row], judging: Sequence[Row], findings: Sequence[Finding]
) -> dict[str, Any]:
    """The whole document. Raises ModelError or StorageError if the candidate cannot be loaded."""
    folder = local_path(question.model_uri)
    candidate, signature = models.load(folder)
    labels = np.array([row.label for row in judging], dtype=float)
    chances = models.probabilities(candidate, judging)
    champion = rescored_champion(question, judging) if question.champion_uri else None
    best = champion.chances if champion else None
    found = [*findings, *_rate_findings(labels, chances)]
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
        "metrics": scoring.measured(labels, chances),
        "comparisons": {} if best is None else scoring.compared(labels, chances, best, question.seed),
        "slices": _slices(signature, judging, labels, chances, best),
        "findings": [finding.to_json() for finding in found],
        "goldenRows": models.reproduced_golden(folder, candidate),
    }


def rescored_champion(question: Question, judging: Sequence[Row]) -> Champion:
    """Scores the champion on the same rows. One that is gone, changed or fails on a row is a finding, not a guess."""
    try:
        folder = local_path(question.champion_uri)
        # Before loading: unpickling a model that is not the one we were told of would run somebody else's code.
        if (found := digest_folder(folder)) != question.champion_digest:
            wanted = question.champion_digest or "none"
            raise models.ModelError(f"found the digest {found}, need the one that serves: {wanted}")
        return Champion(question.champion_digest, models.probabilities(models.load(folder)[0], judging))
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


def _rate_findings(labels: scoring.Floats, chances: scoring.Floats) -> list[Finding]:
    positive, actual = float(np.mean(chances >= 0.5)), float(np.mean(labels))
    if abs(positive - actual) <= RATE_GAP:
        return []
    message = f"the model says 1 for {positive:.1%} of the rows, {actual:.1%} of the labels are 1"
    return [Finding("positive rate", "Warning", message)]


def _slices(
    signature: models.Signature,
    judging: Sequence[Row],
    labels: scoring.Floats,
    chances: scoring.Floats,
    best: scoring.Floats | None,
) -> list[dict[str, Any]]:
    """One entry per category with enough rows, most frequent first; they report and do not decide."""
    slices = []
    for feature in signature.strings:
        values = np.array([str(row.features[feature]) for row in judging])
        for value, n in Counter(values.tolist()).most_common(MOST_SLICES):
            if n < SMALLEST_SLICE:
                continue
            part = values == value
            difference = None if best is None else scoring.accuracy_difference(labels[part], chances[part], best[part])
            slices.append(
                {
                    "feature": feature,
                    "value": value,
                    "n": n,
                    "metrics": scoring.measured(labels[part], chances[part]),
                    "comparisons": {} if difference is None else {"accuracy": difference},
                }
            )
    return slices
