"""One step at one weight: how often identical models fail, worse ones pass, and how soon either is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

import numpy as np
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import HOUR, Ends, Step, first_fail, rollouts
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import Sticky, bursts, independent
from benchmarks.simulations.vectorised import Arrivals, Befores, Evidences, Floats, stacked

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.margin import max_increase

ERROR_RATE = 0.05
ALPHA = Allocation(0.05, 0.05)
"""All of it for one guardrail in one stretch of evidence."""
WEIGHTS, RATES, PROPORTIONS = (0.01, 0.1, 0.5), (2, 50, 500), (0.001, 0.01, 0.1)
OURS = "Modelwright"
BLIND = "no hour before"
"""The name of Modelwright where nothing is known of stable from before the rollout."""


def cells(quick: bool) -> Iterator[tuple[float, int, float]]:
    """Weight, requests per second, usual proportion of errors."""
    if quick:
        return iter([(0.5, 500, 0.01)])
    return product(WEIGHTS, RATES, PROPORTIONS)


def shown(weight: float, rate: int, p: float) -> list[str]:
    return [f"{100 * weight:g} %", f"{rate}/s", f"{100 * p:g} %"]


@dataclass(frozen=True)
class Cell:
    """What rollouts of one kind counted, after an hour in which stable had all traffic to itself."""

    hour: Arrivals
    counted: Arrivals


def judged(many: Sequence[Cell], usual: Sequence[float], margin: Decimal) -> list[dict[str, Floats]]:
    """When the rollouts of each cell fail, by method; `usual` is the proportion of errors in each cell."""
    hours, counted = stacked([cell.hour for cell in many]), stacked([cell.counted for cell in many])
    sizes = [cell.counted.shape[0] for cell in many]
    befores = {OURS: Befores(hours.stable, hours.stable_bad), BLIND: None}
    found = {
        name: first_fail(Evidences(sum(sizes), max_increase(margin), before), counted, ALPHA.fail)
        for name, before in befores.items()
    }
    for name, rival in RIVALS.items():
        found[name] = rival(counted, float(margin), np.repeat(usual, sizes), 0)
    ends = np.cumsum(sizes)[:-1]
    each = {name: np.split(failed, ends) for name, failed in found.items()}
    return [{name: of_cells[at] for name, of_cells in each.items()} for at in range(len(many))]


def falsely(failed: Floats) -> float:
    return float(np.mean(np.isfinite(failed)))


def identical_models(runs: int, quick: bool) -> Table:
    """One hour, no margin at all: every Fail is false."""
    rows = []
    for weight in (0.5,) if quick else WEIGHTS:
        many = []
        of_weight = [one for one in cells(quick) if one[0] == weight]
        for _, rate, p in of_weight:
            rng = np.random.default_rng([1, rate, int(1000 * weight), int(1000 * p)])
            arms = {"rate": rate, "stable": p, "candidate": p}
            many.append(Cell(*(independent(rng, runs, HOUR, weight=share, **arms) for share in (0.0, weight))))
        for (_, rate, p), found in zip(of_weight, judged(many, [p for *_, p in of_weight], Decimal(0)), strict=True):
            shares = [percent(falsely(failed), limit=ERROR_RATE) for failed in found.values()]
            rows.append([*shown(weight, rate, p), *shares])
    return Table("identical-models", ["weight", "traffic", "errors", OURS, BLIND, *RIVALS], rows)


def margin_for(p: float) -> Decimal:
    """What somebody would accept on top of such a proportion."""
    return Decimal("0.02") if p >= 0.1 else Decimal("0.005")


def one_step(runs: int, weight: float, margin: Decimal, of: Sequence[tuple[int, float, float]]) -> list[Ends]:
    """Three hours in a single step of at least five minutes, for each (requests a second, errors, the candidate's)."""
    rngs = [np.random.default_rng([2, rate, *(int(1000 * one) for one in (weight, p, worse))]) for rate, p, worse in of]

    def arrive(at: float, blocks: int, began: int) -> list[Arrivals]:
        found = (
            independent(rng, runs, blocks, rate=rate, weight=at, stable=p, candidate=candidate)
            for rng, (rate, p, candidate) in zip(rngs, of, strict=True)
        )
        return [stacked(list(found))]

    ends = rollouts(arrive, runs * len(of), [Step(weight, 30)], [max_increase(margin)], ALPHA, deadline=3 * HOUR)
    return [ends[at * runs : (at + 1) * runs] for at in range(len(of))]


def passing(runs: int, quick: bool) -> Table:
    """A healthy candidate and one at twice the margin."""
    found: dict[tuple[float, int, float], tuple[Ends, Ends]] = {}
    of_kind: dict[tuple[float, Decimal], list[tuple[int, float]]] = {}
    for weight, rate, p in cells(quick):
        of_kind.setdefault((weight, margin_for(p)), []).append((rate, p))
    for (weight, margin), many in of_kind.items():
        pairs = [(rate, p, p + excess) for rate, p in many for excess in (0.0, 2 * float(margin))]
        ends = one_step(runs, weight, margin, pairs)
        found |= {
            (weight, *cell): pair for cell, pair in zip(many, zip(ends[::2], ends[1::2], strict=True), strict=True)
        }
    rows = []
    for cell in cells(quick):
        good, bad = found[cell]
        rows.append(
            [
                *shown(*cell),
                f"{margin_for(cell[2])}",
                percent(good.promoted),
                seconds(good.passed),
                percent(good.rolled_back, limit=ERROR_RATE),
                percent(bad.promoted, limit=0.05),
                percent(bad.rolled_back),
                seconds(bad.failed),
            ]
        )
    head = ["weight", "traffic", "errors", "margin", "healthy: promoted", "median", "rolled back"]
    return Table("passing", [*head, "twice the margin: promoted", "rolled back", "median"], rows)


def bursts_of_errors(runs: int, quick: bool) -> list[Table]:
    """Identical models whose errors come in bursts, one hour, margin half a point: every Fail is false."""
    margin, means = Decimal("0.005"), (1, 5, 20, 100)
    rows = []
    worst = {(name, mean): 0.0 for name in (OURS, BLIND, *RIVALS) for mean in means}
    for sticky, weight in [(Sticky.CONNECTION, 0.1)] if quick else product(Sticky, WEIGHTS):
        grid = list(product([(50, 0.01)] if quick else product(RATES, (0.002, 0.01)), means))
        many = []
        for (rate, p), mean in grid:
            rng = np.random.default_rng([3, rate, int(1000 * weight), int(1000 * p), mean])
            hour, counted = (
                bursts(rng, runs, HOUR, rate=rate, weight=share, stable=p, candidate=p, mean=mean, sticky=sticky)
                for share in (0.0, weight)
            )
            many.append(Cell(hour, counted))
        found = judged(many, [p for (_, p), _ in grid], margin)
        for (_, mean), of_cell in zip(grid, found, strict=True):
            for name, failed in of_cell.items():
                worst[name, mean] = max(worst[name, mean], falsely(failed))
        for at in range(0, len(grid), len(means)):
            (rate, p), _ = grid[at]
            shares = [percent(falsely(one[OURS]), limit=ERROR_RATE) for one in found[at : at + len(means)]]
            rows.append([sticky.value, *shown(weight, rate, p), *shares])
    heads = [f"mean {mean}" for mean in means]
    names = {OURS: OURS, BLIND: f"{OURS}, {BLIND}", **{name: name for name in RIVALS}}
    summary = [[name, *(percent(worst[key, mean], limit=ERROR_RATE) for mean in means)] for key, name in names.items()]
    return [
        Table("bursts", ["sticky by", "weight", "traffic", "errors", *heads], rows),
        Table("bursts-worst", ["worst of the rows above", *heads], summary),
    ]
