"""Evidence depends on what was counted and on nothing else: not on looks, restarts, or how blocks were handed over."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.arms import ALPHA, BEGIN, HALF_A_POINT, arriving, blocks

from modelwright.analysis.blocks import BLOCK, Block
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.guardrail import compare, intervals

counts = st.integers(0, 300).flatmap(lambda n: st.integers(0, n).map(lambda x: Counts(x, n)))
histories = st.lists(st.tuples(counts, counts), min_size=1, max_size=30).map(blocks)


@settings(max_examples=50)
@given(histories, st.data())
def test_blocks_may_come_in_any_pieces_and_again(history: list[Block], data: st.DataObject) -> None:
    at_once = Evidence().with_blocks(history, HALF_A_POINT)
    in_pieces = Evidence()
    for end in [*sorted(data.draw(st.lists(st.integers(0, len(history))))), len(history)]:
        begin = data.draw(st.integers(0, end))
        # Like a source that answers with everything since a while ago, in any order: overlaps are common, gaps are not.
        known = 0 if in_pieces.until is None else (in_pieces.until - BEGIN) // BLOCK
        piece = history[min(begin, known) : end]
        in_pieces = in_pieces.with_blocks(data.draw(st.permutations(piece)), HALF_A_POINT)
    assert in_pieces == at_once


@settings(max_examples=50)
@given(histories)
def test_a_restart_reads_back_what_was_written(history: list[Block]) -> None:
    evidence = Evidence().with_blocks(history, HALF_A_POINT)
    assert Evidence.decoded(evidence.encoded()) == evidence


@settings(max_examples=50)
@given(histories)
def test_looking_is_free_and_changes_nothing(history: list[Block]) -> None:
    evidence = Evidence().with_blocks(history, HALF_A_POINT)
    first = compare(evidence, HALF_A_POINT, ALPHA)
    assert compare(evidence, HALF_A_POINT, ALPHA) == first
    assert Evidence().with_blocks(history, HALF_A_POINT) == evidence


@settings(max_examples=30)
@given(st.lists(st.tuples(counts, counts), min_size=2, max_size=20))
def test_splitting_windows_changes_neither_totals_nor_bounds(arms: list[tuple[Counts, Counts]]) -> None:
    fine = Evidence().with_blocks(blocks(arms), HALF_A_POINT)
    whole = (sum((s for s, _ in arms), Counts(0, 0)), sum((c for _, c in arms), Counts(0, 0)))
    coarse = Evidence().with_blocks(blocks([whole]), HALF_A_POINT)
    assert (fine.stable, fine.candidate) == (coarse.stable, coarse.candidate)
    narrowest, bounds = intervals(coarse, 0.05), intervals(fine, 0.05)
    # Only blocks can show bursts, which widen the bounds.
    assert all(a.low >= b.low and a.high <= b.high for a, b in zip(narrowest, bounds, strict=True))


def test_until_is_the_end_of_the_newest_block() -> None:
    history = blocks([(Counts(0, 10), Counts(0, 10))] * 3)
    evidence = Evidence().with_blocks(history, HALF_A_POINT)
    assert evidence.until == BEGIN + 3 * BLOCK
    late = Block(history[1].at + timedelta(seconds=1), Counts(5, 10), Counts(5, 10))
    assert evidence.with_blocks([late], HALF_A_POINT) == evidence


@pytest.mark.parametrize("text", ["", "{}", "[]", "[2,null]", "null", "[1,null,[2,1],[0,0],0,[0,0],[],[],[],[]]"])
def test_what_is_no_evidence_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not evidence"):
        Evidence.decoded(text)


def test_a_day_of_evidence_is_small_enough_for_status() -> None:
    day = arriving(np.random.default_rng(1), 1000, stable=0.002, candidate=0.002, rate=5_000)
    assert len(Evidence().with_blocks(day, HALF_A_POINT).encoded()) < 1_000
