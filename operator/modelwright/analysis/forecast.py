"""How much evidence a comparison still needs: decides nothing, tells people and `lint` how long it will take."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.analysis.comparison import compare_with_stable
from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable

# Beyond this many candidate observations a forecast is no longer one.
_FARTHEST = 10**9


@dataclass(frozen=True)
class Traffic:
    """What arrives per candidate observation: the expected proportions, and `stable_per_candidate` observations."""

    stable: float
    candidate: float
    stable_per_candidate: float


def samples_until_pass(
    stable: Counts, candidate: Counts, *, against: AgainstStable, alpha: float, traffic: Traffic | None = None
) -> int | None:
    """How many more candidate observations a Pass will need if they go on as `traffic` says (default: as seen so far).

    0 if it passes now; None if it would not pass within 10^9 (the difference is at or beyond the margin, or nothing has
    been seen to extrapolate from). About three digits are good.
    """
    if traffic is None:
        if candidate.total == 0 or stable.total == 0:
            return None
        ratio = stable.total / candidate.total
        traffic = Traffic(stable.events / stable.total, candidate.events / candidate.total, ratio)
    coming = traffic

    def passes(more: int) -> bool:
        s = _grown(stable, more * coming.stable_per_candidate, coming.stable)
        c = _grown(candidate, more, coming.candidate)
        return compare_with_stable(s, c, against=against, alpha=alpha).verdict is Verdict.PASS

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


def _grown(counts: Counts, more: float, proportion: float) -> Counts:
    total = counts.total + round(more)
    return Counts(min(counts.events + round(more * proportion), total), total)
