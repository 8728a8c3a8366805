"""From looks to evidence: the finished blocks of both arms, folded into what status keeps of the running step."""

from __future__ import annotations

from datetime import datetime, timedelta

from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import BoundedEvidence
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.api.metrics import Bounds, Mean
from modelwright.metrics.pairing import paired_blocks, paired_mean_blocks
from modelwright.metrics.questions import CountsLook, MeanLook

LATELY = timedelta(minutes=1)
"""How far back limits outside the statistics look besides the whole step: health before must not hide a disaster."""

JUST_NOW = timedelta(seconds=20)
"""How far back stable is looked at first: both arms may fall ill at once, and it has to be seen before the other's."""


def fold_counts(saved: str, begins: datetime, stable: CountsLook, candidate: CountsLook, margin: Margin) -> Evidence:
    """`saved` and what both arms have counted beyond it.

    What is saved of an earlier step, or was saved by another version, is left out: blocks can be folded again.
    """
    evidence = Evidence()
    try:
        evidence = Evidence.decoded(saved) if saved else evidence
    except ValueError:
        evidence = Evidence()
    if evidence.until is not None and evidence.until <= begins:
        evidence = Evidence()
    return evidence.with_blocks(paired_blocks(stable, candidate, evidence.until), margin)


def fold_moments(
    saved: str, begins: datetime, stable: MeanLook, candidate: MeanLook, mean: Mean, margin: Margin
) -> MeanEvidence:
    """As `fold_counts`, for a mean."""
    empty = MeanEvidence(float(mean.min), float(mean.max))
    try:
        evidence = MeanEvidence.decoded(saved) if saved else empty
    except ValueError:
        evidence = empty
    same_bounds = (evidence.lowest, evidence.highest) == (empty.lowest, empty.highest)
    if not same_bounds or (evidence.until is not None and evidence.until <= begins):
        evidence = empty
    return evidence.with_blocks(paired_mean_blocks(stable, candidate, evidence.until), margin)


def fold_bounded(saved: str, begins: datetime, candidate: CountsLook, bounds: Bounds) -> BoundedEvidence:
    """As `fold_counts`, for bounds that hold without stable."""
    evidence = BoundedEvidence()
    try:
        evidence = BoundedEvidence.decoded(saved) if saved else evidence
    except ValueError:
        evidence = BoundedEvidence()
    if evidence.until is not None and evidence.until <= begins:
        evidence = BoundedEvidence()
    blocks = [(block.at, block.counts) for block in candidate.blocks]
    if evidence.until is None and candidate.blocks_since is not None:
        # What is too old to be told apart is one block, before the others.
        blocks.append((candidate.blocks_since - BLOCK, candidate.earlier))
    return evidence.with_blocks(blocks, bounds)


def newest(look: CountsLook, span: timedelta) -> Counts:
    """What was counted over `span` and a little more; all of it where the look is not divided."""
    if look.blocks_until is None:
        return look.counts
    before = sum((block.counts for block in look.blocks if block.at < look.blocks_until - span), look.earlier)
    events, total = look.counts.events - before.events, look.counts.total - before.total
    # Blocks that contradict themselves are in `counts` only.
    return Counts(events, total) if 0 <= events <= total else look.counts
