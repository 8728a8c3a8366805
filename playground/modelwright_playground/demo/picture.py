"""Draws the run from what the clients saw: accuracy and errors per version, and the weight on the route."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from modelwright_playground.demo.witness import Witness

SMOOTHED_SECONDS = 5
FEWEST = 20
NOTED = {
    "ConceptDrift": "drift",
    "Triggered": "retraining",
    "Promoting": "promoted",
    "ReleaseByHand": "hotfix",
    "RolledBack": "rolled back",
}


def draw(path: Path, witness: Witness) -> None:
    """Write a PNG to `path`."""
    series: list[dict[str, Any]] = witness.stats.get("series", [])
    if not series:
        return
    begin = series[0]["t"]
    figure, (accuracy, weight, errors) = pyplot.subplots(3, 1, figsize=(11, 8), sharex=True, height_ratios=(3, 2, 2))
    for number, version in enumerate(sorted({name for second in series for name in second["versions"]})):
        color = f"C{number}"
        points = list(_smoothed(series, version, begin))
        label = "no version (gateway)" if version == "unknown" else version
        known = [(t, share) for t, share, _ in points if share is not None]
        accuracy.plot([t for t, _ in known], [share for _, share in known], color, label=label)
        errors.plot([t for t, _, _ in points], [failed for _, _, failed in points], color, label=label)
    steps = [(at - begin, candidate) for at, candidate in witness.weights]
    end = series[-1]["t"] - begin
    weight.step([t for t, _ in steps] + [end], [w for _, w in steps] + [steps[-1][1] if steps else 0], where="post")
    noted = [(moment.at - begin, NOTED[moment.what]) for moment in witness.moments if moment.what in NOTED]
    for number, (at, text) in enumerate(noted):
        for axis in (accuracy, weight, errors):
            axis.axvline(at, color="0.7", linewidth=0.8, linestyle="--")
        # Two heights: what follows closely on another must not be written over it.
        accuracy.text(at, 1.01 + 0.04 * (number % 2), text, fontsize=8, color="0.4", ha="center")
    accuracy.set(ylabel="accuracy", ylim=(0.5, 1.0))
    accuracy.legend(loc="lower left", fontsize=8)
    weight.set(ylabel="candidate's traffic in %", ylim=(-5, 105))
    errors.set(ylabel="failed requests per s", xlabel="seconds since the first request", xlim=(0, end))
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _smoothed(series: list[dict[str, Any]], version: str, begin: float) -> Any:
    for index, second in enumerate(series):
        window = [s["versions"].get(version, {}) for s in series[max(0, index + 1 - SMOOTHED_SECONDS) : index + 1]]
        correct, wrong, failed = (sum(seen.get(key, 0) for seen in window) for key in ("correct", "wrong", "failed"))
        labelled = correct + wrong
        yield second["t"] - begin, correct / labelled if labelled >= FEWEST else None, failed / SMOOTHED_SECONDS
