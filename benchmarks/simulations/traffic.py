"""Simulated traffic: requests of two arms with errors that are independent, come in bursts, or begin late."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from benchmarks.simulations.vectorised import Arrivals, Ints
from numpy.typing import NDArray

SECONDS = 10
"""Length of a block."""


class Sticky(StrEnum):
    """What a burst of errors stays with, and so how long it lasts. It never changes arms."""

    CONNECTION = "connection"  # all at once
    USER = "user"  # one retry a second
    POD = "pod"  # half of the pod's requests fail until it is over; every pod serves at most 10 requests a second


_USER_RATE = 1.0
_POD_RATE = 5.0


def independent(
    rng: np.random.Generator, rollouts: int, blocks: int, *, rate: float, weight: float, stable: float, candidate: float
) -> Arrivals:
    """`rate` requests a second, `weight` (0 to 1) of them to the candidate, each in error by itself."""
    counts = [rng.poisson(rate * SECONDS * share, (rollouts, blocks)) for share in (1 - weight, weight)]
    bad = [rng.binomial(count, p) for count, p in zip(counts, (stable, candidate), strict=True)]
    return Arrivals(counts[0], bad[0], counts[1], bad[1])


def bursts(
    rng: np.random.Generator,
    rollouts: int,
    blocks: int,
    *,
    rate: float,
    weight: float,
    stable: float,
    candidate: float,
    mean: float,
    sticky: Sticky,
) -> Arrivals:
    """As `independent`, with errors in bursts of geometric size with this mean; the share of errors stays the same."""
    if mean <= 1:
        return independent(rng, rollouts, blocks, rate=rate, weight=weight, stable=stable, candidate=candidate)
    counts, bad = [], []
    for share, p in ((1 - weight, stable), (weight, candidate)):
        expected = rate * SECONDS * share
        errors = bursts_of_one_arm(rng, rollouts, blocks, expected * p / mean, mean, sticky, rate * share)
        # Errors are requests as well: a burst comes on top of the usual traffic.
        counts.append(rng.poisson(expected * (1 - p), (rollouts, blocks)) + errors)
        bad.append(errors)
    return Arrivals(counts[0], bad[0], counts[1], bad[1])


def joined(before: Arrivals, after: Arrivals) -> Arrivals:
    """One after the other."""
    pairs = zip(vars(before).values(), vars(after).values(), strict=True)
    return Arrivals(*(np.concatenate(pair, axis=1) for pair in pairs))


def bursts_of_one_arm(
    rng: np.random.Generator,
    rollouts: int,
    blocks: int,
    starts: float,
    mean: float,
    sticky: Sticky,
    rate: float,
) -> Ints:
    """Errors per block; `starts` bursts begin per block, on average, at any moment of it."""
    began = rng.poisson(starts, (rollouts, blocks))
    rows, columns = np.nonzero(began)
    often = began[rows, columns]
    rows, columns = np.repeat(rows, often), np.repeat(columns, often)
    sizes = rng.geometric(1 / mean, len(rows))
    moments = columns * SECONDS + rng.uniform(0, SECONDS, len(rows))
    errors: NDArray[np.int64] = np.zeros((rollouts, blocks), int)
    per_second = {Sticky.CONNECTION: np.inf, Sticky.USER: _USER_RATE, Sticky.POD: min(_POD_RATE, rate / 2)}[sticky]
    row = np.repeat(rows, sizes)
    nth = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    block = ((np.repeat(moments, sizes) + nth / per_second) // SECONDS).astype(int)
    inside = block < blocks
    np.add.at(errors, (row[inside], block[inside]), 1)
    return errors
