"""Means of bounded measurements: identical models, worse ones, and faults that begin late, beside what others do."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import product

import numpy as np
from benchmarks.simulations.fixed_weight import ALPHA, ERROR_RATE
from benchmarks.simulations.rivals import MINUTE, mann_whitney, three_in_a_row
from benchmarks.simulations.steps import ENOUGH, HOUR
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS
from benchmarks.simulations.vectorised import Arrivals, Floats
from benchmarks.simulations.vectorised_means import MeanArrivals, MeanEvidences
from scipy.stats import norm

LEVELS = np.linspace(0, 1, 11)
SHAPES = {
    # Scores in tenths around 0.3, and durations of which one in a hundred takes as long as the bounds allow.
    "scores": np.array([0.028, 0.121, 0.233, 0.267, 0.200, 0.103, 0.037, 0.009, 0.002, 0.0, 0.0]),
    "durations": np.array([0.70, 0.20, 0.06, 0.02, 0.01, 0.0, 0.0, 0.0, 0.0, 0.0, 0.01]),
}
MARGIN = 0.02
Pair = tuple[MeanArrivals, MeanArrivals]
RIVAL_NAMES = ("repeated z-test", "three in a row", "Mann–Whitney")


def cells(quick: bool) -> Iterator[tuple[str, float, int]]:
    """Shape, weight, requests per second."""
    return iter([("scores", 0.5, 50)]) if quick else product(SHAPES, (0.01, 0.1, 0.5), (2, 50, 500))


def measured(
    rng: np.random.Generator, runs: int, blocks: int, *, rate: int, weight: float, shape: str, worse: float = 0.0
) -> Pair:
    """Both arms; the candidate's mean is `worse` higher, because some of its observations are as high as can be."""
    usual = SHAPES[shape] / SHAPES[shape].sum()
    mixed = worse / (1 - float(usual @ LEVELS))
    arms = []
    for share, odds in ((1 - weight, usual), (weight, (1 - mixed) * usual + mixed * (LEVELS == 1))):
        # Poisson numbers of each level are a Poisson number of observations.
        seen = rng.poisson(rate * SECONDS * share * odds, (runs, blocks, len(LEVELS)))
        arms.append(MeanArrivals(seen.sum(2).astype(float), seen @ LEVELS, seen @ LEVELS**2))
    return arms[0], arms[1]


def hour_before(rng: np.random.Generator, runs: int, *, rate: int, shape: str) -> MeanArrivals:
    """What stable measured in the hour before the rollout."""
    return measured(rng, runs, HOUR, rate=rate, weight=0.0, shape=shape)[0]


def first_fail(evidence: MeanEvidences, pair: Pair, alpha: float) -> Floats:
    """In how many blocks each rollout fails; `evidence` goes on from where it is."""
    runs, blocks = pair[0].count.shape
    failed = np.full(runs, np.inf)
    for block in range(blocks):
        evidence.add(*pair, block)
        failed = np.where(np.isinf(failed) & evidence.fails(alpha), block + 1, failed)
        if np.isfinite(failed).all():
            break
    return failed


def rivals(pair: Pair, margin: float, usual: float, since: int = 0) -> list[Floats]:
    """As rivals.py, with a Welch test in the place of that of two proportions."""
    whole = Arrivals(*(np.asarray(one) for arm in pair for one in (arm.count, arm.sum)))  # type: ignore[arg-type]
    return [
        _repeated_welch(pair, margin, since),
        three_in_a_row(whole, margin, usual, since),
        mann_whitney(whole, margin, usual, since),
    ]


def _repeated_welch(pair: Pair, margin: float, since: int) -> Floats:
    at = slice(MINUTE - 1, None, MINUTE)
    means, errors, least = [], [], []
    for arm in pair:
        n, x, xx = (np.cumsum(one, axis=1)[:, at] for one in (arm.count, arm.sum, arm.squares))
        mean = x / np.maximum(n, 1)
        means.append(mean)
        errors.append(np.maximum(xx / np.maximum(n, 1) - mean * mean, 0) / np.maximum(n - 1, 1))
        least.append(n)
    error = np.sqrt(errors[0] + errors[1])
    z = np.divide(means[1] - means[0] - margin, error, out=np.zeros_like(error), where=error > 0)
    looks = (z > norm.ppf(0.95)) & (np.minimum(*least) >= 10)
    looks[:, : since // MINUTE] = False
    return np.where(looks.any(axis=1), (np.argmax(looks, axis=1) + 1.0) * MINUTE, np.inf)


def usual_mean(shape: str) -> float:
    return float(SHAPES[shape] @ LEVELS / SHAPES[shape].sum())


def identical(runs: int, quick: bool) -> Table:
    """One hour, no margin at all: every Fail is false."""
    rows = []
    for shape, weight, rate in cells(quick):
        rng = np.random.default_rng([9, rate, int(1000 * weight), len(shape)])
        pair = measured(rng, runs, HOUR, rate=rate, weight=weight, shape=shape)
        ours = MeanEvidences(runs, 0.0, hour_before(rng, runs, rate=rate, shape=shape))
        found = [first_fail(ours, pair, ALPHA.fail), *rivals(pair, 0.0, usual_mean(shape))]
        shares = [percent(float(np.mean(np.isfinite(ends))), limit=ERROR_RATE) for ends in found]
        rows.append([shape, f"{100 * weight:g} %", f"{rate}/s", *shares])
    return Table("means", ["measured", "weight", "traffic", "Modelwright", *RIVAL_NAMES], rows)


def passing(runs: int, quick: bool) -> Table:
    """A healthy candidate and one at twice the margin, in a step of at least five minutes and at most three hours."""
    rows = []
    for shape, weight, rate in cells(quick):
        if weight * rate < 5 or rate > 50 > weight * rate:
            continue
        row = [shape, f"{100 * weight:g} %", f"{rate}/s"]
        for worse in (0.0, 2 * MARGIN):
            rng = np.random.default_rng([10, rate, int(1000 * weight), len(shape)])
            pair = measured(rng, runs, 3 * HOUR, rate=rate, weight=weight, shape=shape, worse=worse)
            failed, passed = _decided(MeanEvidences(runs, MARGIN, hour_before(rng, runs, rate=rate, shape=shape)), pair)
            promoted, back = (float(np.mean(np.isfinite(ends))) for ends in (passed, failed))
            if worse:
                row += [percent(promoted, limit=0.05), percent(back), seconds(failed)]
            else:
                row += [percent(promoted), seconds(passed), percent(back, limit=ERROR_RATE)]
        rows.append(row)
    head = ["measured", "weight", "traffic", "healthy: promoted", "median", "rolled back"]
    return Table("means-passing", [*head, "twice the margin: promoted", "rolled back", "median"], rows)


def _decided(evidence: MeanEvidences, pair: Pair) -> tuple[Floats, Floats]:
    failed, passed = (np.full(len(pair[0].count), np.inf) for _ in range(2))
    for block in range(pair[0].count.shape[1]):
        evidence.add(*pair, block)
        is_open = np.isinf(failed) & np.isinf(passed)
        fails = is_open & evidence.fails(ALPHA.fail)
        failed[fails] = block + 1
        if block >= 29:
            enough = np.minimum(evidence.stable.count, evidence.candidate.count) >= ENOUGH
            passed[is_open & ~fails & enough & evidence.passes(ALPHA.pass_)] = block + 1
        if not is_open.any():
            break
    return failed, passed


def late(runs: int, quick: bool) -> Table:
    """50 requests a second: the candidate's mean rises by five margins after a time of health."""
    rows = []
    health = {"none": 0, "10 min": 60} if quick else {"none": 0, "10 min": 60, "1 h": HOUR}
    for shape in ("scores",) if quick else SHAPES:
        for weight in (0.5,) if quick else (0.1, 0.5):
            rng = np.random.default_rng([11, int(1000 * weight), len(shape)])
            before = measured(rng, runs, max(health.values()), rate=50, weight=weight, shape=shape)
            after = measured(rng, runs, HOUR, rate=50, weight=weight, shape=shape, worse=5 * MARGIN)
            evidence, folded = MeanEvidences(runs, MARGIN, hour_before(rng, runs, rate=50, shape=shape)), 0
            for name, begins in health.items():
                for block in range(folded, begins):
                    evidence.add(*before, block)
                folded = begins
                ours = first_fail(copy.deepcopy(evidence), after, ALPHA.fail)
                whole = tuple(_joined(one, other, begins) for one, other in zip(before, after, strict=True))
                theirs = [ends - begins for ends in rivals((whole[0], whole[1]), MARGIN, usual_mean(shape), begins)]
                shown = f"{seconds(ours)} (90 %: {seconds(ours, 0.9)})"
                rows.append([shape, f"{100 * weight:g} %", name, shown, *(seconds(ends) for ends in theirs)])
    return Table("means-late", ["measured", "weight", "health before", "Modelwright", *RIVAL_NAMES], rows)


def _joined(before: MeanArrivals, after: MeanArrivals, begins: int) -> MeanArrivals:
    pairs = zip(vars(before).values(), vars(after).values(), strict=True)
    return MeanArrivals(*(np.concatenate([one[:, :begins], other], axis=1) for one, other in pairs))
