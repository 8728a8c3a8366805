"""The two plots of docs/statistics.md, as small SVG files that come out the same every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from benchmarks.simulations.vectorised import Floats

mpl.use("svg")
mpl.rcParams.update({"svg.hashsalt": "modelwright", "svg.fonttype": "none", "font.size": 9})
COLOURS = {
    "Modelwright": "#0b6e4f",
    "repeated z-test": "#b23a48",
    "three in a row": "#d98e04",
    "Mann–Whitney": "#5b5f97",
}


def false_fails_over_time(found: Mapping[str, Floats], path: Path) -> None:
    """The share of rollouts of identical models that has been rolled back by each hour."""
    figure, axes = _axes()
    longest = 0.0
    for name, blocks in found.items():
        hours = np.sort(blocks[np.isfinite(blocks)]) / 360
        longest = max(longest, 8.0)
        share = 100 * np.arange(1, len(hours) + 1) / len(blocks)
        axes.step(
            [0, *hours, longest],
            [0, *share, share[-1] if len(share) else 0],
            where="post",
            label=name,
            color=COLOURS[name],
        )
    axes.axhline(5, color="#888888", linewidth=0.8, linestyle=":")
    axes.set(xlabel="hours of identical models", ylabel="falsely rolled back, %", ylim=(0, None), xlim=(0, longest))
    _save(figure, path)


def delays_of_late_faults(delays: Mapping[tuple[str, str], Floats], path: Path) -> None:
    """How long a fault stays undetected after different times of health."""
    figure, axes = _axes()
    health = list(dict.fromkeys(when for _, when in delays))
    for name, colour in COLOURS.items():
        medians = [float(np.quantile(delays[name, when], 0.5, method="inverted_cdf")) * 10 / 60 for when in health]
        axes.plot(health, [m if np.isfinite(m) else np.nan for m in medians], marker="o", label=name, color=colour)
    axes.axhline(2, color="#888888", linewidth=0.8, linestyle=":")
    axes.set(yscale="log", xlabel="health before the fault", ylabel="median minutes until Fail")
    _save(figure, path)


def _axes() -> tuple[mpl.figure.Figure, mpl.axes.Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: mpl.figure.Figure, path: Path) -> None:
    figure.axes[0].legend(frameon=False)
    figure.savefig(path, format="svg", metadata={"Date": None})
