"""Evidence of whole weeks is what there was when they ended, however it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from tests.analysis.arms import BEGIN, mean_blocks

from modelwright.analysis.blocks import BLOCK, Block, MeanBlock
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.harm import Harm
from modelwright.analysis.margin import max_decrease
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.weekly import WEEK, Weekly, decoded

MARGIN = max_decrease(Decimal("0.01"))
EVERY = timedelta(hours=6) // BLOCK
"""One block of counts every six hours."""


def fold(evidence: Evidence, more: Sequence[Block]) -> Evidence:
    return evidence.with_blocks(more, MARGIN)


def fold_means(evidence: MeanEvidence, more: Sequence[MeanBlock]) -> MeanEvidence:
    return evidence.with_blocks(more, MARGIN)


def harmless(evidence: Evidence) -> Evidence:
    return replace(evidence, harm=Harm())


def some(number: int) -> list[Block]:
    arms = [(Counts(i % 7, 50), Counts(i % 5, 40)) for i in range(number)]
    return [Block(BEGIN + i * EVERY * BLOCK, *pair) for i, pair in enumerate(arms)]


def test_there_is_none_in_the_first_week_and_then_exactly_that_of_the_weeks_that_are_over() -> None:
    coming = some(4 * 17)
    seen = Weekly(Evidence())
    for block in coming:
        seen = seen.with_blocks([block], BEGIN, fold)
        over = int((block.at + BLOCK - BEGIN) / WEEK)
        first = [one for one in coming if one.at + BLOCK <= BEGIN + over * WEEK and one.at <= block.at]
        assert seen.whole == (harmless(fold(Evidence(), first)) if over else None)
    assert seen.running == fold(Evidence(), coming)


def test_an_outage_at_the_end_of_a_week_moves_nothing() -> None:
    coming = some(4 * 10)
    at_once = Weekly(Evidence()).with_blocks(coming, BEGIN, fold)
    early = Weekly(Evidence()).with_blocks(coming[:20], BEGIN, fold)
    assert early.whole is None
    again = decoded(early.encoded(), Evidence.decoded).with_blocks(coming, BEGIN, fold)
    assert again == at_once
    assert again.with_blocks(coming, BEGIN, fold) == again


def test_a_block_that_ends_a_week_belongs_to_it() -> None:
    last = Block(BEGIN + WEEK - BLOCK, Counts(1, 10), Counts(1, 10))
    seen = Weekly(Evidence()).with_blocks([last], BEGIN, fold)
    assert seen.whole == harmless(seen.running)


def test_it_is_written_and_read_back_and_fits_a_status() -> None:
    seen = Weekly(Evidence()).with_blocks(some(200), BEGIN, fold)
    assert decoded(seen.encoded(), Evidence.decoded) == seen
    assert len(seen.encoded()) < 4096
    rng = np.random.default_rng(1)
    means = Weekly(MeanEvidence(0, 10))
    for first in (0, int(WEEK / BLOCK)):
        means = means.with_blocks(mean_blocks(rng, 30, stable=2, candidate=3, first=first), BEGIN, fold_means)
    assert means.whole is not None
    assert len(means.encoded()) < 4096
    assert decoded(means.encoded(), MeanEvidence.decoded) == means
    for text in ("", "[]", "[1,2]", '["x",null]'):
        with pytest.raises(ValueError, match="whole weeks"):
            decoded(text, Evidence.decoded)
