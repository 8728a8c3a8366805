"""Planning remembers what it folded: faster, and never another result."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.analysis.arms import HALF_A_POINT, arriving

from modelwright.analysis.blocks import Block
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.rollouts.plan.remembered import Remembered

BLOCKS = tuple(arriving(np.random.default_rng(3), 12, stable=0.01, candidate=0.02, weight=0.3, rate=50))
BEGUN = Evidence().with_blocks(BLOCKS[:2], HALF_A_POINT)


def corrected(block: Block) -> Block:
    """The same block after a scrape that came late."""
    return Block(block.at, block.stable, block.candidate + Counts(1, 5))


@settings(max_examples=30, deadline=None)
@given(
    some.lists(
        some.tuples(some.sampled_from([Evidence(), BEGUN]), some.integers(0, 12), some.integers(0, 12)), max_size=8
    ),
    some.integers(1, 2),
)
def test_whatever_was_folded_before_the_result_is_that_of_folding_anew(
    looks: list[tuple[Evidence, int, int]], most: int
) -> None:
    remembered: Remembered[Evidence, Block] = Remembered(Evidence.with_blocks, most)
    for start, end, changed in looks:
        blocks = [corrected(block) if index == changed else block for index, block in enumerate(BLOCKS[:end])]
        found = remembered.folded(start, tuple(blocks), HALF_A_POINT)
        assert found == start.with_blocks(blocks, HALF_A_POINT)


def test_only_what_is_new_is_folded() -> None:
    folded: list[int] = []

    def fold(evidence: Evidence, blocks: tuple[Block, ...], margin: object) -> Evidence:
        folded.append(len(blocks))
        return evidence.with_blocks(blocks, HALF_A_POINT)

    remembered: Remembered[Evidence, Block] = Remembered(fold)  # type: ignore[arg-type]
    for end in (3, 3, 4, 12):
        remembered.folded(Evidence(), BLOCKS[:end], HALF_A_POINT)
    assert folded == [3, 1, 8]
