"""One step at one weight: how often identical models fail, worse ones pass, and how soon either is decided."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import product

import numpy as np
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import Ends, Step, first_fail, rollouts
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import Sticky, bursts, independent
from benchmarks.simulations.vectorised import Arrivals, Evidences

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.margin import max_increase

ERROR_RATE = 0.05
ALPHA = Allocation(0.05, 0.05)
"""All of it for one guardrail in one stretch of evidence."""
HOUR = 360
WEIGHTS, RATES, PROPORTIONS = (0.01, 0.1, 0.5), (2, 50, 500), (0.001, 0.01, 0.1)


def cells(quick: bool) -> Iterator[tuple[float, int, float]]:
    """Weight, requests per second, usual proportion of errors."""
    if quick:
        return iter([(0.5, 500, 0.01)])
    return product(WEIGHTS, RATES, PROPORTIONS)


def shown(weight: float, rate: int, p: float) -> list[str]:
    return [f"{100 * weight:g} %", f"{rate}/s", f"{100 * p:g} %"]


def identical_models(runs: int, quick: bool) -> Table:
    """One hour, no margin at all: every Fail is false."""
    rows = []
    for weight, rate, p in cells(quick):
        rng = np.random.default_rng([1, rate, int(1000 * weight), int(1000 * p)])
        arrivals = independent(rng, runs, HOUR, rate=rate, weight=weight, stable=p, candidate=p)
        ours = first_fail(Evidences(runs, max_increase(Decimal(0))), arrivals, ALPHA.fail)
        theirs = [rival(arrivals, 0.0, p, 0) for rival in RIVALS.values()]
        falsely = [percent(float(np.mean(np.isfinite(ends))), limit=ERROR_RATE) for ends in (ours, *theirs)]
        rows.append([*shown(weight, rate, p), *falsely])
    return Table("identical-models", ["weight", "traffic", "errors", "Modelwright", *RIVALS], rows)


def margin_for(p: float) -> Decimal:
    """What somebody would accept on top of such a proportion."""
    return Decimal("0.02") if p >= 0.1 else Decimal("0.005")


def one_step(runs: int, rate: int, weight: float, p: float, candidate: float, margin: Decimal, seed: list[int]) -> Ends:
    """Three hours in a single step of at least five minutes."""
    rng = np.random.default_rng(seed)

    def arrive(at: float, blocks: int, began: int) -> list[Arrivals]:
        return [independent(rng, runs, blocks, rate=rate, weight=at, stable=p, candidate=candidate)]

    return rollouts(arrive, runs, [Step(weight, 30)], [max_increase(margin)], ALPHA, deadline=3 * HOUR)


def passing(runs: int, quick: bool) -> Table:
    """A healthy candidate and one at twice the margin."""
    rows = []
    for weight, rate, p in cells(quick):
        margin, seed = margin_for(p), [2, rate, int(1000 * weight), int(1000 * p)]
        good = one_step(runs, rate, weight, p, p, margin, seed)
        bad = one_step(runs, rate, weight, p, p + 2 * float(margin), margin, seed)
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
    rows, worst = [], {(name, mean): 0.0 for name in ("Modelwright", *RIVALS) for mean in means}
    grid = product(Sticky, (0.01, 0.1, 0.5), (2, 50), (0.002, 0.01))
    for sticky, weight, rate, p in [(Sticky.CONNECTION, 0.1, 50, 0.01)] if quick else grid:
        row = []
        for mean in means:
            rng = np.random.default_rng([3, rate, int(1000 * weight), int(1000 * p), mean])
            arrivals = bursts(
                rng, runs, HOUR, rate=rate, weight=weight, stable=p, candidate=p, mean=mean, sticky=sticky
            )
            ours = first_fail(Evidences(runs, max_increase(Decimal(str(margin)))), arrivals, ALPHA.fail)
            theirs = {name: rival(arrivals, margin, p, 0) for name, rival in RIVALS.items()}
            for name, ends in {"Modelwright": ours, **theirs}.items():
                worst[name, mean] = max(worst[name, mean], float(np.mean(np.isfinite(ends))))
            row.append(percent(float(np.mean(np.isfinite(ours))), limit=ERROR_RATE))
        rows.append([sticky.value, *shown(weight, rate, p), *row])
    heads = [f"mean {mean}" for mean in means]
    summary = [
        [name, *(percent(worst[name, mean], limit=ERROR_RATE) for mean in means)] for name in ("Modelwright", *RIVALS)
    ]
    return [
        Table("bursts", ["sticky by", "weight", "traffic", "errors", *heads], rows),
        Table("bursts-worst", ["worst of the rows above", *heads], summary),
    ]
