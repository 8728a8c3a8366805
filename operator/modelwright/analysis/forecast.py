"""How much evidence a comparison still needs: decides nothing, tells people and `lint` how long it will take."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.evidence import Evidence, larger_dispersion
from modelwright.analysis.harm import log_e_of_block
from modelwright.analysis.margin import Margin
from modelwright.analysis.sequence import confidence_sequence
from modelwright.analysis.starts import CAP, CAP_AT_FIRST, EXCESSES, KNOWN_EVENTS, weight_of_start

# Beyond this many candidate observations a forecast is no longer one.
_FARTHEST = 10**9
# ln of the share of its weight that evidence from the first block on has in the mixture of harm.py.
_START = -log(weight_of_start(1)) + log(len(EXCESSES))
# A block as wide as this reads expected counts without rounding them away.
_WIDE = 10**6
_HALVINGS = 30


@dataclass(frozen=True)
class Traffic:
    """What arrives per candidate observation: the expected proportions, and `stable_per_candidate` observations."""

    stable: float
    candidate: float
    stable_per_candidate: float

    @classmethod
    def of(cls, evidence: Evidence) -> Traffic | None:
        """As seen so far; None while an arm has seen nothing."""
        stable, candidate = evidence.stable, evidence.candidate
        if stable.total == 0 or candidate.total == 0:
            return None
        return cls(stable.events / stable.total, candidate.events / candidate.total, stable.total / candidate.total)


def samples_until_pass(
    evidence: Evidence, margin: Margin, alpha: Allocation, *, traffic: Traffic | None = None
) -> int | None:
    """How many more candidate observations a Pass will need if they go on as `traffic` says (default: as seen so far).

    0 if it passes now; None if it would not pass within 10^9 (the difference is at or beyond the margin, or nothing has
    been seen to extrapolate from). About three digits are good.
    """
    coming = traffic or Traffic.of(evidence)
    if coming is None:
        return None
    dispersion = larger_dispersion(evidence)

    def passes(more: int) -> bool:
        stable = _grown(evidence.stable, more * coming.stable_per_candidate, coming.stable)
        candidate = _grown(evidence.candidate, more, coming.candidate)
        return margin.surely_within(
            confidence_sequence(stable, alpha.pass_ / 2, dispersion=dispersion),
            confidence_sequence(candidate, alpha.pass_ / 2, dispersion=dispersion),
        )

    if passes(0):
        return 0
    enough = 1
    while not passes(enough):
        enough *= 2
        if enough > _FARTHEST:
            return None
    too_few = enough // 2
    while enough - too_few > max(1, enough // 1000):
        middle = (too_few + enough) // 2
        if passes(middle):
            enough = middle
        else:
            too_few = middle
    return enough


def seconds_until_pass(evidence: Evidence, margin: Margin, alpha: Allocation) -> float | None:
    """The same as time, at the traffic of the blocks so far; None also where those are none."""
    more = samples_until_pass(evidence, margin, alpha)
    if more is None or evidence.harm.blocks == 0:
        return None
    per_second = evidence.candidate.total / (evidence.harm.blocks * BLOCK.total_seconds())
    return more / per_second


def smallest_difference(
    traffic: Traffic, margin: Margin, alpha: Allocation, *, candidate_samples: int, blocks: int | None = None
) -> float | None:
    """The smallest candidate − stable that is on average a Fail within so many candidate observations of a step.

    `traffic.candidate` is not used. `blocks` is over how many blocks they are spread (default: enough for no cap to
    matter). None if no difference is. For a bound on a decrease the difference is negative.
    """
    stable = 1 - traffic.stable if margin.mirrored else traffic.stable
    limit = margin.bad_limit(stable)

    def fails(candidate: float) -> bool:
        needed = -log(alpha.fail) + _START
        return _expected(stable, candidate, traffic.stable_per_candidate, margin, candidate_samples, blocks) >= needed

    low, high = limit, 1.0
    if limit >= 1 or not fails(high):
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if fails(middle) else (middle, high)
    return stable - high if margin.mirrored else high - stable


def _expected(
    stable: float, candidate: float, ratio: float, margin: Margin, candidate_samples: int, blocks: int | None
) -> float:
    """ln of the evidence for the excess that fits best, if every block counts what is expected."""
    wide = _grown(NOTHING, _WIDE * ratio, stable), _grown(NOTHING, _WIDE, candidate)
    known = Counts(round(_WIDE * stable), _WIDE)
    best = max(log_e_of_block(*wide, known, margin, excess) for excess in EXCESSES) / _WIDE * candidate_samples
    if blocks is None:
        return best
    cap = CAP if stable * ratio * candidate_samples >= KNOWN_EVENTS else CAP_AT_FIRST
    return min(best, blocks * log(cap))


def _grown(counts: Counts, more: float, proportion: float) -> Counts:
    total = counts.total + round(more)
    return Counts(min(counts.events + round(more * proportion), total), total)
