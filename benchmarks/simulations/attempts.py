"""Rollouts whose step begins again and again, as when its candidate loses its endpoints: does the error rate last?"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from benchmarks.simulations.steps import HOUR, add
from benchmarks.simulations.tables import Table, percent
from benchmarks.simulations.traffic import independent
from benchmarks.simulations.vectorised import Befores, Evidences

from modelwright.analysis.alpha import allocate
from modelwright.analysis.margin import max_increase

ERROR_RATE = Decimal("0.05")
WEIGHT, RATE, ERRORS = 0.5, 50, 0.01
PLANNED = 2


def rolled_back(
    rng: np.random.Generator, runs: int, *, attempts: int, blocks: int, error_rate: Decimal = ERROR_RATE
) -> tuple[float, float]:
    """The share of rollouts of identical models, no margin, that fail in any of `attempts` stretches of evidence.

    First with the error rate shared as by the operator, then with the part of the first stretch spent in each.
    """
    shared, each = np.zeros(runs, bool), np.zeros(runs, bool)
    hour = independent(rng, runs, HOUR, rate=RATE, weight=0, stable=ERRORS, candidate=ERRORS)
    before = Befores(hour.stable, hour.stable_bad)
    alone = allocate(error_rate, deciding_guardrails=1, planned=PLANNED).fail
    for stretch in range(1, attempts + 1):
        arrivals = independent(rng, runs, blocks, rate=RATE, weight=WEIGHT, stable=ERRORS, candidate=ERRORS)
        alpha = allocate(error_rate, deciding_guardrails=1, planned=PLANNED, stretch=stretch).fail
        evidence = Evidences(runs, max_increase(Decimal(0)), before)
        for block in range(blocks):
            add(evidence, arrivals, block)
            shared |= evidence.fails(alpha)
            each |= evidence.fails(alone)
    return float(np.mean(shared)), float(np.mean(each))


def begun_again(runs: int, quick: bool) -> Table:
    """One step, ten minutes of evidence in each of its attempts, no margin at all: every Fail is false."""
    rows = []
    for restarts in (0, 3) if quick else (0, 3, 10, 30, 100):
        rng = np.random.default_rng([8, restarts])
        found = rolled_back(rng, runs, attempts=PLANNED + restarts, blocks=60)
        rows.append([f"{restarts}", *(percent(one, limit=float(ERROR_RATE)) for one in found)])
    return Table("attempts", ["begun again", "error rate shared over attempts", "the same part for each"], rows)
