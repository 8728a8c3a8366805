"""Faults that begin after a time of health, and labels that come late and unequally."""

from __future__ import annotations

import copy
from decimal import Decimal

import numpy as np
from benchmarks.simulations.fixed_weight import ALPHA, HOUR
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import add, first_fail
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS, independent, joined
from benchmarks.simulations.vectorised import Arrivals, Evidences, Floats

from modelwright.analysis.alpha import Allocation, allocate
from modelwright.analysis.margin import max_increase
from modelwright.analysis.starts import DOUBT

HEALTHY, FAULTY, MARGIN = 0.002, 0.05, Decimal("0.005")
RATE = 50
HEALTH = {"none": 0, "10 min": 60, "1 h": HOUR, "24 h": 24 * HOUR}
SHARED = allocate(Decimal("0.05"), deciding_guardrails=2, planned=6)
"""What one of two guardrails has in each of three steps."""


def late_faults(runs: int, quick: bool) -> tuple[Table, dict[tuple[str, str], Floats]]:
    """Time from the first bad request to Fail, at 50 requests/s; also the delays of weight 10 % for the plot."""
    rows, delays = [], {}
    health = dict(list(HEALTH.items())[: 2 if quick else 4])
    for weight in (0.5,) if quick else (0.01, 0.1, 0.5):
        rng = np.random.default_rng([4, int(1000 * weight)])
        blocks = max(health.values())
        before = independent(rng, runs, blocks, rate=RATE, weight=weight, stable=HEALTHY, candidate=HEALTHY)
        longest = 6 * HOUR if weight < 0.1 else HOUR
        after = independent(rng, runs, longest, rate=RATE, weight=weight, stable=HEALTHY, candidate=FAULTY)
        evidence, folded = Evidences(runs, max_increase(MARGIN)), 0
        for name, begins in health.items():
            for block in range(folded, begins):
                add(evidence, before, block)
            folded = begins
            found = {
                "Modelwright": _found(evidence, after, ALPHA),
                "Modelwright, a part of α": _found(evidence, after, SHARED),
            }
            whole = joined(before[:begins], after)
            for rival, first in RIVALS.items():
                found[rival] = first(whole, float(MARGIN), HEALTHY, begins) - begins
            if weight == (0.5 if quick else 0.1):
                delays.update({(method, name): ends for method, ends in found.items()})
            shown = [seconds(ends) for ends in found.values()]
            shown[0] += f" (90 %: {seconds(found['Modelwright'], 0.9)})"
            shown[1] += f" (90 %: {seconds(found['Modelwright, a part of α'], 0.9)})"
            rows.append([f"{100 * weight:g} %", name, *shown])
    head = ["weight", "health before", "Modelwright", "Modelwright, a part of α", *RIVALS]
    return Table("late-faults", head, rows), delays


def _found(evidence: Evidences, after: Arrivals, alpha: Allocation) -> Floats:
    """In how many blocks, with the look at the end of the block in which the evidence was complete."""
    so_far = copy.deepcopy(evidence)
    failed = np.full(after.shape[0], np.inf)
    for block in range(after.shape[1]):
        add(so_far, after, block)
        failed = np.where(np.isinf(failed) & so_far.fails(alpha.fail), block + 1, failed)
        if np.isfinite(failed).all():
            break
    return failed


def labels(runs: int, quick: bool) -> Table:
    """Labels that come at their own pace, counted as they come or once per prediction at its horizon.

    Half of a stream of 5 predictions/s each for 12 hours, 5 % of them wrong. Stable has served for days already, the
    candidate begins with the step: its slow labels are still missing.
    """
    hours, horizon, wrong, margin = (2, 1, 0.05, 0.01) if quick else (24, 12, 0.05, 0.01)
    blocks = hours * HOUR
    rows = []
    for what, pace_wrong, pace_right in (
        ("wrong ones sooner (1 h, else 6 h)", 1.0, 6.0),
        ("wrong ones later (6 h, else 1 h)", 6.0, 1.0),
    ):
        for name, excess in (("identical", 0.0), ("twice the margin worse", 2 * margin)):
            row = [what, name]
            for at_horizon in (False, True):
                rng = np.random.default_rng([5, int(pace_wrong), int(100 * excess)])
                since = np.arange(1, blocks + 1) * SECONDS / 3600
                seen = [1 - np.exp(-since / pace) for pace in (pace_wrong, pace_right)]
                if at_horizon:
                    seen = [(since > horizon).astype(float)] * 2
                arms = []
                for p, came in ((wrong, [1.0, 1.0]), (wrong + excess, seen)):
                    expected = [5 * SECONDS * p * came[0], 5 * SECONDS * (1 - p) * came[1]]
                    bad, good = (rng.poisson(np.broadcast_to(one, (runs, blocks))) for one in expected)
                    arms += [bad + good, bad]
                arrivals = Arrivals(*arms)
                evidence = Evidences(runs, max_increase(Decimal(str(margin))))
                failed, passed = np.full(runs, np.inf), np.full(runs, np.inf)
                for block in range(blocks):
                    add(evidence, arrivals, block)
                    is_open = np.isinf(failed) & np.isinf(passed)
                    failed[is_open & evidence.fails(ALPHA.fail)] = block
                    is_open &= np.isinf(failed)
                    if block % 30 == 29:
                        passed[is_open & evidence.passes(ALPHA.pass_, DOUBT)] = block
                    if not is_open.any():
                        break
                falsely = failed if excess == 0 else passed
                row.append(percent(float(np.mean(np.isfinite(falsely))), limit=0.05))
            rows.append(row)
    head = ["labels", "models", "wrong decision, labels counted as they come", "counted once, at the horizon"]
    return Table("labels", head, rows)


def over_time(runs: int) -> dict[str, Floats]:
    """For the plot: when identical models fail falsely within eight hours, at 50 % of 50 requests/s and 1 % errors."""
    rng = np.random.default_rng(6)
    arrivals = independent(rng, runs, 8 * HOUR, rate=RATE, weight=0.5, stable=0.01, candidate=0.01)
    found = {name: rival(arrivals, 0.0, 0.01, 0) for name, rival in RIVALS.items()}
    ours = first_fail(Evidences(runs, max_increase(Decimal(0))), arrivals, ALPHA.fail)
    return {"Modelwright": ours, **found}
