"""Slices of the judging rows: what was declared before anybody saw them decides, what is merely found reports.

A declared feature gives one slice for each of its categories. Their accuracies have exact (Clopper-Pearson) intervals
that hold for all of them together: each at 1 − α/k (Bonferroni).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import beta

from modelwright_pipelines import scoring
from modelwright_pipelines.lake import Row

MOST_SLICES = 20
SMALLEST_SLICE = 30


def slices(
    features: Sequence[str],
    declared: Sequence[str],
    judging: Sequence[Row],
    labels: scoring.Floats,
    chances: scoring.Floats,
    best: scoring.Floats | None,
    confidence: float,
) -> list[dict[str, Any]]:
    """One entry per category, most frequent first: of declared features all, of others those with enough rows."""
    found = []
    for feature in dict.fromkeys([*declared, *features]):
        values = np.array([str(row.features[feature]) for row in judging])
        for value, n in Counter(values.tolist()).most_common(MOST_SLICES):
            if feature in declared or n >= SMALLEST_SLICE:
                found.append((feature, value, values == value))
    together = sum(feature in declared for feature, _, _ in found)
    level = simultaneous_level(confidence, together)
    return [
        _slice(
            feature,
            value,
            feature in declared,
            labels[part],
            chances[part],
            None if best is None else best[part],
            level,
        )
        for feature, value, part in found
    ]


def simultaneous_level(confidence: float, slices: int) -> float:
    """The two-sided level at which one end of `slices` intervals together holds with `confidence`; rounded up."""
    return math.ceil((1 - 2 * (1 - confidence) / max(slices, 1)) * 1e9) / 1e9


def exact_interval(right: int, n: int, level: float) -> tuple[float, float]:
    """Clopper and Pearson's interval of a proportion."""
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, right, n - right + 1)) if right else 0.0
    high = float(beta.ppf(1 - tail, right + 1, n - right)) if right < n else 1.0
    return low, high


def parity_gap(declared: Sequence[str], judging: Sequence[Row], chances: scoring.Floats) -> dict[str, dict[str, Any]]:
    """The largest difference between declared slices of one feature in how often the model says 1 (demographic parity
    difference), as a metric; none without declared features."""
    gaps = []
    for feature in declared:
        values = np.array([str(row.features[feature]) for row in judging])
        rates = [
            float(np.mean(chances[values == value] >= 0.5))
            for value, n in Counter(values.tolist()).items()
            if n >= SMALLEST_SLICE
        ]
        if len(rates) > 1:
            gaps.append(max(rates) - min(rates))
    if not gaps:
        return {}
    return {"parity_gap": {"value": max(gaps), "n": len(judging), "higherIsBetter": "No", "unit": "share"}}


def _slice(
    feature: str,
    value: str,
    declared: bool,
    labels: scoring.Floats,
    chances: scoring.Floats,
    best: scoring.Floats | None,
    level: float,
) -> dict[str, Any]:
    n = len(labels)
    metrics = scoring.measured(labels, chances)
    if declared:
        low, high = exact_interval(int(np.sum((chances >= 0.5) == (labels == 1))), n, level)
        metrics["accuracy"] |= {"low": low, "high": high, "level": level}
    compared = {} if best is None else {"accuracy": scoring.accuracy_difference(labels, chances, best)}
    return {
        "feature": feature,
        "value": value,
        "declared": "Yes" if declared else "No",
        "n": n,
        "metrics": metrics,
        "comparisons": compared,
    }
