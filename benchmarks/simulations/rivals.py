"""What other tools do, for comparison. Each takes the margin from the start and looks once a minute; none keeps alpha.

They are written from descriptions of the methods, to the advantage of the methods where these leave a choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from benchmarks.simulations.vectorised import Arrivals, Floats, Ints
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu, norm

MINUTE = 6
"""Blocks between two looks."""

Rival = Callable[[Arrivals, float, Floats | float, int], NDArray[np.float64]]
"""(arrivals, accepted increase, stable's usual proportion, block from which on looks count) -> block of first Fail.

What is usual may be one for all or one for each rollout.
"""


def repeated_z_test(arrivals: Arrivals, margin: float, usual: Floats | float, since: int = 0) -> Floats:
    """A z-test of all counts so far at 5 %, one-sided, at every look with ten bad ones or more."""
    at = slice(MINUTE - 1, None, MINUTE)
    n, x, m, y = (np.cumsum(arm, axis=1)[:, at].astype(float) for arm in vars(arrivals).values())
    p, q = x / np.maximum(n, 1), y / np.maximum(m, 1)
    error = np.sqrt(p * (1 - p) / np.maximum(n, 1) + q * (1 - q) / np.maximum(m, 1))
    z = np.divide(q - p - margin, error, out=np.zeros_like(error), where=error > 0)
    return _first((z > norm.ppf(0.95)) & (x + y >= 10), since)


def three_in_a_row(arrivals: Arrivals, margin: float, usual: Floats | float, since: int = 0) -> Floats:
    """A fixed threshold, usual + margin (or half as much again as usual): three minutes in a row above it."""
    bad, count = _per_minute(arrivals.candidate_bad), _per_minute(arrivals.candidate)
    of_each = np.broadcast_to(np.asarray(usual, float), len(count))[:, None]
    above = bad > (of_each + (margin or of_each / 2)) * count
    rows = np.zeros_like(above)
    rows[:, 2:] = above[:, 2:] & above[:, 1:-1] & above[:, :-2]
    return _first(rows, since)


def mann_whitney(arrivals: Arrivals, margin: float, usual: Floats | float, since: int = 0) -> Floats:
    """Kayenta's judge: a Mann-Whitney test of the two arms' points per minute at 98 %, from ten points on.

    Like Kayenta's with its default tolerance: the candidate's points are moved down by a quarter of the difference.
    """
    stable = _per_minute(arrivals.stable_bad) / np.maximum(_per_minute(arrivals.stable), 1)
    candidate = _per_minute(arrivals.candidate_bad) / np.maximum(_per_minute(arrivals.candidate), 1) - margin
    failed = np.zeros(stable.shape, bool)
    for points in range(max(10, since // MINUTE + 1), stable.shape[1] + 1):
        s, c = stable[:, :points], candidate[:, :points]
        tolerated = 0.25 * np.maximum(np.median(c, axis=1) - np.median(s, axis=1), 0)
        result = mannwhitneyu(c - tolerated[:, None], s, axis=1, alternative="greater", method="asymptotic")
        failed[:, points - 1] = result.pvalue < 0.01
    return _first(failed, since)


RIVALS: Mapping[str, Rival] = {
    "repeated z-test": repeated_z_test,
    "three in a row": three_in_a_row,
    "Mann–Whitney": mann_whitney,
}


def _per_minute(counts: Ints) -> Ints:
    rollouts, blocks = counts.shape
    whole = blocks // MINUTE * MINUTE
    return np.asarray(counts[:, :whole].reshape(rollouts, -1, MINUTE).sum(axis=2))


def _first(looks: NDArray[np.bool_], since: int) -> Floats:
    looks = looks.copy()
    looks[:, : since // MINUTE] = False
    return np.where(looks.any(axis=1), (np.argmax(looks, axis=1) + 1.0) * MINUTE, np.inf)
