"""Judges a growing mean by bounds that hold by themselves: Pass, Fail or not yet, at known error rates.

As bounded.py, with the same guards, for bounded measurements. With the observations scaled to [0, 1] and read as what
is bad, the null hypothesis is a mean of at most `limit`. For any rate in [0, 1) and any guess g that were fixed before
the block,

    exp(rate (X - n limit) - psi(rate) sum (x - g)^2)        psi(r) = -ln(1 - r) - r

is at most 1 on average then (Fan, Grama, Liu 2015, see means.py): no variance has to be known, as the block pays for
the one that it has. Rate and guess come from the blocks before. Pass comes from the confidence sequence of means.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from math import log, sqrt

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, Moments
from modelwright.analysis.bounded import Beyond
from modelwright.analysis.dispersion import Dispersion
from modelwright.analysis.mean_harm import LARGEST_RATE, Line, cost
from modelwright.analysis.means import Arm, is_impossible, scaled_to
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Interval
from modelwright.analysis.starts import DOUBT, EXCESSES
from modelwright.analysis.threshold import bounds_text
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds
from modelwright.api.times import format_time, parse_time

_VERSION = 1
# The smallest fault that is imagined, in deviations of one observation: others are multiples of it.
_FINEST = 1 / 64


@dataclass(frozen=True)
class BoundedMeanEvidence:
    """What a mean with bounds of its own has shown in one step. `lowest` and `highest` bound a single observation.

    Folding blocks a second time changes nothing. `out_of_bounds` once any sums were impossible within the bounds.
    """

    lowest: float
    highest: float
    until: datetime | None = None
    arm: Arm = field(default_factory=Arm)
    above: Beyond = field(default_factory=Beyond)
    below: Beyond = field(default_factory=Beyond)
    out_of_bounds: bool = False
    about: str = ""  # as of Evidence

    def __post_init__(self) -> None:
        if not self.lowest < self.highest:
            raise ValueError(f"the lowest value must be below the highest, found {self.lowest} and {self.highest}")

    def with_blocks(self, blocks: Iterable[tuple[datetime, Moments]], bounds: Bounds) -> BoundedMeanEvidence:
        """Fold what was measured from each time on, for BLOCK; what begins before `until` was folded already."""
        evidence = self
        for at, moments in sorted(blocks, key=lambda block: block[0]):
            if moments.count and (evidence.until is None or at >= evidence.until):
                evidence = evidence._with(at, moments, bounds)
        return evidence

    def interval(self, alpha: float) -> Interval:
        """Bounds of the mean in the metric's unit, which hold at all looks with probability 1 - `alpha`."""
        scaled = self.arm.interval(alpha, self._dispersion)
        return Interval(self._unscaled(scaled.low), self._unscaled(scaled.high))

    @property
    def mean(self) -> float:
        """The plain mean in the metric's unit. Needs observations."""
        return self._unscaled(self.arm.seen.sum / self.arm.seen.count)

    @property
    def _dispersion(self) -> float:
        return self.arm.dispersion.factor(self.arm.variance)

    def _unscaled(self, value: float) -> float:
        return self.lowest + value * (self.highest - self.lowest)

    def _with(self, at: datetime, moments: Moments, bounds: Bounds) -> BoundedMeanEvidence:
        block, now = scaled_to(moments, self.lowest, self.highest), replace(self, until=at + BLOCK)
        if is_impossible(block):
            return replace(now, out_of_bounds=True)
        # As many as events of a proportion with this variance, where events are rare.
        factor, events = self._dispersion, self.arm.seen.count * self.arm.variance
        above, below = self.above, self.below
        if bounds.max is not None:
            above = above.with_block(self._ratios(block, float(bounds.max), mirrored=False), factor, events)
        if bounds.min is not None:
            below = below.with_block(self._ratios(block, float(bounds.min), mirrored=True), factor, events)
        return replace(now, arm=self.arm.with_block(block), above=above, below=below)

    def _ratios(self, block: Moments, bound: float, *, mirrored: bool) -> list[float]:
        scaled = (bound - self.lowest) / (self.highest - self.lowest)
        line = Line(0.0, 1 - scaled if mirrored else scaled, mirrored)
        return [
            _log_e_of_block(line.bad(block), line.bad_mean(self.arm.mean), self.arm, line, each) for each in EXCESSES
        ]

    def encoded(self) -> str:
        """One line of text that `decoded` reads back equal."""
        arm, until = self.arm, format_time(self.until) if self.until else None
        seen = [*astuple(arm.seen), arm.weights, arm.weighted, arm.spent, arm.dispersion.numbers()]
        about = [_VERSION, "bounded mean", self.about, self.lowest, self.highest, until, self.out_of_bounds]
        return json.dumps([*about, seen, self.above.numbers(), self.below.numbers()], separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> BoundedMeanEvidence:
        """What `encoded` wrote. Raises ValueError for anything else, also for what another version wrote."""
        try:
            version, kind, about, lowest, highest, until, out_of_bounds, seen, *sides = json.loads(text)
            if (version, kind) != (_VERSION, "bounded mean"):
                raise ValueError(f"version {version}")
            count, total, squares, weights, weighted, spent, numbers = seen
            arm = Arm(Moments(int(count), total, squares), weights, weighted, spent, Dispersion.of(numbers))
            above, below = map(Beyond.of, sides)
            time = parse_time(until) if until else None
            return cls(float(lowest), float(highest), time, arm, above, below, bool(out_of_bounds), str(about))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not evidence of this version: {error}") from error


def mean_within(evidence: BoundedMeanEvidence, bounds: Bounds, alpha: Allocation) -> Finding:
    """Fail iff the mean is surely outside `bounds`, Pass iff it is surely within, over all looks together.

    Reasons: WithinBounds, OutsideBounds, NotYetDecided, NoSamples; OutsideBounds as an Error where the measurements
    themselves lie outside of what was declared: no guarantee holds.
    """
    text, count = bounds_text(bounds), evidence.arm.seen.count
    if evidence.out_of_bounds:
        message = f"sums that no observations between {shown(evidence.lowest)} and {shown(evidence.highest)} have"
        return Finding(Verdict.ERROR, "OutsideBounds", message, bound=text)
    if count == 0:
        return Finding(Verdict.NO_DATA, "NoSamples", "no observations of candidate yet", bound=text)
    interval, mean = evidence.interval(alpha.pass_), shown(evidence.mean)
    sides = 1 if bounds.min is None or bounds.max is None else 2
    inside = (bounds.min is None or interval.low >= float(bounds.min)) and (
        bounds.max is None or interval.high <= float(bounds.max)
    )
    if max(evidence.above.starts.log_e, evidence.below.starts.log_e) >= log(sides / alpha.fail):
        verdict, reason, rest = Verdict.FAIL, "OutsideBounds", f"outside {text}"
    elif inside and max(evidence.above.recent, evidence.below.recent) < DOUBT:
        verdict, reason, rest = Verdict.PASS, "WithinBounds", f"within {text}"
    else:
        verdict, reason, rest = Verdict.INCONCLUSIVE, "NotYetDecided", f"not yet clear of {text}"
    between = f"[{shown(interval.low)}, {shown(interval.high)}]"
    message = f"{mean} {between} after {counted(count)} observations, {rest}"
    return Finding(verdict, reason, message, samples=count, candidate=mean, bound=text)


def _log_e_of_block(bad: Moments, guess: float, past: Arm, line: Line, excess: float) -> float:
    """ln of the e-value of one block against a mean beyond the limit by `excess`."""
    limit = line.intercept
    if limit >= 1:
        return 0.0
    rate = min(excess * _FINEST / sqrt(past.variance), LARGEST_RATE)
    return rate * (bad.sum - bad.count * limit) - cost(rate, bad, guess)
