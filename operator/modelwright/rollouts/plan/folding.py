"""From looks to evidence: the finished blocks of both arms, folded into what status keeps of the running step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeVar

from modelwright.analysis.before import NO_COUNTS_BEFORE, NO_MOMENTS_BEFORE, Before, before_counts
from modelwright.analysis.blocks import BLOCK, Block, MeanBlock, Moments
from modelwright.analysis.bounded import BoundedEvidence
from modelwright.analysis.bounded_means import BoundedMeanEvidence
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.margin import Margin
from modelwright.analysis.means import MeanEvidence
from modelwright.api.metrics import Bounds, Metric
from modelwright.metrics.pairing import paired_blocks, paired_mean_blocks
from modelwright.metrics.questions import CountsLook, MeanLook
from modelwright.rollouts.plan.remembered import MOST, Remembered

E = TypeVar("E", Evidence, MeanEvidence, BoundedEvidence, BoundedMeanEvidence)

LATELY = timedelta(minutes=1)
"""How far back limits outside the statistics look besides the whole step: health before must not hide a disaster."""

JUST_NOW = timedelta(seconds=20)
"""How far back stable is looked at first: both arms may fall ill at once, and it has to be seen before the other's."""


_counts: Remembered[Evidence, Block] = Remembered(Evidence.with_blocks)
_moments: Remembered[MeanEvidence, MeanBlock] = Remembered(MeanEvidence.with_blocks)
_bounded: Remembered[BoundedEvidence, tuple[datetime, Counts]] = Remembered(BoundedEvidence.with_blocks)
_bounded_means: Remembered[BoundedMeanEvidence, tuple[datetime, Moments]] = Remembered(BoundedMeanEvidence.with_blocks)


def fold_counts(
    metric: Metric,
    saved: str,
    begins: datetime,
    stable: CountsLook,
    candidate: CountsLook,
    margin: Margin,
    hour: CountsLook | None = None,
) -> Evidence:
    """`saved` and what both arms have counted beyond it.

    What is saved of an earlier stretch, of a metric edited since, or by another version, is left out: blocks can
    be folded again. New evidence begins with what is known of stable from before the rollout: of an earlier stretch,
    or from its look at the `hour` before.
    """
    empty = Evidence.begun(about(metric))
    known = _saved_of(empty, saved)
    if known and known.before != NO_COUNTS_BEFORE:
        empty = Evidence.begun(empty.about, known.before)
    elif hour:
        empty = Evidence.begun(empty.about, _before_counts(hour, begins))
    evidence = _continued(empty, saved, begins)
    return _counts.folded(evidence, paired_blocks(stable, candidate, evidence.until), margin)


def fold_moments(
    metric: Metric,
    saved: str,
    begins: datetime,
    stable: MeanLook,
    candidate: MeanLook,
    margin: Margin,
    hour: MeanLook | None = None,
) -> MeanEvidence:
    """As `fold_counts`, for a mean."""
    empty = _empty_mean(metric)
    known = _saved_of(empty, saved)
    if known and known.before != NO_MOMENTS_BEFORE:
        empty = empty.begun(known.before)
    elif hour:
        empty = _after_moments(empty, hour, begins)
    evidence = _continued(empty, saved, begins)
    return _moments.folded(evidence, paired_mean_blocks(stable, candidate, evidence.until), margin)


def fold_bounded(
    metric: Metric, saved: str, begins: datetime, candidate: CountsLook, bounds: Bounds
) -> BoundedEvidence:
    """As `fold_counts`, for bounds that hold without stable."""
    evidence = _continued(BoundedEvidence(about=about(metric)), saved, begins)
    until = evidence.until
    blocks = [(block.at, block.counts) for block in candidate.blocks if until is None or block.at >= until]
    if until is None and candidate.blocks_since is not None:
        # What is too old to be told apart is one block, before the others.
        blocks.insert(0, (candidate.blocks_since - BLOCK, candidate.earlier))
    return _bounded.folded(evidence, blocks, bounds)


def fold_bounded_moments(
    metric: Metric, saved: str, begins: datetime, candidate: MeanLook, bounds: Bounds
) -> BoundedMeanEvidence:
    """As `fold_bounded`, for a mean."""
    assert metric.mean is not None
    empty = BoundedMeanEvidence(float(metric.mean.min), float(metric.mean.max), about=about(metric))
    evidence = _continued(empty, saved, begins)
    until = evidence.until
    blocks = [(block.at, block.moments) for block in candidate.blocks if until is None or block.at >= until]
    if until is None and candidate.blocks_since is not None:
        blocks.insert(0, (candidate.blocks_since - BLOCK, candidate.earlier))
    return _bounded_means.folded(evidence, blocks, bounds)


def knows_enough(metric: Metric, saved: str, begins: datetime) -> bool:
    """Whether what is saved says all that will be known of the hour before the rollout: what it was, or, for the
    stretch that began at `begins`, that evidence went on without."""
    if metric.mean:
        known: Evidence | MeanEvidence | None = _saved_of(_empty_mean(metric), saved)
    else:
        known = _saved_of(Evidence.begun(about(metric)), saved)
    if known is None:
        return False
    told = known.before not in (NO_COUNTS_BEFORE, NO_MOMENTS_BEFORE)
    return told or (known.until is not None and known.until > begins)


def about(metric: Metric) -> str:
    """A short name for what is counted and by which margin or bounds it is judged."""
    judged = (metric.proportion, metric.mean, metric.stable, metric.threshold)
    return sha256(repr(judged).encode()).hexdigest()[:12]


def _continued(empty: E, saved: str, begins: datetime) -> E:
    known = _saved_of(empty, saved)
    if known is None or (known.until is not None and known.until <= begins):
        return empty
    return known


def _saved_of(empty: E, saved: str) -> E | None:
    """What is saved of the same metric, of any stretch."""
    known: E | None = _decoded(type(empty).decoded, saved)
    return known if known and known.about == empty.about else None


def _empty_mean(metric: Metric) -> MeanEvidence:
    assert metric.mean is not None
    return MeanEvidence(float(metric.mean.min), float(metric.mean.max), about=about(metric))


@lru_cache(maxsize=MOST)
def _before_counts(hour: CountsLook, begins: datetime) -> Before[Counts]:
    return before_counts(block.counts for block in hour.blocks if block.until <= begins)


@lru_cache(maxsize=MOST)
def _after_moments(empty: MeanEvidence, hour: MeanLook, begins: datetime) -> MeanEvidence:
    return empty.begun(empty.hour(block.moments for block in hour.blocks if block.until <= begins))


@lru_cache(maxsize=MOST)
def _decoded(decode: Callable[[str], Any], saved: str) -> Any:
    try:
        return decode(saved) if saved else None
    except ValueError:
        return None


def newest(look: CountsLook, span: timedelta) -> Counts:
    """What was counted over `span` and a little more; all of it where the look is not divided."""
    if look.blocks_until is None:
        return look.counts
    before = sum((block.counts for block in look.blocks if block.at < look.blocks_until - span), look.earlier)
    events, total = look.counts.events - before.events, look.counts.total - before.total
    # Blocks that contradict themselves are in `counts` only.
    return Counts(events, total) if 0 <= events <= total else look.counts
