"""Would evidence that is capped for each pod withstand bursts better? Modelwright does not do this; ADR 0016 says why.

Modelwright caps what a block of ten seconds may say. Here the candidate's counts are told apart by pod, and a block's
evidence is capped pod by pod besides, or leaves out the pod that speaks against the candidate most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

import numpy as np
from benchmarks.simulations.fixed_weight import ALPHA, ERROR_RATE
from benchmarks.simulations.steps import HOUR
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS, Sticky, bursts_of_one_arm, independent
from benchmarks.simulations.vectorised import Befores, Evidences, Floats, Ints, log_ratio

from modelwright.analysis.margin import max_increase

MARGIN = Decimal("0.005")
RULES: Mapping[str, float | None] = {
    "as it is": None,
    "at most 2 for each pod": 2.0,
    "at most 3 for each pod": 3.0,
    "without the clearest pod": 0.0,
}
SERVED_BY_A_POD = 10


@dataclass(frozen=True)
class Podded:
    """What each pod counted, [rollout, block, pod]."""

    stable: Ints
    stable_bad: Ints
    candidate: Ints
    candidate_bad: Ints


class PodEvidences(Evidences):
    """Evidences with a rule for the pods of the candidate, in the place of `add`."""

    def __init__(self, rollouts: int, rule: float | None, before: Befores | None = None) -> None:
        super().__init__(rollouts, max_increase(MARGIN), before)
        self.rule = rule

    def add_pods(self, counted: Podded, block: int) -> None:
        stable, stable_bad, pods, pods_bad = (arm[:, block] for arm in vars(counted).values())
        self._pods, self._pods_bad = pods, pods_bad
        self.add(stable.sum(1), stable_bad.sum(1), pods.sum(1), pods_bad.sum(1))

    def _log_e(self, stable: Ints, stable_bad: Ints, candidate: Ints, candidate_bad: Ints) -> Floats:
        """The log-likelihood ratio is a sum over pods, and less of it is still that of an e-value."""
        usual, q, worse, at = self._imagined(stable, candidate)
        of_stable = log_ratio(stable, stable_bad, usual, q)
        each = log_ratio(self._pods, self._pods_bad, worse[:, :, None], at[:, :, None])
        if self.rule == 0:
            return np.asarray(of_stable + each.sum(2) - np.maximum(each.max(2), 0))
        if self.rule:
            dispersion = self.stable_factor()
            each = np.minimum(each, dispersion[None, :, None] * np.log(self.rule))
        return np.asarray(of_stable + each.sum(2))


def first_fail(
    runs: int, rule: float | None, counted: Podded, *, before: Befores | None = None, begins: int = 0
) -> Floats:
    """Blocks from `begins` until each rollout fails."""
    evidence, failed = PodEvidences(runs, rule, before), np.full(runs, np.inf)
    for block in range(counted.stable.shape[1]):
        evidence.add_pods(counted, block)
        failed = np.where(np.isinf(failed) & evidence.fails(ALPHA.fail), block + 1 - begins, failed)
    return failed


def pods_of(rate: float) -> int:
    """As many as serve `rate` requests a second, at least the two of a proportional candidate."""
    return max(2, ceil(rate / SERVED_BY_A_POD))


def in_bursts(rng: np.random.Generator, runs: int, *, rate: float, p: float, mean: float, sticky: Sticky) -> list[Ints]:
    """One arm for an hour: totals and errors by pod. A user stays with one pod, as with session affinity."""
    pods = pods_of(rate)
    expected = rate * SECONDS / pods
    of_pod = rate / pods if sticky is Sticky.POD else rate
    bad = [bursts_of_one_arm(rng, runs, HOUR, expected * p / mean, mean, sticky, of_pod) for _ in range(pods)]
    errors = np.stack(bad, axis=2)
    return [rng.poisson(expected * (1 - p), errors.shape) + errors, errors]


def bursts_by_pod(runs: int, quick: bool) -> Table:
    """Identical models, one hour, margin half a point: every Fail is false."""
    rows = []
    grid = [(0.5, 50, 0.01), (0.1, 50, 0.01), (0.5, 2, 0.01)]
    for sticky in (Sticky.POD,) if quick else (Sticky.POD, Sticky.USER):
        for weight, rate, p in grid[2:3] if quick else grid:
            for mean in (20,) if quick else (20, 100):
                rng = np.random.default_rng([12, rate, int(1000 * weight), mean])
                arms = [
                    one
                    for share in (1 - weight, weight)
                    for one in in_bursts(rng, runs, rate=rate * share, p=p, mean=mean, sticky=sticky)
                ]
                hour = in_bursts(rng, runs, rate=rate, p=p, mean=mean, sticky=sticky)
                before = Befores(*(one.sum(2) for one in hour))
                found = [first_fail(runs, rule, Podded(*arms), before=before) for rule in RULES.values()]
                shares = [percent(float(np.mean(np.isfinite(ends))), limit=ERROR_RATE) for ends in found]
                rows.append([sticky.value, f"{100 * weight:g} %", f"{rate}/s", f"mean {mean}", *shares])
    return Table("pods", ["sticky by", "weight", "traffic", "bursts", *RULES], rows)


def late_by_pod(runs: int, quick: bool) -> Table:
    """5 % errors after ten minutes of health, in all pods alike or all of them in one pod."""
    rows = []
    for weight, rate in [(0.5, 50)] if quick else [(0.1, 50), (0.5, 50), (0.1, 200)]:
        for where in ("all pods", "one pod"):
            rng = np.random.default_rng([13, rate, int(1000 * weight)])
            begins, blocks = 60, 150
            counts = [
                rng.poisson(rate * share * SECONDS / pods, (runs, blocks, pods))
                for share, pods in ((1 - weight, pods_of(rate * (1 - weight))), (weight, pods_of(rate * weight)))
            ]
            odds = np.full(counts[1].shape, 0.002)
            odds[:, begins:, 0 if where == "one pod" else slice(None)] = (
                0.05 * counts[1].shape[2] if where == "one pod" else 0.05
            )
            arms = Podded(counts[0], rng.binomial(counts[0], 0.002), counts[1], rng.binomial(counts[1], odds))
            hour = independent(rng, runs, HOUR, rate=rate, weight=0, stable=0.002, candidate=0.002)
            before = Befores(hour.stable, hour.stable_bad)
            found = [first_fail(runs, rule, arms, before=before, begins=begins) for rule in RULES.values()]
            pods = f"{counts[1].shape[2]}"
            rows.append([f"{100 * weight:g} %", f"{rate}/s", pods, where, *(seconds(ends) for ends in found)])
    return Table("pods-late", ["weight", "traffic", "pods", "errors in", *RULES], rows)
