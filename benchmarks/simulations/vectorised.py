"""The evidence of modelwright.analysis for many simulated rollouts at once, one per element of an array.

An implementation of its own, in numpy: tests/analysis/test_simulations.py holds both to the same numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, logsumexp, xlogy

from modelwright.analysis import harm, starts
from modelwright.analysis.before import LATELY
from modelwright.analysis.dispersion import SCALES
from modelwright.analysis.margin import Margin
from modelwright.analysis.sequence import ANYWHERE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_EXCESSES = np.array(starts.EXCESSES)[:, None]


@dataclass(frozen=True)
class Arrivals:
    """What each of many rollouts counted, [rollout, block]: observations and bad ones of both arms."""

    stable: Ints
    stable_bad: Ints
    candidate: Ints
    candidate_bad: Ints

    def __getitem__(self, blocks: slice) -> Arrivals:
        arms = (self.stable, self.stable_bad, self.candidate, self.candidate_bad)
        return Arrivals(*(arm[:, blocks] for arm in arms))

    @property
    def shape(self) -> tuple[int, int]:
        rollouts, blocks = self.stable.shape
        return rollouts, blocks


def stacked(many: Sequence[Arrivals]) -> Arrivals:
    """Rollouts of several kinds as one set: arrays of numpy cost hardly more for ten times as many."""
    return Arrivals(*(np.concatenate(arms) for arms in zip(*(vars(one).values() for one in many), strict=True)))


class Dispersions:
    """dispersion.Dispersion of one arm, for all rollouts."""

    def __init__(self, rollouts: int) -> None:
        shape = (len(SCALES), rollouts)
        self.blocks, self.stretches = np.zeros(shape, int), np.zeros(shape, int)
        self.bad, self.count = np.zeros(shape), np.zeros(shape)
        self.usual, self.squares = np.zeros(shape), np.zeros(shape)

    def add(self, bad: Ints | Floats, count: Ints | Floats) -> None:
        self.blocks += 1
        self.bad += bad
        self.count += count
        done = (self.blocks >= np.array(SCALES)[:, None]) & (self.count > 0)
        rate = np.divide(self.bad, self.count, out=np.zeros_like(self.bad), where=done)
        compared = done & (self.stretches > 0)
        memory = np.clip(self.stretches, 1, 8)
        width = (1 + 1 / memory) / np.where(done, self.count, 1)
        self.squares += np.where(compared, (rate - self.usual) ** 2 / width, 0)
        share = np.where(self.stretches > 0, 1 / (memory + 1), 1.0)
        self.usual = np.where(done, self.usual + (rate - self.usual) * share, self.usual)
        self.stretches += done
        for open_stretch in (self.blocks, self.bad, self.count):
            open_stretch[done] = 0

    def factor(self, bad: Floats, count: Floats) -> Floats:
        p = (bad + 0.5) / (count + 1)
        return self.over(p * (1 - p))

    def over(self, variance: Floats) -> Floats:
        """At least 1, for observations of this variance."""
        known = np.where(self.stretches > 4, self.squares / np.maximum(self.stretches - 1, 1), 0)
        factor: Floats = np.maximum(1.0, known.max(axis=0) / variance)
        return factor

    @property
    def settled(self) -> Flags:
        return np.asarray((self.stretches > 4).all(axis=0))


class Befores:
    """before.Before of all rollouts, from what stable counted in the hour before, [rollout, block]."""

    def __init__(self, stable: Ints, bad: Ints) -> None:
        self.dispersions = Dispersions(len(stable))
        for block in range(stable.shape[1]):
            self.dispersions.add(bad[:, block], stable[:, block])
        self.seen, self.seen_bad = (arm.sum(axis=1).astype(float) for arm in (stable, bad))
        self.lately, self.lately_bad = (arm[:, -LATELY:].sum(axis=1).astype(float) for arm in (stable, bad))


class Evidences:
    """evidence.Evidence of all rollouts, with nothing known from before or with that of Befores."""

    def __init__(self, rollouts: int, margin: Margin, before: Befores | None = None) -> None:
        self.margin = margin
        none = np.zeros(rollouts)
        self.stable, self.stable_bad, self.candidate, self.candidate_bad = none, none, none, none
        self.usual, self.usual_bad, self.before, self.before_bad = none, none, none, none
        self.blocks = np.zeros(rollouts, int)
        self.logs = np.full((len(starts.EXCESSES), rollouts), -np.inf)
        self.recent = np.zeros((len(starts.EXCESSES), rollouts))
        self.recent_blocks = np.zeros((len(starts.EXCESSES), rollouts), int)
        self.of_stable, self.of_candidate = Dispersions(rollouts), Dispersions(rollouts)
        if before:
            self.of_stable = copy.deepcopy(before.dispersions)
            self.before, self.before_bad = before.seen, before.seen_bad
            self.usual, self.usual_bad = before.lately, before.lately_bad

    def stable_factor(self) -> Floats:
        return self.of_stable.factor(self.before_bad + self.stable_bad, self.before + self.stable)

    def add(self, stable: Ints, stable_bad: Ints, candidate: Ints, candidate_bad: Ints) -> None:
        """Fold one block of every rollout."""
        dispersion = self.stable_factor()
        both = (stable > 0) & (candidate > 0)
        block = self._log_e(stable, stable_bad, candidate, candidate_bad) / dispersion
        known = self.before_bad + self.stable_bad >= starts.KNOWN_EVENTS * dispersion
        cap = np.log(caps(known, self.of_stable.settled))
        block = np.where(self.usual > 0, np.minimum(block, cap), 0.0)
        self.logs = np.where(both, block + np.logaddexp(self.logs, log_of_start(self.blocks + 1)), self.logs)
        self.recent, self.recent_blocks = with_recent(self.recent, self.recent_blocks, block, both)
        self.blocks = self.blocks + both
        self.usual, self.usual_bad = self.usual + both * stable, self.usual_bad + both * stable_bad
        self.stable, self.stable_bad = self.stable + stable, self.stable_bad + stable_bad
        self.candidate, self.candidate_bad = self.candidate + candidate, self.candidate_bad + candidate_bad
        self.of_stable.add(stable_bad, stable)
        self.of_candidate.add(candidate_bad, candidate)

    def log_e(self) -> Floats:
        return mixed(self.logs, self.blocks)

    def fails(self, alpha: float) -> Flags:
        return np.asarray((self.log_e() >= -np.log(alpha)) & enough_blocks(self.recent, self.recent_blocks))

    def passes(self, alpha: float, doubt: float, among: Flags | None = None) -> Flags:
        """Which (`among` some) are within the margin for sure, and without fresh evidence to the contrary."""
        calm = self.recent.max(axis=0) < doubt
        seen = (self.stable > 0) & (self.candidate > 0)
        seen = seen if among is None else seen & among
        # Cheap first: what is not within by its mean is not within for sure.
        mean = self.candidate_bad / np.maximum(self.candidate, 1)
        likely = seen & calm & (mean <= self._limit(self.stable_bad / np.maximum(self.stable, 1)))
        result: Flags = np.zeros(likely.shape, dtype=np.bool_)
        if likely.any():
            dispersion = np.maximum(
                self.stable_factor(),
                self.of_candidate.factor(self.candidate_bad, self.candidate),
            )[likely]
            low = bound(self.stable_bad[likely], self.stable[likely], alpha / 2, dispersion, upper=False)
            high = bound(self.candidate_bad[likely], self.candidate[likely], alpha / 2, dispersion, upper=True)
            result[likely] = high <= self._limit(low)
        return result

    def _limit(self, stable: Floats) -> Floats:
        return self.margin.slope * stable + self.margin.bad_limit(0.0)

    def _log_e(self, stable: Ints, stable_bad: Ints, candidate: Ints, candidate_bad: Ints) -> Floats:
        usual, q, worse, at = self._imagined(stable, candidate)
        return log_ratio(stable, stable_bad, usual, q) + log_ratio(candidate, candidate_bad, worse, at)

    def _imagined(self, stable: Ints, candidate: Ints) -> tuple[Floats, Floats, Floats, Floats]:
        """Stable's and the candidate's proportions, each as imagined and at the nearest point of the null hypothesis.

        Where no worse candidate is possible all are the same, and nothing follows from any counts.
        """
        usual = np.maximum((self.usual_bad + 0.5) / (self.usual + 1), harm.LEAST)
        limit = self._limit(usual)
        worse = limit + _EXCESSES * np.maximum(limit - usual, np.minimum(usual, 1 - usual) / 8)
        worse = np.where(worse < 1, worse, (limit + 1) / 2)
        possible = (limit < 1) & (usual < 1)
        worse = np.where(possible, worse, 0.5)
        usual = np.where(possible, usual, 0.1)
        slope, intercept = self.margin.slope, self.margin.bad_limit(0.0)
        high = np.where(possible, (worse - intercept) / slope, 0.2)
        q = nearest(stable, usual, candidate, worse, (slope, intercept), high)
        at = slope * q + intercept
        q, at = np.where(possible, q, usual), np.where(possible, at, worse)
        return np.broadcast_to(usual, worse.shape), q, worse, at


def nearest(
    stable: Ints, usual: Floats, candidate: Ints, worse: Floats, line: tuple[float, float], high: Floats
) -> Floats:
    """harm._nearest between `usual` and `high`: there by bisection, here a cubic's root and Newton's steps."""
    k, b = line
    n, m = np.maximum(stable, 1), candidate
    cubic = -k * k * (n + m)
    square = n * (k * (1 - 2 * b) + k * k * usual) + k * m * (k - b + worse)
    linear = n * (b * (1 - b) - usual * k * (1 - 2 * b)) + k * m * (b - worse)
    constant = -n * usual * b * (1 - b)
    shift = square / (3 * cubic)
    p = linear / cubic - 3 * shift * shift
    r = 2 * shift**3 - shift * linear / cubic + constant / cubic
    size = 2 * np.sqrt(np.maximum(-p, 1e-300) / 3)
    angle = np.arccos(np.clip(3 * r / (np.minimum(p, -1e-300) * size), -1, 1)) / 3
    roots = np.stack([size * np.cos(angle - 2 * np.pi * turn / 3) - shift for turn in range(3)])
    outside = np.maximum(usual - roots, roots - high)
    q = np.take_along_axis(roots, outside.argmin(axis=0)[None], axis=0)[0]
    for _ in range(3):
        q = np.clip(q, usual, high)
        at = k * q + b
        here, there = q * (1 - q), at * (1 - at)
        value = n * (q - usual) / here + k * m * (at - worse) / there
        rise = n * (here - (q - usual) * (1 - 2 * q)) / here**2
        rise = rise + k * k * m * (there - (at - worse) * (1 - 2 * at)) / there**2
        q = q - value / rise
    return np.asarray(np.clip(q, usual, high))


def caps(known: Flags, settled: Flags) -> Floats:
    """starts.guarded's cap of a block for each rollout."""
    return np.where(known, np.where(settled, starts.CAP_SETTLED, starts.CAP), starts.CAP_AT_FIRST)


_MOST_BLOCKS = starts.EVENLY[-1]
_LOG_OF_START = np.log([starts.weight_of_start(number) for number in range(1, _MOST_BLOCKS)])
_LOG_WAITING = np.log([starts.waiting(blocks) for blocks in range(_MOST_BLOCKS)])


def log_of_start(number: Ints) -> Floats:
    """ln of starts.weight_of_start for each rollout, for up to two days of blocks."""
    return np.asarray(_LOG_OF_START[number - 1])


def mixed(logs: Floats, blocks: Ints) -> Floats:
    """starts.Starts.log_e for each rollout."""
    parts = np.concatenate([_LOG_WAITING[blocks][None], logs - np.log(len(logs))])
    largest = parts.max(axis=0)
    return np.asarray(largest + np.log(np.exp(parts - largest).sum(axis=0)))


def with_recent(recent: Floats, blocks: Ints, log_e: Floats, both: Flags) -> tuple[Floats, Ints]:
    """starts.Recent: the newest evidence, never below 0, and how many blocks it comes from."""
    after = np.where(both, np.maximum(recent + log_e, 0), recent)
    return after, np.where(both, np.where(after > 0, blocks + 1, 0), blocks)


def enough_blocks(recent: Floats, blocks: Ints) -> Flags:
    """Whether the clearest of the newest evidence comes from as many as a Fail needs."""
    clearest = recent.argmax(axis=0)
    return np.asarray(np.take_along_axis(blocks, clearest[None], axis=0)[0] >= starts.LEAST_BLOCKS)


def log_ratio(total: Ints, bad: Ints, imagined: Floats, null: Floats) -> Floats:
    """ln of the likelihood ratio of two proportions."""
    good = np.log1p(-imagined) - np.log1p(-null)
    return np.asarray(bad * np.log(imagined / null) + (total - bad) * good)


def bound(bad: Floats, count: Floats, alpha: float, dispersion: Floats, *, upper: bool) -> Floats:
    """One end of sequence.confidence_sequence for each element; `count` above 0."""
    x, rest = bad / dispersion, (count - bad) / dispersion
    each = [betaln(prior.a + x, prior.b + rest) - betaln(prior.a, prior.b) for prior in ANYWHERE]
    at_mean = (
        logsumexp(np.array(each), axis=0)
        - np.log(len(each))
        - (xlogy(x, x) + xlogy(rest, rest) - xlogy(x + rest, x + rest))
    )
    limit = -np.log(alpha) - at_mean
    mean = bad / count
    inside, outside = mean.copy(), np.full_like(mean, 1.0 if upper else 0.0)
    limit = limit - xlogy(x, mean) - xlogy(rest, 1 - mean)
    for _ in range(36):
        p = (inside + outside) / 2
        # At an end of [0, 1] there is nothing to look for.
        with np.errstate(divide="ignore", invalid="ignore"):
            far = -x * np.log(p) - rest * np.log1p(-p) >= limit
        inside, outside = np.where(far, inside, p), np.where(far, p, outside)
    ends = (bad == count) if upper else (bad == 0)
    return np.where(ends, 1.0 if upper else 0.0, outside)
