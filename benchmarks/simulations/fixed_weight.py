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


def ours(many: Sequence[Cell], margin: Decimal) -> list[tuple[Floats, Floats]]:
    """When the rollouts of each cell fail: with what stable showed in the hour before, and without."""
    hours, counted = stacked([cell.hour for cell in many]), stacked([cell.counted for cell in many])
    rows = counted.shape[0]
    befores = Befores(hours.stable, hours.stable_bad)
    found = [
        first_fail(Evidences(rows, max_increase(margin), before), counted, ALPHA.fail) for before in (befores, None)
    ]
    ends = np.cumsum([cell.counted.shape[0] for cell in many])[:-1]
    return list(zip(*(np.split(one, ends) for one in found), strict=True))


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
        for (_, rate, p), cell, failed in zip(of_weight, many, ours(many, Decimal(0)), strict=True):
            theirs = [rival(cell.counted, 0.0, p, 0) for rival in RIVALS.values()]
            shares = [percent(falsely(ends), limit=ERROR_RATE) for ends in (*failed, *theirs)]
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
    rows = []
    for weight, rate, p in cells(quick):
        margin = margin_for(p)
        good, bad = one_step(runs, weight, margin, [(rate, p, p), (rate, p, p + 2 * float(margin))])
        rows.append(
            [
                *shown(weight, rate, p),
                f"{margin}",
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
    margin, means = 0.005, (1, 5, 20, 100)
    rows = []
    worst = {(name, mean): 0.0 for name in (OURS, BLIND, *RIVALS) for mean in means}
    grid = product(Sticky, (0.01, 0.1, 0.5), (2, 50, 500), (0.002, 0.01))
    for sticky, weight, rate, p in [(Sticky.CONNECTION, 0.1, 50, 0.01)] if quick else grid:
        many = []
        for mean in means:
            rng = np.random.default_rng([3, rate, int(1000 * weight), int(1000 * p), mean])
            hour, counted = (
                bursts(rng, runs, HOUR, rate=rate, weight=share, stable=p, candidate=p, mean=mean, sticky=sticky)
                for share in (0.0, weight)
            )
            many.append(Cell(hour, counted))
        row = []
        for mean, cell, failed in zip(means, many, ours(many, Decimal(str(margin))), strict=True):
            found = dict(zip((OURS, BLIND), failed, strict=True))
            found |= {name: rival(cell.counted, margin, p, 0) for name, rival in RIVALS.items()}
            for name, ends in found.items():
                worst[name, mean] = max(worst[name, mean], falsely(ends))
            row.append(percent(falsely(failed[0]), limit=ERROR_RATE))
        rows.append([sticky.value, *shown(weight, rate, p), *row])
    heads = [f"mean {mean}" for mean in means]
    names = {OURS: OURS, BLIND: f"{OURS}, {BLIND}", **{name: name for name in RIVALS}}
    summary = [[name, *(percent(worst[key, mean], limit=ERROR_RATE) for mean in means)] for key, name in names.items()]
    return [
        Table("bursts", ["sticky by", "weight", "traffic", "errors", *heads], rows),
        Table("bursts-worst", ["worst of the rows above", *heads], summary),
    ]
