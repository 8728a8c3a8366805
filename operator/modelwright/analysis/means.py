"""Anytime-valid confidence sequence for a bounded mean, from counts, sums and sums of squares per block.

Observations are scaled to [0, 1]. For any lambda in [0, 1) and any guess g of the mean that were fixed before an
observation x with mean m,

    exp(lambda (x - m) - (-ln(1 - lambda) - lambda) (x - g)^2)

is at most 1 on average (Fan, Grama, Liu 2015, "Exponential inequalities for martingales with applications"), so their
product is a supermartingale, and by Ville's inequality its bound on m holds at all looks (the predictable plug-in
empirical Bernstein sequence of Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by
betting"). Lambda and g stay the same within a block, as functions of the blocks before it, and then the product needs
only the block's three sums. How many observations a block has may be known beforehand, as long as it says nothing of
their values. The logarithm is divided by the dispersion (dispersion.py), as everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from math import inf, log, log1p, sqrt

from modelwright.analysis.before import NO_MOMENTS_BEFORE, Before, before_moments, moments_before
from modelwright.analysis.blocks import BLOCK, NO_MOMENTS, MeanBlock, Moments
from modelwright.analysis.dispersion import Dispersion
from modelwright.analysis.margin import Margin
from modelwright.analysis.mean_harm import Line, MeanHarm
from modelwright.analysis.sequence import Interval
from modelwright.analysis.starts import EXCESSES, Recent, Starts
from modelwright.api.times import format_time, parse_time

_VERSION = 4
# Lambda is tuned to be tightest about here; the sequence is valid at every alpha.
_TUNED_TO = 0.01
_LARGEST_LAMBDA = 0.5


@dataclass(frozen=True)
class Arm:
    """One arm, scaled to [0, 1]. `weights` sums lambda, `weighted` lambda x, and `spent` what the variance costs."""

    seen: Moments = NO_MOMENTS
    weights: float = 0.0
    weighted: float = 0.0
    spent: float = 0.0
    dispersion: Dispersion = field(default_factory=Dispersion)

    @property
    def mean(self) -> float:
        """With half an observation at each end, so that there always is one."""
        return (self.seen.sum + 0.5) / (self.seen.count + 1)

    @property
    def variance(self) -> float:
        """With one observation of the largest variance possible added."""
        count = max(self.seen.count, 1)
        return max(0.25 + self.seen.squares - self.seen.sum * self.seen.sum / count, 0.0) / (self.seen.count + 1)

    def with_block(self, block: Moments) -> Arm:
        """`block` is scaled to [0, 1]."""
        if block.count == 0:
            return self
        seen = self.seen + block
        wanted = sqrt(2 * log(2 / _TUNED_TO) / (self.variance * seen.count * log1p(seen.count)))
        rate, guess = min(wanted, _LARGEST_LAMBDA), self.mean
        around = max(block.squares - 2 * guess * block.sum + block.count * guess * guess, 0.0)
        return Arm(
            seen,
            self.weights + rate * block.count,
            self.weighted + rate * block.sum,
            self.spent + (-log1p(-rate) - rate) * around,
            self.dispersion.added(block.sum, block.count),
        )

    def interval(self, alpha: float, dispersion: float) -> Interval:
        """Bounds that hold at all looks at once with probability 1 - `alpha`."""
        if self.weights == 0:
            return Interval(0.0, 1.0)
        middle = self.weighted / self.weights
        radius = (dispersion * log(2 / alpha) + self.spent) / self.weights
        return Interval(max(middle - radius, 0.0), min(middle + radius, 1.0))


@dataclass(frozen=True)
class MeanEvidence:
    """What a comparison of means knows about one step. `lowest` and `highest` bound a single observation.

    Folding blocks a second time changes nothing. `out_of_bounds` once any sums were impossible within the bounds.
    """

    lowest: float
    highest: float
    until: datetime | None = None
    stable: Arm = field(default_factory=Arm)
    candidate: Arm = field(default_factory=Arm)
    out_of_bounds: bool = False
    harm: MeanHarm = field(default_factory=MeanHarm)
    about: str = ""  # as of Evidence
    before: Before[Moments] = NO_MOMENTS_BEFORE  # as of Evidence, scaled to [0, 1]

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(f"the lowest value must be below the highest, found {self.lowest} and {self.highest}")

    def with_blocks(self, blocks: Iterable[MeanBlock], margin: Margin) -> MeanEvidence:
        """Fold blocks in the order of time; those that begin before `until` were folded already and are skipped.

        A block in which either arm saw nothing says nothing against the candidate.
        """
        evidence = self
        for block in sorted(blocks, key=lambda block: block.at):
            if evidence.until is None or block.at >= evidence.until:
                evidence = evidence._with(block, margin)
        return evidence

    def hour(self, blocks: Iterable[Moments]) -> Before[Moments]:
        """What stable's blocks of the hour before tell. What no observations have teaches nothing."""
        return before_moments(scaled for scaled in map(self._scaled, blocks) if not is_impossible(scaled))

    def begun(self, before: Before[Moments]) -> MeanEvidence:
        """This evidence, which is empty, with what was known of stable when it begins."""
        return replace(self, before=before, stable=replace(self.stable, dispersion=before.dispersion))

    def intervals(self, alpha: float) -> tuple[Interval, Interval]:
        """Bounds of stable's and the candidate's mean in the metric's unit; both hold with probability 1 - `alpha`."""
        dispersion = max(self._dispersion, self.candidate.dispersion.factor(self.candidate.variance))
        scaled = [arm.interval(alpha / 2, dispersion) for arm in (self.stable, self.candidate)]
        stable, candidate = (Interval(self.unscaled(one.low), self.unscaled(one.high)) for one in scaled)
        return stable, candidate

    def interval_of_stable(self, alpha: float) -> Interval:
        """Bounds of stable's mean in the metric's unit, whatever the candidate shows."""
        scaled = self.stable.interval(alpha, self._dispersion)
        return Interval(self.unscaled(scaled.low), self.unscaled(scaled.high))

    def means(self) -> tuple[float, float]:
        """The plain means of both arms in the metric's unit. Both need observations."""
        return self.mean_of_stable, self.unscaled(self.candidate.seen.sum / self.candidate.seen.count)

    @property
    def mean_of_stable(self) -> float:
        """The plain mean in the metric's unit. Needs observations."""
        return self.unscaled(self.stable.seen.sum / self.stable.seen.count)

    def unscaled(self, value: float) -> float:
        """A value in [0, 1] in the metric's unit."""
        return self.lowest + value * (self.highest - self.lowest)

    def _with(self, block: MeanBlock, margin: Margin) -> MeanEvidence:
        arms = [self._scaled(block.stable), self._scaled(block.candidate)]
        now = replace(self, until=block.at + BLOCK)
        if any(is_impossible(arm) for arm in arms):
            return replace(now, out_of_bounds=True)
        return replace(
            now,
            stable=self.stable.with_block(arms[0]),
            candidate=self.candidate.with_block(arms[1]),
            harm=self.harm.with_block(
                (arms[0], arms[1]),
                (Arm(self.before.lately + self.stable.seen), self.candidate),
                self.line(margin),
                dispersion=self._dispersion,
                # As many as events of a proportion with this variance, where events are rare.
                known_events=self._ever.seen.count * self._ever.variance,
                settled=self.stable.dispersion.settled,
                taught=self.before.lately.count > 0,
            ),
        )

    @property
    def _ever(self) -> Arm:
        """All of stable that is known."""
        return Arm(self.before.seen + self.stable.seen)

    @property
    def _dispersion(self) -> float:
        return self.stable.dispersion.factor(self._ever.variance)

    def _scaled(self, block: Moments) -> Moments:
        return scaled_to(block, self.lowest, self.highest)

    def line(self, margin: Margin) -> Line:
        """`margin` for scaled means of what is bad."""
        intercept = (margin.slope * self.lowest + margin.intercept - self.lowest) / (self.highest - self.lowest)
        if margin.mirrored:
            intercept = 1 - margin.slope - intercept
        return Line(margin.slope, intercept, margin.mirrored)

    def encoded(self) -> str:
        """One line of text that `decoded` reads back equal."""
        arms = [
            [a.seen.count, a.seen.sum, a.seen.squares, a.weights, a.weighted, a.spent, a.dispersion.numbers()]
            for a in (self.stable, self.candidate)
        ]
        until = format_time(self.until) if self.until else None
        starts = self.harm.starts
        harm = [
            starts.blocks,
            [None if log == -inf else log for log in starts.logs],
            [[one.log, one.blocks, astuple(one.stable), astuple(one.candidate)] for one in self.harm.recent],
        ]
        about = [self.about, self.lowest, self.highest]
        parts = [_VERSION, *about, until, self.out_of_bounds, harm, self.before.numbers(), *arms]
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> MeanEvidence:
        """What `encoded` wrote. Raises ValueError for anything else, also for what another version wrote."""
        try:
            version, about, lowest, highest, until, out_of_bounds, (blocks, logs, recent), before, *arms = json.loads(
                text
            )
            if version != _VERSION or not len(logs) == len(recent) == len(EXCESSES):
                raise ValueError(f"version {version}")
            stable, candidate = (
                Arm(Moments(int(n), x, squares), weights, weighted, spent, Dispersion.of(numbers))
                for n, x, squares, weights, weighted, spent, numbers in arms
            )
            harm = MeanHarm(
                Starts(int(blocks), tuple(-inf if log is None else float(log) for log in logs)),
                tuple(Recent(Moments(*s), Moments(*c), float(log), int(n)) for log, n, s, c in recent),
            )
            time = parse_time(until) if until else None
            return cls(
                float(lowest),
                float(highest),
                time,
                stable,
                candidate,
                bool(out_of_bounds),
                harm,
                str(about),
                moments_before(before),
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"not evidence of this version: {error}") from error


def scaled_to(moments: Moments, lowest: float, highest: float) -> Moments:
    """`moments` of the same observations, moved and stretched so that `lowest` is 0 and `highest` 1."""
    width = highest - lowest
    squares = moments.squares - 2 * lowest * moments.sum + moments.count * lowest * lowest
    # Rounding may leave a little less than nothing.
    return Moments(moments.count, (moments.sum - moments.count * lowest) / width, max(squares / width**2, 0.0))


def is_impossible(scaled: Moments) -> bool:
    """No observations within [0, 1] have these sums (a little rounding is forgiven)."""
    room = 1e-9 * (scaled.count + 1)
    within = -room <= scaled.sum <= scaled.count + room and scaled.squares <= scaled.sum + room
    # The mean of squares is at least the square of the mean.
    return not within or scaled.sum * scaled.sum > scaled.count * (scaled.squares + room)
