"""Finds a fault that begins late, after hours of health: decides Fail or not yet, at a known error rate over all looks.

Evidence since a step began goes blind: 24 healthy hours outweigh minutes of errors. Here evidence comes in blocks, and
every block starts an e-process of its own, block j with weight 1/(j(j+1)). Their weighted sum is a supermartingale that
starts at 1, so by Ville's inequality it ever reaches 1/alpha with probability at most alpha, while a fault that begins
at block j has only ln(j(j+1)) to catch up with.

The e-value of a block is a likelihood ratio between a worse candidate and the point of the null hypothesis, candidate
within stable + margin, that is nearest to it (Turner, Ly, Grünwald 2021, "Generic E-variables for exact sequential
k-sample tests"). What "worse" is follows from the blocks before, so it never depends on what it is judged by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log, log1p

from modelwright.analysis.comparison import margin_text
from modelwright.analysis.counts import Counts
from modelwright.analysis.numbers import counted
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import AgainstStable

# How much worse the candidate is imagined to be, in units of the larger of margin and stable's own proportion.
_EXCESSES = (1.0, 4.0, 16.0)
# Stable's proportion is not imagined smaller than this, or the first event would be overwhelming.
_LEAST = 0.001
_HALVINGS = 50


@dataclass(frozen=True)
class Evidence:
    """What the blocks of one step have added up to: small enough for status. Begin with `Evidence()` at each weight.

    `logs` are the logarithms of the started e-processes' weighted sums, one for each imagined excess.
    """

    blocks: int = 0
    stable: Counts = field(default_factory=lambda: Counts(0, 0))
    logs: tuple[float, ...] = (-inf,) * len(_EXCESSES)

    @property
    def log_e(self) -> float:
        """ln of the evidence: 0 at first, at least ln(1/alpha) with probability at most alpha if nothing is wrong."""
        waiting = -log1p(self.blocks)
        return _log_sum((waiting, *(one - log(len(self.logs)) for one in self.logs)))


def with_block(
    evidence: Evidence, stable: Counts, candidate: Counts, *, against: AgainstStable, cap: float | None = None
) -> Evidence:
    """Add one block: what both arms counted since the block before, over the same time.

    `cap` bounds how many times one block may multiply the evidence (3 in the design: errors that come in bursts then
    need several blocks). A block that misses an arm changes nothing.
    """
    if stable.total == 0 or candidate.total == 0:
        return evidence
    if against.max_decrease is not None:
        stable, candidate = _failures(stable), _failures(candidate)
    margin = float(against.max_increase if against.max_increase is not None else against.max_decrease or 0)
    usual = max((evidence.stable.events + 0.5) / (evidence.stable.total + 1), _LEAST) if evidence.blocks else None
    number = evidence.blocks + 1
    starting = -log(number) - log(number + 1)
    largest = inf if cap is None else log(cap)
    logs = []
    for excess, so_far in zip(_EXCESSES, evidence.logs, strict=True):
        # The first block teaches what stable's proportion is; it cannot be judged by it as well.
        block = 0.0 if usual is None else _log_e_of_block(stable, candidate, usual, margin, excess)
        logs.append(min(block, largest) + _log_sum((so_far, starting)))
    seen = Counts(evidence.stable.events + stable.events, evidence.stable.total + stable.total)
    return Evidence(number, seen, tuple(logs))


def late_fault(evidence: Evidence, *, against: AgainstStable, alpha: float) -> Finding:
    """Fail iff the evidence has reached 1/alpha, else Inconclusive: this never says that a candidate is good.

    It spends an alpha of its own, beside that of the comparison. Reasons: LateFault, NoLateFault.
    """
    blocks = f"after {counted(evidence.blocks)} blocks"
    if evidence.log_e >= -log(alpha):
        message = f"the candidate has become worse than stable by more than {margin_text(against)}, {blocks}"
        return Finding(Verdict.FAIL, "LateFault", message)
    return Finding(Verdict.INCONCLUSIVE, "NoLateFault", f"no sign of a late fault {blocks}")


def _log_e_of_block(stable: Counts, candidate: Counts, usual: float, margin: float, excess: float) -> float:
    worse = usual + margin + excess * max(margin, usual)
    if worse >= 1:
        worse = (usual + margin + 1) / 2
    if not usual + margin < worse < 1:
        return 0.0
    nearest = _nearest(stable.total, usual, candidate.total, worse, margin)
    return _log_ratio(stable, usual, nearest) + _log_ratio(candidate, worse, nearest + margin)


def _nearest(stable_total: int, stable: float, candidate_total: int, candidate: float, margin: float) -> float:
    """Stable's proportion at the nearest point where the candidate is worse by the margin exactly.

    Nearest by the divergence of a block, whose derivative along that line rises: bisection.
    """
    low, high = stable, candidate - margin
    for _ in range(_HALVINGS):
        q = (low + high) / 2
        slope = stable_total * (q - stable) / (q * (1 - q))
        slope += candidate_total * (q + margin - candidate) / ((q + margin) * (1 - q - margin))
        low, high = (q, high) if slope < 0 else (low, q)
    return (low + high) / 2


def _log_ratio(counts: Counts, imagined: float, null: float) -> float:
    rest = counts.total - counts.events
    return counts.events * log(imagined / null) + rest * (log1p(-imagined) - log1p(-null))


def _failures(counts: Counts) -> Counts:
    return Counts(counts.total - counts.events, counts.total)


def _log_sum(logs: tuple[float, ...]) -> float:
    largest = max(logs)
    return largest if largest == -inf else largest + log(sum(exp(one - largest) for one in logs))
