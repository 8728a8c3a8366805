"""The evidence about bounded means of modelwright.analysis for many simulated rollouts at once, as vectorised.py."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from benchmarks.simulations.vectorised import (
    Dispersions,
    Flags,
    Floats,
    caps,
    enough_blocks,
    log_of_start,
    mixed,
    with_recent,
)

from modelwright.analysis import starts
from modelwright.analysis.before import LATELY

_EXCESSES = np.array(starts.EXCESSES)[:, None]


@dataclass(frozen=True)
class MeanArrivals:
    """What each of many rollouts measured, [rollout, block], within [0, 1]: number, sum and sum of squares."""

    count: Floats
    sum: Floats
    squares: Floats


class MeanArms:
    """means.Arm of all rollouts."""

    def __init__(self, rollouts: int) -> None:
        self.count, self.sum, self.squares = np.zeros(rollouts), np.zeros(rollouts), np.zeros(rollouts)
        self.weights, self.weighted, self.spent = np.zeros(rollouts), np.zeros(rollouts), np.zeros(rollouts)
        self.dispersions = Dispersions(rollouts)

    @property
    def mean(self) -> Floats:
        return np.asarray((self.sum + 0.5) / (self.count + 1))

    @property
    def variance(self) -> Floats:
        spread = 0.25 + self.squares - self.sum * self.sum / np.maximum(self.count, 1)
        return np.asarray(np.maximum(spread, 0) / (self.count + 1))

    def add(self, count: Floats, total: Floats, squares: Floats) -> None:
        some = count > 0
        seen = np.where(some, self.count + count, 1.0)
        rate = np.minimum(np.sqrt(2 * np.log(2 / 0.01) / (self.variance * seen * np.log1p(seen))), 0.5)
        guess = self.mean
        around = np.maximum(squares - 2 * guess * total + count * guess * guess, 0)
        self.weights = self.weights + rate * count
        self.weighted = self.weighted + rate * total
        self.spent = self.spent + (-np.log1p(-rate) - rate) * around
        self.count, self.sum, self.squares = self.count + count, self.sum + total, self.squares + squares
        self.disperse(count, total)

    def disperse(self, count: Floats, total: Floats) -> None:
        some = count > 0
        if some.all():
            self.dispersions.add(total, count)
            return
        known = {name: value.copy() for name, value in vars(self.dispersions).items()}
        self.dispersions.add(total, count)
        for name, value in known.items():
            setattr(self.dispersions, name, np.where(some, getattr(self.dispersions, name), value))

    def after(self, before: MeanArms) -> MeanArms:
        """All that is known of the arm."""
        both = MeanArms(len(self.count))
        for name in ("count", "sum", "squares"):
            setattr(both, name, getattr(before, name) + getattr(self, name))
        return both

    def ends(self, alpha: float, dispersion: Floats) -> tuple[Floats, Floats]:
        radius = (dispersion * np.log(2 / alpha) + self.spent) / np.maximum(self.weights, 1e-300)
        middle = self.weighted / np.maximum(self.weights, 1e-300)
        return np.maximum(middle - radius, 0), np.minimum(middle + radius, 1)


class MeanEvidences:
    """means.MeanEvidence of all rollouts, for a largest increase; `hour` is what stable measured before."""

    def __init__(self, rollouts: int, margin: float, hour: MeanArrivals | None = None) -> None:
        self.margin = margin
        self.stable, self.candidate = MeanArms(rollouts), MeanArms(rollouts)
        self.before, self.lately = MeanArms(rollouts), MeanArms(rollouts)
        if hour:
            for arm, since in ((self.before, 0), (self.lately, -LATELY)):
                for name, counted in vars(hour).items():
                    setattr(arm, name, counted[:, since:].sum(axis=1))
            for block in range(hour.count.shape[1]):
                self.stable.disperse(hour.count[:, block], hour.sum[:, block])
        self.blocks = np.zeros(rollouts, int)
        self.logs = np.full((len(starts.EXCESSES), rollouts), -np.inf)
        self.recent = np.zeros((len(starts.EXCESSES), rollouts))
        self.recent_blocks = np.zeros((len(starts.EXCESSES), rollouts), int)

    def add(self, stable: MeanArrivals, candidate: MeanArrivals, block: int) -> None:
        """Fold the block with this number."""
        n, x, xx = (arm[:, block] for arm in (stable.count, stable.sum, stable.squares))
        m, y, yy = (arm[:, block] for arm in (candidate.count, candidate.sum, candidate.squares))
        both = (n > 0) & (m > 0)
        dispersion, known = self.stable_factor(), self.stable.after(self.before)
        usual = self.stable.after(self.lately)
        ratio = np.where(both, m / np.maximum(n, 1), 1.0)
        of_stable, of_candidate = usual.variance, self.candidate.variance
        imagined = _EXCESSES * np.maximum(self.margin, np.sqrt(of_stable) / 8)
        rate = np.minimum(imagined / (of_candidate + ratio * of_stable), np.minimum(0.5, 0.5 / ratio))
        gained = rate * (y - m * self.margin) - ratio * rate * x
        gained = gained - _cost(rate, m, y, yy, self.candidate.mean) - _cost(ratio * rate, n, x, xx, usual.mean)
        gained = np.where(usual.mean + self.margin < 1, gained, 0.0)
        many = known.count * known.variance >= starts.KNOWN_EVENTS * dispersion
        cap = np.log(caps(many, self.stable.dispersions.settled))
        taught = (self.blocks > 0) | (self.lately.count > 0)
        log_e = np.where(taught, np.minimum(gained / dispersion, cap), 0.0)
        self.logs = np.where(both, log_e + np.logaddexp(self.logs, log_of_start(self.blocks + 1)), self.logs)
        self.recent, self.recent_blocks = with_recent(self.recent, self.recent_blocks, log_e, both)
        self.blocks = self.blocks + both
        self.stable.add(n, x, xx)
        self.candidate.add(m, y, yy)

    def stable_factor(self) -> Floats:
        return self.stable.dispersions.over(self.stable.after(self.before).variance)

    def log_e(self) -> Floats:
        return mixed(self.logs, self.blocks)

    def fails(self, alpha: float) -> Flags:
        return np.asarray((self.log_e() >= -np.log(alpha)) & enough_blocks(self.recent, self.recent_blocks))

    def passes(self, alpha: float) -> Flags:
        dispersion = np.maximum(self.stable_factor(), self.candidate.dispersions.over(self.candidate.variance))
        low, _ = self.stable.ends(alpha / 2, dispersion)
        _, high = self.candidate.ends(alpha / 2, dispersion)
        seen = (self.stable.count > 0) & (self.candidate.count > 0)
        return np.asarray(seen & (high <= low + self.margin) & (self.recent.max(axis=0) < starts.DOUBT))


def _cost(rate: Floats, count: Floats, total: Floats, squares: Floats, guess: Floats) -> Floats:
    around = np.maximum(squares - 2 * guess * total + count * guess * guess, 0)
    return np.asarray((-np.log1p(-rate) - rate) * around)
