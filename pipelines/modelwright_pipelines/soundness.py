"""Whether rows and model can be trusted at all: leakage, jumps of rates between the parts, robustness to small noise.

Every check reports, also when all is well: the gate can demand that it was looked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.metrics import roc_auc_score

from modelwright_pipelines import model as models
from modelwright_pipelines.lake import Row
from modelwright_pipelines.scoring import Floats
from modelwright_pipelines.validation import Finding

LEAKING_AUC = 0.995
RATE_JUMP = 0.10
RATE_GAP = 0.05
FLIPPED = 0.05
NOISE = 0.1
"""In standard deviations of each numeric feature."""
MOST_ROWS = 2000


def leakage(train: Sequence[Row], numbers: Sequence[str]) -> Finding:
    """A single number that orders the labels (nearly) perfectly knows them: it was written after the fact."""
    labels = [row.label for row in train]
    strongest, best = "", 0.5
    for name in numbers:
        area = float(roc_auc_score(labels, [row.features[name] for row in train]))
        if max(area, 1 - area) > best:
            strongest, best = name, max(area, 1 - area)
    leaks = best >= LEAKING_AUC
    message = f"the strongest single feature {strongest or 'of none'} has an AUC of {best:.3f}, at most {LEAKING_AUC}"
    return Finding("leakage", "Error" if leaks else "Info", message)


def label_rate_jump(train: Sequence[Row], judging: Sequence[Row]) -> Finding:
    """A rate of labels that jumped is a changed world, or a changed way of labelling: somebody should look."""
    before, after = (float(np.mean([row.label == 1 for row in part])) for part in (train, judging))
    severity = "Warning" if abs(after - before) > RATE_JUMP else "Info"
    return Finding("label rate jump", severity, f"{before:.1%} of the labels are 1 in training, {after:.1%} in judging")


def positive_rate(labels: Floats, chances: Floats) -> Finding:
    """A model that says 1 far more or less often than it is true is badly calibrated, whatever its accuracy."""
    positive, actual = float(np.mean(chances >= 0.5)), float(np.mean(labels))
    severity = "Info" if abs(positive - actual) <= RATE_GAP else "Warning"
    message = f"the model says 1 for {positive:.1%} of the rows, {actual:.1%} of the labels are 1"
    return Finding("positive rate", severity, message)


def robustness(model: models.Classifier, judging: Sequence[Row], numbers: Sequence[str], seed: int) -> Finding:
    """How many answers flip when every number moves by a tenth of its spread."""
    rows = list(judging[-MOST_ROWS:])
    random = np.random.default_rng(seed)
    spread = {name: float(np.std([float(row.features[name] or 0) for row in rows])) for name in numbers}
    moved = [
        replace(
            row,
            features={
                **row.features,
                **{name: float(row.features[name] or 0) + NOISE * spread[name] * random.normal() for name in numbers},
            },
        )
        for row in rows
    ]
    flipped = float(np.mean((models.probabilities(model, rows) >= 0.5) != (models.probabilities(model, moved) >= 0.5)))
    severity = "Warning" if flipped > FLIPPED else "Info"
    return Finding("robustness", severity, f"noise of {NOISE} standard deviations flips {flipped:.1%} of the answers")
