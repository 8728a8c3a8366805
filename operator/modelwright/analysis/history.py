"""What is usual for stable at this hour: bounds from its own past, for metrics that move with the day or the week.

The expected value is the median of the same hour in past seasons. How far a value strays from it is taken from many
hours together, because eight seasons of one hour are too few to know: each past value is compared with the median of
the same hour in all other seasons, which is how the value of now is compared. One deviation is what two thirds of them
stay within, so that a few wild hours do not widen it. No probability is promised over many looks: that is what
`limits.fail` and a trigger's `for` are there for (docs/statistics.md has what was measured).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import ceil, isfinite
from statistics import median

from modelwright.analysis.numbers import counted
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds, History

SEASONS = 8
"""Past seasons of this hour without which nothing is known."""
DEVIATIONS = 30
"""Past deviations without which one deviation is not known."""
NEIGHBOURS = 3
"""Hours before and after this one whose deviations count as well: nights stray less than days."""
HOUR = timedelta(hours=1)
_WITHIN_ONE = 0.6827

Span = tuple[datetime, datetime]
"""From when until when, ends included."""


@dataclass(frozen=True)
class PastValue:
    """`season` counts back from now: 1 is a week (or a day) ago. `slot` 0 is the hour of now, others its neighbours."""

    season: int
    slot: int
    value: float


@dataclass(frozen=True)
class Past:
    """What is known, and how many seasons of this hour were left out because they lie in a span that says nothing."""

    values: tuple[PastValue, ...]
    left_out: int = 0


def past_of(points: Iterable[tuple[datetime, float]], at: datetime, history: History, left_out: Sequence[Span]) -> Past:
    """The points that lie whole seasons before `at`, give or take NEIGHBOURS hours, and in no span of `left_out`."""
    values, excluded = [], set()
    for time, value in points:
        season = round((at - time) / history.season.length)
        slot = round((time - (at - season * history.season.length)) / HOUR)
        if season < 1 or abs(slot) > NEIGHBOURS or at - time > history.window + NEIGHBOURS * HOUR:
            continue
        if any(begin <= time <= end for begin, end in left_out):
            if slot == 0:
                excluded.add(season)
        elif isfinite(value):
            values.append(PastValue(season, slot, value))
    return Past(tuple(values), len(excluded))


def history_bounds(past: Past, deviations: Decimal) -> Bounds | Finding:
    """Bounds for the value of now, so many deviations around what is usual.

    Else NoData: TooFewSeasons, TooLittleHistory (fewer than DEVIATIONS), NothingVaries (no deviation at all: every
    change would lie outside).
    """
    slots: dict[int, list[float]] = defaultdict(list)
    for one in past.values:
        slots[one.slot].append(one.value)
    same_hour = slots.get(0, [])
    if len(same_hour) < SEASONS:
        without = f"; {counted(past.left_out)} more lie in rollouts or alarms" if past.left_out else ""
        message = (
            f"{counted(len(same_hour))} past seasons of this hour are known, {counted(SEASONS)} are needed{without}"
        )
        return Finding(Verdict.NO_DATA, "TooFewSeasons", message)
    strayed = sorted(
        abs(value - median([*values[:i], *values[i + 1 :]]))
        for values in slots.values()
        if len(values) >= SEASONS
        for i, value in enumerate(values)
    )
    if len(strayed) < DEVIATIONS:
        message = f"{counted(len(strayed))} past deviations are known, {counted(DEVIATIONS)} are needed"
        return Finding(Verdict.NO_DATA, "TooLittleHistory", message)
    deviation = strayed[ceil(len(strayed) * _WITHIN_ONE) - 1]
    if deviation == 0:
        return Finding(Verdict.NO_DATA, "NothingVaries", "the past is constant, so nothing says what is far from usual")
    usual, most = median(same_hour), float(deviations) * deviation
    return Bounds(_rounded(usual - most), _rounded(usual + most))


def _rounded(bound: float) -> Decimal:
    """To six digits: a bound is shown, and no more is known of it."""
    return Decimal(f"{Decimal(f'{bound:.6g}'):f}")
