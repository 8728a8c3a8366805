"""From looks to evidence: the finished blocks of both arms, folded into what status keeps of the running step."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from modelwright.analysis.blocks import BLOCK, Block, MeanBlock
from modelwright.analysis.bounded import BoundedEvidence
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.api.metrics import Bounds, Mean
from modelwright.metrics.pairing import paired_blocks, paired_mean_blocks
from modelwright.metrics.questions import CountsLook, MeanLook
from modelwright.rollouts.plan.remembered import MOST, Remembered

S = TypeVar("S", Evidence, MeanEvidence, BoundedEvidence)

LATELY = timedelta(minutes=1)
"""How far back limits outside the statistics look besides the whole step: health before must not hide a disaster."""

JUST_NOW = timedelta(seconds=20)
"""How far back stable is looked at first: both arms may fall ill at once, and it has to be seen before the other's."""


_counts: Remembered[Evidence, Block] = Remembered(Evidence.with_blocks)
_moments: Remembered[MeanEvidence, MeanBlock] = Remembered(MeanEvidence.with_blocks)
_bounded: Remembered[BoundedEvidence, tuple[datetime, Counts]] = Remembered(BoundedEvidence.with_blocks)


def fold_counts(saved: str, begins: datetime, stable: CountsLook, candidate: CountsLook, margin: Margin) -> Evidence:
    """`saved` and what both arms have counted beyond it.

    What is saved of an earlier step, or was saved by another version, is left out: blocks can be folded again.
    """
    start = _of_this_step(_decoded(Evidence, saved), begins) or Evidence()
    return _counts.folded(start, paired_blocks(stable, candidate, start.until), margin)


def fold_moments(
    saved: str, begins: datetime, stable: MeanLook, candidate: MeanLook, mean: Mean, margin: Margin
) -> MeanEvidence:
    """As `fold_counts`, for a mean."""
    empty = MeanEvidence(float(mean.min), float(mean.max))
    start = _of_this_step(_decoded(MeanEvidence, saved), begins) or empty
    if (start.lowest, start.highest) != (empty.lowest, empty.highest):
        start = empty
    return _moments.folded(start, paired_mean_blocks(stable, candidate, start.until), margin)


def fold_bounded(saved: str, begins: datetime, candidate: CountsLook, bounds: Bounds) -> BoundedEvidence:
    """As `fold_counts`, for bounds that hold without stable."""
    start = _of_this_step(_decoded(BoundedEvidence, saved), begins) or BoundedEvidence()
    blocks = [(block.at, block.counts) for block in candidate.blocks if start.until is None or block.at >= start.until]
    if start.until is None and candidate.blocks_since is not None:
        # What is too old to be told apart is one block, before the others.
        blocks.insert(0, (candidate.blocks_since - BLOCK, candidate.earlier))
    return _bounded.folded(start, blocks, bounds)


@lru_cache(maxsize=MOST)
def _decoded(kind: type[S], saved: str) -> S | None:
    try:
        return kind.decoded(saved) if saved else None
    except ValueError:
        return None


def _of_this_step(evidence: S | None, begins: datetime) -> S | None:
    return evidence if evidence and (evidence.until is None or evidence.until > begins) else None


def newest(look: CountsLook, span: timedelta) -> Counts:
    """What was counted over `span` and a little more; all of it where the look is not divided."""
    if look.blocks_until is None:
        return look.counts
    before = sum((block.counts for block in look.blocks if block.at < look.blocks_until - span), look.earlier)
    events, total = look.counts.events - before.events, look.counts.total - before.total
    # Blocks that contradict themselves are in `counts` only.
    return Counts(events, total) if 0 <= events <= total else look.counts
