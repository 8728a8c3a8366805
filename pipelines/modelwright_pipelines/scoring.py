"""The numbers of a model on labelled rows, and the difference between two models on the same rows. Pure NumPy.

Difference of accuracies: the adjusted Wald interval for paired proportions of Bonett and Price (Statistical Methods in
Medical Research 21, 2012), recommended by Fagerland, Lydersen and Laake (Statistics in Medicine 33, 2014): one more row
is counted on each side, so that few disagreements cannot look like certainty. All else: paired percentile bootstrap
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13), which needs no formula for the variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.95
"""Two-sided coverage of an interval unless asked otherwise: each of its ends alone is a one-sided bound at 0.975."""
RESAMPLES = 1000
CALIBRATION_BINS = 10
_LOG_FLOOR = 1e-15


def accuracy(labels: Floats, chances: Floats) -> float:
    """Share of rows whose more likely class is the label (0 to 1)."""
    return float(np.mean((chances >= 0.5) == (labels == 1)))


def log_loss(labels: Floats, chances: Floats) -> float:
    """Mean negative log-likelihood of the labels, in nats."""
    given = np.where(labels == 1, chances, 1 - chances)
    return float(np.mean(-np.log(np.maximum(given, _LOG_FLOOR))))


def brier(labels: Floats, chances: Floats) -> float:
    """Mean squared difference between probability and label (0 to 1)."""
    return float(np.mean((chances - labels) ** 2))


def calibration_error(labels: Floats, chances: Floats) -> float:
    """Expected calibration error over ten bins of equal width (0 to 1)."""
    bins = np.minimum((chances * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    gaps = np.abs(np.bincount(bins, chances - labels, CALIBRATION_BINS))
    return float(gaps.sum() / len(labels))


def f1(labels: Floats, chances: Floats) -> float:
    """Harmonic mean of precision and recall of class 1 (0 to 1); 0 where class 1 neither occurs nor is predicted."""
    found, true = chances >= 0.5, labels == 1
    both = 2 * np.sum(found & true)
    return float(both / max(np.sum(found) + np.sum(true), 1))


@dataclass(frozen=True)
class Metric:
    """A named metric; `unit` is what its values are measured in."""

    name: str
    of: Callable[[Floats, Floats], float]
    higher_is_better: bool
    unit: str


METRICS = (
    Metric("accuracy", accuracy, True, "share"),
    Metric("f1", f1, True, "share"),
    Metric("logloss", log_loss, False, "nats"),
    Metric("brier", brier, False, "share"),
    Metric("ece", calibration_error, False, "share"),
)


def measured(labels: Floats, chances: Floats) -> dict[str, dict[str, Any]]:
    """Every metric as the evaluation holds it. `labels` are 0 or 1, `chances` probabilities of 1, of the same rows."""
    return {
        metric.name: {
            "value": metric.of(labels, chances),
            "n": len(labels),
            "higherIsBetter": "Yes" if metric.higher_is_better else "No",
            "unit": metric.unit,
        }
        for metric in METRICS
    }


def level_of(confidence: float) -> float:
    """The level of a two-sided interval of which one end holds with `confidence`; never less by rounding."""
    return math.ceil((2 * confidence - 1) * 1e9) / 1e9


def compared(
    labels: Floats, candidate: Floats, champion: Floats, seed: int, level: float = LEVEL
) -> dict[str, dict[str, Any]]:
    """Candidate minus champion on the same rows, for every metric, with an interval at `level`."""
    resampled = _resampled_rows(len(labels), seed)
    return {
        metric.name: accuracy_difference(labels, candidate, champion, level)
        if metric.of is accuracy
        else bootstrap_difference(metric, labels, candidate, champion, resampled, level)
        for metric in METRICS
    }


def accuracy_difference(labels: Floats, candidate: Floats, champion: Floats, level: float = LEVEL) -> dict[str, Any]:
    """The paired difference of accuracies by Bonett and Price's adjusted Wald interval."""
    better = (candidate >= 0.5) == (labels == 1)
    best = (champion >= 0.5) == (labels == 1)
    n, gained, lost = len(labels), int(np.sum(better & ~best)), int(np.sum(best & ~better))
    p_gained, p_lost = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    centre = p_gained - p_lost
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt((p_gained + p_lost - centre**2) / (n + 2))
    return {
        "difference": (gained - lost) / n,
        "low": max(centre - half, -1.0),
        "high": min(centre + half, 1.0),
        "level": level,
        "method": "paired, Bonett-Price",
        "unit": "share",
    }


def bootstrap_difference(
    metric: Metric,
    labels: Floats,
    candidate: Floats,
    champion: Floats,
    resampled: NDArray[np.int64],
    level: float = LEVEL,
) -> dict[str, Any]:
    """The paired difference of any metric; each line of `resampled` is one draw of row numbers with replacement."""
    draws = [metric.of(labels[rows], candidate[rows]) - metric.of(labels[rows], champion[rows]) for rows in resampled]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    difference = metric.of(labels, candidate) - metric.of(labels, champion)
    return {
        "difference": difference,
        # Resampling makes a calibration error larger: its quantiles alone can lie beside the value that was seen.
        "low": min(float(low), difference),
        "high": max(float(high), difference),
        "level": level,
        "method": f"paired bootstrap, {len(draws)} resamples",
        "unit": metric.unit,
    }


def _resampled_rows(n: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, n, size=(RESAMPLES, n))
