"""What is usual for stable at this hour: bounds from its own past, for metrics that move with the day or the week.

The expected value is the median of the same hour in past seasons. How far a value strays from it is taken from many
hours together, because eight seasons of one hour are too few to know: each past value is compared with the median of
the same hour in all other seasons, which is how the value of now is compared. The bounds hold for one look with
probability 1 - alpha as far as now is a season like the others, not over many looks: combine them with limits.fail.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, isfinite
from statistics import median

from modelwright.analysis.numbers import counted
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds


@dataclass(frozen=True)
class PastValue:
    """`season` counts back from now: 1 is a week (or a day) ago. `slot` 0 is the hour of now, others its neighbours.

    Left out by whoever asks: rollouts, times in which a trigger was firing, and other revisions.
    """

    season: int
    slot: int
    value: float


def history_bounds(past: Sequence[PastValue], *, alpha: float = 0.01, seasons: int = 8) -> Bounds | Finding:
    """Bounds for the value of now, else NoData: TooFewSeasons, TooLittleHistory (fewer than 1/alpha deviations).

    Raises ValueError for an alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, found {alpha}")
    slots: dict[int, list[float]] = defaultdict(list)
    for known in past:
        if isfinite(known.value):
            slots[known.slot].append(known.value)
    same_hour = slots.get(0, [])
    if len(same_hour) < seasons:
        message = f"{counted(len(same_hour))} seasons of this hour are known, {counted(seasons)} are needed"
        return Finding(Verdict.NO_DATA, "TooFewSeasons", message, samples=len(same_hour))
    deviations = sorted(
        abs(value - median([*values[:i], *values[i + 1 :]]))
        for values in slots.values()
        if len(values) >= seasons
        for i, value in enumerate(values)
    )
    rank = ceil((len(deviations) + 1) * (1 - alpha))
    if rank > len(deviations):
        needed = ceil(1 / alpha) - 1
        message = f"{counted(len(deviations))} past deviations are known, {counted(needed)} are needed"
        return Finding(Verdict.NO_DATA, "TooLittleHistory", message, samples=len(deviations))
    usual, most = Decimal(repr(median(same_hour))), Decimal(repr(deviations[rank - 1]))
    return Bounds(usual - most, usual + most)
