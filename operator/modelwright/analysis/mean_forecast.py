"""How much evidence a comparison of means needs, as forecast.py for proportions: decides nothing.

What is to come is folded in blocks that grow by a tenth, by the very code that folds what came: forecasts are good to a
tenth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import log

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK, Moments
from modelwright.analysis.margin import Margin
from modelwright.analysis.mean_harm import Line, log_e_of_block
from modelwright.analysis.means import Arm, MeanEvidence
from modelwright.analysis.sequence import Interval
from modelwright.analysis.starts import CAP, CAP_AT_FIRST, EXCESSES, KNOWN_EVENTS, weight_of_start

_FARTHEST = 10**9
_GROWTH = 1.1
_SMALLEST_BLOCK = 10
_HALVINGS = 30
# As in forecast.py: what a start at the first block has in the mixture.
_START = -log(weight_of_start(1)) + log(len(EXCESSES))


@dataclass(frozen=True)
class Measured:
    """What one arm measures on average, in the metric's unit: as `Past` of mean_harm.py once it is scaled."""

    mean: float
    variance: float


@dataclass(frozen=True)
class MeanTraffic:
    """What arrives per candidate observation. Both arms have stable's variance where the candidate's is not known."""

    stable: Measured
    candidate: Measured
    stable_per_candidate: float

    @classmethod
    def of(cls, evidence: MeanEvidence) -> MeanTraffic | None:
        """As seen so far; None while an arm has seen nothing."""
        arms = (evidence.stable, evidence.candidate)
        if evidence.out_of_bounds or min(arm.seen.count for arm in arms) == 0:
            return None
        width = evidence.highest - evidence.lowest
        stable, candidate = (
            Measured(mean, arm.variance * width**2) for mean, arm in zip(evidence.means(), arms, strict=True)
        )
        return cls(stable, candidate, evidence.stable.seen.count / evidence.candidate.seen.count)


def samples_until_mean_passes(
    evidence: MeanEvidence, margin: Margin, alpha: Allocation, *, traffic: MeanTraffic | None = None
) -> int | None:
    """How many more candidate observations a Pass will need if they go on as `traffic` says (default: as seen so far).

    0 if it passes now; None if it would not pass within 10^9, or nothing has been seen to extrapolate from.
    """
    coming = traffic or MeanTraffic.of(evidence)
    if coming is None:
        return None
    dispersion = _dispersion(evidence)
    for more, arms in _grown(evidence, coming):
        if margin.surely_within(*_intervals(evidence, arms, alpha, dispersion)):
            return more
    return None


def seconds_until_mean_passes(evidence: MeanEvidence, margin: Margin, alpha: Allocation) -> float | None:
    """The same as time, at the traffic of the blocks so far; None also where those are none."""
    more, blocks = samples_until_mean_passes(evidence, margin, alpha), evidence.harm.starts.blocks
    if more is None or blocks == 0:
        return None
    return more / (evidence.candidate.seen.count / (blocks * BLOCK.total_seconds()))


def smallest_difference_of_means(
    evidence: MeanEvidence,
    traffic: MeanTraffic,
    margin: Margin,
    alpha: Allocation,
    *,
    candidate_samples: int,
    blocks: int | None = None,
) -> float | None:
    """The smallest candidate − stable that is on average a Fail within so many candidate observations of a step.

    `evidence` says the bounds; of `traffic` the candidate's mean is not used. `blocks` is over how many blocks they are
    spread (default: enough for no cap to matter). None if no difference is.
    """
    stable, candidate = (_scaled(evidence, one) for one in (traffic.stable, traffic.candidate))
    line, ratio = evidence.line(margin), traffic.stable_per_candidate
    needed = -log(alpha.fail) + _START
    usual = line.bad_mean(stable.mean)
    low, high = line.slope * usual + line.intercept, 1.0

    def fails(bad: float) -> bool:
        worse = Measured(1 - bad if line.mirrored else bad, candidate.variance)
        return _expected(stable, worse, ratio, line, candidate_samples, blocks) >= needed

    if low >= 1 or not fails(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fails(middle) else (middle, high)
    found = (high - usual) * (evidence.highest - evidence.lowest)
    return -found if line.mirrored else found


def smallest_increase_of_means(
    evidence: MeanEvidence, usual: Measured, min_increase: Decimal, alpha: Allocation, *, stable: int, candidate: int
) -> float | None:
    """The smallest increase from `usual` that on average shows within so many observations per arm.

    None if none does.
    """
    ceiling = evidence.unscaled(_after(evidence, usual, stable).interval(alpha.pass_ / 2, 1.0).high)

    def shows(mean: float) -> bool:
        arm = _after(evidence, Measured(mean, usual.variance), candidate)
        return evidence.unscaled(arm.interval(alpha.pass_ / 2, 1.0).low) > ceiling + float(min_increase)

    low, high = usual.mean, evidence.highest
    if not shows(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high - usual.mean


def _grown(evidence: MeanEvidence, coming: MeanTraffic) -> Iterator[tuple[int, tuple[Arm, Arm]]]:
    """Both arms after ever more candidate observations, beginning with none."""
    stable, candidate = (_scaled(evidence, one) for one in (coming.stable, coming.candidate))
    arms, more = (evidence.stable, evidence.candidate), 0
    while more < _FARTHEST:
        yield more, arms
        block = max(_SMALLEST_BLOCK, int((arms[1].seen.count + 1) * (_GROWTH - 1)))
        of_stable = max(round(block * coming.stable_per_candidate), 1)
        arms = arms[0].with_block(_block(stable, of_stable)), arms[1].with_block(_block(candidate, block))
        more += block


def _after(evidence: MeanEvidence, measured: Measured, total: int) -> Arm:
    """An arm that has measured `total` such values."""
    arm, scaled = Arm(), _scaled(evidence, measured)
    while arm.seen.count < total:
        block = max(_SMALLEST_BLOCK, int(arm.seen.count * (_GROWTH - 1)))
        arm = arm.with_block(_block(scaled, min(block, total - arm.seen.count)))
    return arm


def _expected(
    stable: Measured, candidate: Measured, ratio: float, line: Line, candidate_samples: int, blocks: int | None
) -> float:
    """ln of the evidence for the excess that fits best, if every block measures what is expected."""
    wide = 10**6
    pair = _block(stable, max(round(wide * ratio), 1)), _block(candidate, wide)
    pasts = stable, candidate
    best = max(log_e_of_block(pair, pasts, line, excess) for excess in EXCESSES) / wide * candidate_samples
    if blocks is None:
        return best
    cap = CAP if stable.variance * ratio * candidate_samples >= KNOWN_EVENTS else CAP_AT_FIRST
    return min(best, blocks * log(cap))


def _block(measured: Measured, total: int) -> Moments:
    return Moments(total, total * measured.mean, total * (measured.variance + measured.mean**2))


def _scaled(evidence: MeanEvidence, measured: Measured) -> Measured:
    width = evidence.highest - evidence.lowest
    return Measured((measured.mean - evidence.lowest) / width, measured.variance / width**2)


def _dispersion(evidence: MeanEvidence) -> float:
    return max(arm.dispersion.factor(arm.variance) for arm in (evidence.stable, evidence.candidate))


def _intervals(
    evidence: MeanEvidence, arms: tuple[Arm, Arm], alpha: Allocation, dispersion: float
) -> tuple[Interval, Interval]:
    both = (arm.interval(alpha.pass_ / 2, dispersion) for arm in arms)
    stable, candidate = (Interval(evidence.unscaled(one.low), evidence.unscaled(one.high)) for one in both)
    return stable, candidate
