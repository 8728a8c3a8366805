"""What is known of the counters of one question: read on from look to look, so that each look reads only what is new.

A ledger is immutable, so that a look that fails half-way leaves the one before in force. A new one, also after a
restart, reads everything since the evidence began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf

from modelwright.analysis.blocks import BLOCK
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.counters import Tally
from modelwright.metrics.prometheus import LOOKBACK, Source
from modelwright.metrics.questions import CountsQuestion, MeanQuestion
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.selectors import Counter, Selector, parse_counter
from modelwright.metrics.windows import check_window

Tallies = Mapping[Selector, Tally]

MOST_BLOCKS = 1000
"""Older blocks of a question are merged into one, so that a step of a month takes no more memory than one of hours."""

# Sums of what is measured are no whole numbers. They are kept to a millionth.
PARTS_OF_SUMS = 1_000_000


@dataclass(frozen=True)
class Ledger:
    """Begun at `origin`, read up to `asked` (unix seconds), `judged` observations so far.

    Blocks last `block` seconds; those that begin before `blocks_since` are merged.
    """

    origin: float
    asked: float
    tallies: Tallies = field(default_factory=dict)
    judged: int = 0
    block: float = BLOCK.total_seconds()
    blocks_since: float = -inf


def counters_of(question: CountsQuestion | MeanQuestion) -> tuple[Counter, ...]:
    """Raises InvalidSpec for expressions that are not counters."""
    return tuple(parse_counter(expression) for expression in question.expressions)


def read(question: CountsQuestion | MeanQuestion, source: Source, ledger: Ledger | None, at: float) -> Ledger:
    """Bring the ledger up to `at`. Raises Unanswered, and InvalidSpec for expressions that are not counters."""
    parts = _parts(question)
    overlap = source.configuration.freshness.total_seconds()
    if ledger is None:
        ledger = _opened(question, source, parts, at)
        # A source that knows nothing from before cannot prove that a series is new: what is there at first may be old.
        absent_until = source.memory_begins(ledger.origin, at) + overlap
    else:
        absent_until = -inf
    start = max(ledger.origin, ledger.asked - overlap)
    blocks_since = max(ledger.blocks_since, at // ledger.block * ledger.block - MOST_BLOCKS * ledger.block)
    tallies: dict[Selector, Tally] = {}
    for selector in parts:
        tally = ledger.tallies[selector]
        for piece in source.samples(selector.text, start, at):
            tally = tally.folded(piece, absent_until=absent_until)
        if question.window is None:
            tally = tally.in_blocks(ledger.block, earlier_than=blocks_since)
        else:
            tally = _forgetting(tally, at - question.window.total_seconds())
        tallies[selector] = tally
    return replace(ledger, asked=at, tallies=tallies, blocks_since=blocks_since)


def block_seconds(source: MetricSource) -> float:
    """How long blocks last: the fewest whole BLOCKs in which every target is scraped once."""
    return BLOCK.total_seconds() * max(1, ceil(source.scrape_interval / BLOCK))


def _parts(question: CountsQuestion | MeanQuestion) -> dict[Selector, int]:
    """Each selector once, with the parts that one of its growth is kept in."""
    exact = isinstance(question, CountsQuestion)
    counters = counters_of(question)
    return {
        selector: 1 if exact or counter is counters[0] else PARTS_OF_SUMS
        for counter in counters
        for selector in counter.selectors
    }


def _opened(
    question: CountsQuestion | MeanQuestion, source: Source, parts: Mapping[Selector, int], at: float
) -> Ledger:
    if question.window is not None:
        try:
            check_window(question.window, source.configuration)
        except InvalidSpec as invalid:
            raise Unanswered(Reason.BAD_QUERY, f"the window {invalid.message}") from None
        origin = at - question.window.total_seconds()
    else:
        assert question.since is not None
        origin = question.since.timestamp()
    if origin >= at:
        raise Unanswered(Reason.NO_TRAFFIC, "the evidence begins only now")
    tallies = {
        selector: Tally.starting(source.last_values(selector.text, origin), origin, count)
        for selector, count in parts.items()
    }
    return Ledger(origin, origin, tallies, block=block_seconds(source.configuration))


def _forgetting(tally: Tally, before: float) -> Tally:
    # Silent series go by the newest sample, not by the clock: in an outage all are silent, and all may come back.
    return tally.forgetting(growth_before=before, series_before=tally.newest - 2 * LOOKBACK.total_seconds())
