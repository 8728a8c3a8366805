"""After the switch: a candidate against the numbers that stable left behind, at its margin and beyond it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from benchmarks.simulations.means import LEVELS, SHAPES
from benchmarks.simulations.steps import HOUR
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, NO_MOMENTS, MeanBlock, Moments
from modelwright.analysis.bounded import BoundedEvidence, proportion_within
from modelwright.analysis.bounded_means import BoundedMeanEvidence, mean_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.frozen import frozen_bounds, frozen_mean_bounds
from modelwright.analysis.margin import max_increase
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
ERROR_RATE, HALF = 0.05, 0.025
ALPHA = Allocation(HALF, HALF)
SHARE, MARGINS = 0.02, {"errors": 0.01, "scores": 0.02, "durations": 0.02}
Simulated = Callable[[np.random.Generator, int, int, float], float]


def after_the_switch(runs: int, quick: bool) -> Table:
    """An hour at 100 %: `stable seen` observations were left of it, the candidate gets `traffic`."""
    cells = [(1_000, 50)] if quick else [(1_000, 50), (10_000, 50), (100_000, 500)]
    rows = []
    for name, margin in MARGINS.items():
        for seen, rate in cells:
            row = [name, f"{seen:,}", f"{rate}/s"]
            for times in (1, 2, 5):
                rng = np.random.default_rng([12, seen, rate, times, len(name)])
                one = _failed_after_counts if name == "errors" else _of_means(name)
                ends = np.array([one(rng, seen, rate, times * margin) for _ in range(runs)])
                failed = float(np.mean(np.isfinite(ends)))
                row += [percent(failed, limit=ERROR_RATE)] if times == 1 else [percent(failed), seconds(ends)]
            rows.append(row)
    head = ["measured", "stable seen", "traffic", "at the margin: failed", "twice: failed", "median"]
    return Table("frozen", [*head, "five times: failed", "median"], rows)


def _failed_after_counts(rng: np.random.Generator, seen: int, rate: int, worse: float) -> float:
    stable = Counts(int(rng.binomial(seen, SHARE)), seen)
    bounds = frozen_bounds(stable, 1.0, max_increase(Decimal(str(MARGINS["errors"]))), HALF)
    if bounds is None:
        return np.inf
    evidence, many = BoundedEvidence(), rate * SECONDS
    for block, events in enumerate(rng.binomial(many, SHARE + worse, HOUR)):
        evidence = evidence.with_blocks([(START + block * BLOCK, Counts(int(events), many))], bounds)
        if proportion_within(evidence, bounds, ALPHA).verdict is Verdict.FAIL:
            return block + 1.0
    return np.inf


def _of_means(shape: str) -> Simulated:
    usual, margin = SHAPES[shape] / SHAPES[shape].sum(), max_increase(Decimal(str(MARGINS[shape])))

    def measured(rng: np.random.Generator, many: int, worse: float) -> Moments:
        mixed = worse / (1 - float(usual @ LEVELS))
        seen = rng.multinomial(many, (1 - mixed) * usual + mixed * (LEVELS == 1))
        return Moments(many, float(seen @ LEVELS), float(seen @ LEVELS**2))

    def failed_after(rng: np.random.Generator, seen: int, rate: int, worse: float) -> float:
        blocks = [MeanBlock(START + n * BLOCK, measured(rng, seen // 30, 0.0), NO_MOMENTS) for n in range(30)]
        bounds = frozen_mean_bounds(MeanEvidence(0.0, 1.0).with_blocks(blocks, margin), margin, HALF)
        if bounds is None:
            return np.inf
        evidence = BoundedMeanEvidence(0.0, 1.0)
        for block in range(HOUR):
            moments = measured(rng, rate * SECONDS, worse)
            evidence = evidence.with_blocks([(START + block * BLOCK, moments)], bounds)
            if mean_within(evidence, bounds, ALPHA).verdict is Verdict.FAIL:
                return block + 1.0
        return np.inf

    return failed_after
