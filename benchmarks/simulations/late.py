"""Faults that begin after a time of health, and labels that come late and unequally."""

from __future__ import annotations

import copy
from decimal import Decimal

import numpy as np
from benchmarks.simulations.fixed_weight import ALPHA
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import HOUR, add, first_fail
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS, independent, joined
from benchmarks.simulations.vectorised import Arrivals, Befores, Evidences, Floats, log_ratio, stacked

from modelwright.analysis.alpha import Allocation, allocate
from modelwright.analysis.margin import max_increase
from modelwright.analysis.starts import DOUBT

HEALTHY, FAULTY, MARGIN = 0.002, 0.05, Decimal("0.005")
RATE = 50
HEALTH = {"none": 0, "10 min": 60, "1 h": HOUR, "24 h": 24 * HOUR}
LABELS = {"wrong ones sooner (1 h, else 6 h)": (1.0, 6.0), "wrong ones later (6 h, else 1 h)": (6.0, 1.0)}
"""How long a label takes on average, of a wrong prediction and of a right one."""
AS_THEY_COME, AT_HORIZON = "as they come", "once, at the horizon"
SHARED = allocate(Decimal("0.05"), deciding_guardrails=2, planned=6)
"""What one of two guardrails has in each of three steps."""


def late_faults(runs: int, quick: bool) -> tuple[Table, dict[tuple[str, str], Floats]]:
    """Time from the first bad request to Fail, at 50 requests/s; also the delays of weight 10 % for the plot."""
    rows: dict[tuple[float, str], list[str]] = {}
    delays: dict[tuple[str, str], Floats] = {}
    health = dict(list(HEALTH.items())[: 2 if quick else 4])
    weights = (0.5,) if quick else (0.01, 0.1, 0.5)
    hours, befores, afters = [], [], []
    for weight in weights:
        rng = np.random.default_rng([4, int(1000 * weight)])
        arms = {"rate": RATE, "stable": HEALTHY}
        hours.append(independent(rng, runs, HOUR, weight=0, candidate=HEALTHY, **arms))
        befores.append(independent(rng, runs, max(health.values()), weight=weight, candidate=HEALTHY, **arms))
        afters.append(independent(rng, runs, 6 * HOUR, weight=weight, candidate=FAULTY, **arms))
    hour, before, after = stacked(hours), stacked(befores), stacked(afters)
    margin, folded = max_increase(MARGIN), 0
    number = runs * len(weights)
    knowing, blind = Evidences(number, margin, Befores(hour.stable, hour.stable_bad)), Evidences(number, margin)
    for name, begins in health.items():
        for block in range(folded, begins):
            add(knowing, before, block)
            add(blind, before, block)
        folded = begins
        ours = {
            "Modelwright": _found(knowing, after, ALPHA),
            "Modelwright, a part of α": _found(knowing, after, SHARED),
            "the same, no hour before": _found(blind, after, SHARED),
            "best possible": best_possible(after, SHARED),
        }
        for at, weight in enumerate(weights):
            of_weight = slice(at * runs, (at + 1) * runs)
            # The others' tests of ever longer pasts take long: an hour tells enough where there is much to see.
            whole = joined(befores[at][:begins], afters[at] if weight < 0.1 else afters[at][:HOUR])
            theirs = {rival: first(whole, float(MARGIN), HEALTHY, begins) - begins for rival, first in RIVALS.items()}
            if weight == (0.5 if quick else 0.1):
                delays |= {(method, name): ends[of_weight] for method, ends in ours.items()}
                delays |= {(method, name): ends for method, ends in theirs.items()}
            shown = [f"{seconds(ends[of_weight])} (90 %: {seconds(ends[of_weight], 0.9)})" for ends in ours.values()]
            rows[weight, name] = [f"{100 * weight:g} %", name, *shown, *(seconds(ends) for ends in theirs.values())]
    in_order = [rows[weight, name] for weight in weights for name in health]
    return Table("late-faults", ["weight", "health before", *ours, *RIVALS], in_order), delays


def best_possible(after: Arrivals, alpha: Allocation) -> Floats:
    """In how many blocks a test finds the fault that is told everything: both proportions, and when it would begin.

    It has to tell a candidate at the limit from this one, at the same error rate. Of all such tests none is sooner on
    average than Wald's, the likelihood ratio; looking at the end of blocks makes none of them sooner either.
    """
    limit = HEALTHY + float(MARGIN)
    gained = log_ratio(after.candidate, after.candidate_bad, np.asarray(FAULTY), np.asarray(limit))
    reached = np.cumsum(gained, axis=1) >= -np.log(alpha.fail)
    return np.where(reached.any(axis=1), np.argmax(reached, axis=1) + 1.0, np.inf)


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

    Half of a stream of 5 predictions/s each for 24 hours, 5 % of them wrong. Stable has served for days already, the
    candidate begins with the step: its slow labels are still missing. A wrong decision is a Fail of identical models,
    and of those that are worse what would go live: ours by a Pass, the others' without a Fail.
    """
    hours, horizon, wrong, margin = (2, 1, 0.05, 0.01) if quick else (24, 12, 0.05, 0.01)
    since = np.arange(1, hours * HOUR + 1) * SECONDS / 3600
    cells, counted, before = [], [], []
    for what, paces in LABELS.items():
        for how in (AS_THEY_COME, AT_HORIZON):
            seen = [1 - np.exp(-since / pace) for pace in paces]
            if how == AT_HORIZON:
                seen = [(since > horizon).astype(float)] * 2
            for name, excess in (("identical", 0.0), ("twice the margin worse", 2 * margin)):
                rng = np.random.default_rng([5, int(paces[0]), int(100 * excess)])
                arms = []
                for p, came in ((wrong, [1.0, 1.0]), (wrong + excess, seen)):
                    expected = [5 * SECONDS * p * came[0], 5 * SECONDS * (1 - p) * came[1]]
                    bad, good = (rng.poisson(np.broadcast_to(one, (runs, len(since)))) for one in expected)
                    arms += [bad + good, bad]
                cells.append((what, how, name, excess))
                counted.append(Arrivals(*arms))
                before.append(independent(rng, runs, HOUR, rate=5, weight=0, stable=wrong, candidate=wrong))
    hour = stacked(before)
    failed, passed = _decided(stacked(counted), Befores(hour.stable, hour.stable_bad), margin)
    rows = []
    for at, ((what, how, name, excess), arrivals) in enumerate(zip(cells, counted, strict=True)):
        of_cell = slice(at * runs, (at + 1) * runs)
        falsely = [np.isfinite((passed if excess else failed)[of_cell])]
        # To the others' advantage they begin with the first label.
        from_first = arrivals[int(np.argmax(since > horizon)) if how == AT_HORIZON else 0 :]
        for rival in RIVALS.values():
            fails = np.isfinite(rival(from_first, margin, wrong, 0))
            falsely.append(~fails if excess else fails)
        rows.append([what, how, name, *(percent(float(np.mean(one)), limit=0.05) for one in falsely)])
    return Table("labels", ["labels", "counted", "models", "Modelwright", *RIVALS], rows)


def _decided(arrivals: Arrivals, before: Befores, margin: float) -> tuple[Floats, Floats]:
    runs, blocks = arrivals.shape
    evidence = Evidences(runs, max_increase(Decimal(str(margin))), before)
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
    return failed, passed


def over_time(runs: int) -> dict[str, Floats]:
    """For the plot: when identical models fail falsely within eight hours, at 50 % of 50 requests/s and 1 % errors."""
    rng = np.random.default_rng(6)
    arrivals = independent(rng, runs, 8 * HOUR, rate=RATE, weight=0.5, stable=0.01, candidate=0.01)
    found = {name: rival(arrivals, 0.0, 0.01, 0) for name, rival in RIVALS.items()}
    hour = independent(rng, runs, HOUR, rate=RATE, weight=0, stable=0.01, candidate=0.01)
    before = Befores(hour.stable, hour.stable_bad)
    ours = first_fail(Evidences(runs, max_increase(Decimal(0)), before), arrivals, ALPHA.fail)
    return {"Modelwright": ours, **found}
