"""Folds raw samples of counters into integer deltas, per series and aware of resets. Pure: no client, no clock.

Why not `increase()`: it extrapolates, and it loses the first value of every new series. Only the candidate has new
series, so of 3.0 true errors 0.8 are seen. Here a series that began after the evidence did counts from 0.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import inf, isfinite

from modelwright.metrics.reasons import Reason, Unanswered

Labels = frozenset[tuple[str, str]]
Sample = tuple[float, float]

EARLIER = 0.0
"""The time, in unix seconds, under which a tally keeps the growth that is too old to be told apart."""


@dataclass(frozen=True)
class Series:
    """Raw samples of one counter, (unix seconds, value), in the order of time."""

    labels: Labels
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Reached:
    """How far one series has been folded: the time and the rounded value of its newest sample."""

    at: float
    value: int


@dataclass(frozen=True)
class Tally:
    """What counters grew by. `grown` holds (time, growth) in the order of time, only where something grew.

    Folding the same samples again, in pieces that overlap, changes nothing: what lies before `reached` is skipped.
    Growth is in whole parts, of which `parts` make one: 1 for what is counted, more for sums of what is measured.
    """

    reached: Mapping[Labels, Reached] = field(default_factory=dict)
    grown: tuple[tuple[float, int], ...] = ()
    parts: int = 1

    @classmethod
    def starting(cls, values: Iterable[tuple[Labels, float]], at: float, parts: int = 1) -> Tally:
        """Begin at `at` with the last value that each series had by then."""
        return cls({labels: Reached(at, _rounded(value, parts)) for labels, value in values}, parts=parts)

    @property
    def newest(self) -> float:
        """The time of the newest sample of any series; minus infinity before the first."""
        return max((reached.at for reached in self.reached.values()), default=-inf)

    @property
    def grew_at(self) -> float:
        """The time of the newest growth; minus infinity before the first."""
        return self.grown[-1][0] if self.grown else -inf

    def total(self, after: float = -inf) -> int:
        """The growth by samples later than `after`."""
        return sum(growth for _, growth in self.grown[bisect_right(self.grown, (after, inf)) :])

    def folded(self, series: Iterable[Series], *, absent_until: float = -inf) -> Tally:
        """Go on with newer samples.

        A series that is not known and begins after `absent_until` counts from 0: its first value is growth. One that
        begins earlier may have been there before, so that its first value is where it starts. Raises Unanswered for
        values that no counter can have.
        """
        reached = dict(self.reached)
        growth: dict[float, int] = {}
        for one in series:
            known = reached.get(one.labels)
            for at, raw in one.samples:
                if known is not None and at <= known.at:
                    continue
                value = _rounded(raw, self.parts)
                if known is None:
                    before = 0 if at > absent_until else value
                else:
                    before = known.value if value >= known.value else 0
                if value > before:
                    growth[at] = growth.get(at, 0) + value - before
                known = Reached(at, value)
            if known is not None:
                reached[one.labels] = known
        # TRAP: another target's sample may be older than growth already known, so the whole has to be sorted again.
        merged = dict(self.grown)
        for at, more in growth.items():
            merged[at] = merged.get(at, 0) + more
        return replace(self, reached=reached, grown=tuple(sorted(merged.items())))

    def in_blocks(self, length: float, *, earlier_than: float = -inf) -> Tally:
        """The same growth with one entry per block of `length` seconds, at its start; what lies in blocks that begin
        before `earlier_than` becomes one entry at EARLIER. For evidence of which nothing ever expires."""
        merged: dict[float, int] = {}
        for at, growth in self.grown:
            start = at if at == EARLIER else at // length * length
            start = EARLIER if start < earlier_than else start
            merged[start] = merged.get(start, 0) + growth
        return replace(self, grown=tuple(sorted(merged.items())))

    def forgetting(self, *, growth_before: float, series_before: float) -> Tally:
        """Without the growth up to a time, and without series that have been silent since an earlier time."""
        return replace(
            self,
            reached={labels: reached for labels, reached in self.reached.items() if reached.at > series_before},
            grown=self.grown[bisect_right(self.grown, (growth_before, inf)) :],
        )


def _rounded(value: float, parts: int) -> int:
    """Counters are whole numbers by meaning. Rounding values, not differences, lets no rounding error build up."""
    if not isfinite(value):
        raise Unanswered(Reason.NOT_A_NUMBER, "a counter has a value that is not a finite number")
    if value < 0:
        raise Unanswered(Reason.NOT_A_COUNTER, "a counter has a negative value, so it is not a counter")
    return round(value * parts)
