"""What the ledger of a question says, and whether it may be believed: counts of events, or moments of a measurement."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from math import inf

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.metrics.counters import EARLIER
from modelwright.metrics.ledgers import PARTS_OF_SUMS, Ledger, counters_of
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import (
    CountsBlock,
    CountsLook,
    CountsQuestion,
    MeanLook,
    MeanQuestion,
    MomentsBlock,
)
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.selectors import Counter


def judge(
    question: CountsQuestion | MeanQuestion, source: Source, ledger: Ledger
) -> tuple[Ledger, CountsLook | MeanLook | Unanswered]:
    """What the ledger says now. A look whose total did not grow since the one before is no look."""
    try:
        look: CountsLook | MeanLook
        if isinstance(question, CountsQuestion):
            look = counts = _counts_look(question, source, ledger)
            total = counts.counts.total
        else:
            look = mean = _mean_look(question, source, ledger)
            total = mean.moments.count
    except Unanswered as unanswered:
        return ledger, unanswered
    # A window states its own age; only evidence that is collected since a moment could be looked at twice.
    if question.since is not None and total <= ledger.judged:
        return ledger, Unanswered(Reason.NOT_GROWN, f"no new observations of {question.arm} since the last look")
    return replace(ledger, judged=total), look


def _counts_look(question: CountsQuestion, source: Source, ledger: Ledger) -> CountsLook:
    events, total = counters_of(question)
    newest = _newest(total, source, ledger)
    total_seen = _observed(question, total, ledger)
    _check_events(events, source, ledger)
    events_seen = _growth(events, ledger, _after(question, ledger))
    if not 0 <= events_seen <= total_seen:
        message = f"found {events_seen} events of {total_seen}: `events` has to count a part of `total`"
        raise Unanswered(Reason.INCONSISTENT_COUNTS, message)
    look = CountsLook(Counts(events_seen, total_seen), _time(newest))
    if question.window is not None:
        return look
    until, per_block = _finished(ledger, newest), _per_block(total, ledger)
    events_per_block = _per_block(events, ledger)
    blocks = tuple(
        CountsBlock(_time(at), _time(at + ledger.block), Counts(events_per_block.get(at, 0), count))
        for at, count in sorted(per_block.items())
        # A block that contradicts itself is no evidence, for either side.
        if at != EARLIER and at + ledger.block <= until and 0 <= events_per_block.get(at, 0) <= count and count
    )
    earlier = (events_per_block.get(EARLIER, 0), per_block.get(EARLIER, 0))
    return replace(
        look,
        blocks=blocks,
        blocks_since=_blocks_since(ledger),
        blocks_until=_time(until),
        earlier=Counts(*earlier) if 0 <= earlier[0] <= earlier[1] else Counts(0, 0),
    )


def _mean_look(question: MeanQuestion, source: Source, ledger: Ledger) -> MeanLook:
    count, sums, squares = counters_of(question)
    newest = _newest(count, source, ledger)
    observed = _observed(question, count, ledger)
    for counter in (sums, squares):
        _newest(counter, source, ledger)
    after = _after(question, ledger)
    moments = _moments(observed, _growth(sums, ledger, after), _growth(squares, ledger, after))
    if moments is None:
        message = "no observations have this count, sum and sum of squares: the three counters do not belong together"
        raise Unanswered(Reason.INCONSISTENT_COUNTS, message)
    look = MeanLook(moments, _time(newest))
    if question.window is not None:
        return look
    until = _finished(ledger, newest)
    per_block, sums_per_block, squares_per_block = (_per_block(counter, ledger) for counter in (count, sums, squares))
    blocks = []
    for at, seen in sorted(per_block.items()):
        found = _moments(seen, sums_per_block.get(at, 0), squares_per_block.get(at, 0))
        if at != EARLIER and found is not None and seen and at + ledger.block <= until:
            blocks.append(MomentsBlock(_time(at), _time(at + ledger.block), found))
    earlier = (found.get(EARLIER, 0) for found in (per_block, sums_per_block, squares_per_block))
    return replace(
        look,
        blocks=tuple(blocks),
        blocks_since=_blocks_since(ledger),
        blocks_until=_time(until),
        earlier=_moments(*earlier) or Moments(0, 0.0, 0.0),
    )


def _moments(count: int, sum_parts: int, squares_parts: int) -> Moments | None:
    """None for what no observations can have: the sum of squares is at least the square of the sum by their number."""
    total, squares = sum_parts / PARTS_OF_SUMS, squares_parts / PARTS_OF_SUMS
    slack = (1 + count) / PARTS_OF_SUMS + 1e-9 * squares
    if count <= 0 or total < 0 or squares < 0 or squares + slack < total * total / count:
        return None
    return Moments(count, total, squares)


def _newest(counter: Counter, source: Source, ledger: Ledger) -> float:
    """The time of the newest sample of what must be there, and fresh."""
    name = source.configuration.name
    for selector in counter.selectors:
        if not ledger.tallies[selector].reached:
            raise Unanswered(Reason.NO_SERIES, f"metric source {name!r} has no series {selector.text}")
    newest = ledger.tallies[counter.plus].newest
    freshness = source.configuration.freshness.total_seconds()
    if newest < ledger.asked - freshness:
        age = ledger.asked - newest
        message = f"the newest sample of {counter.plus.text} is {age:.0f}s old, at most {freshness:.0f}s count"
        raise Unanswered(Reason.STALE, message)
    return newest


def _observed(question: CountsQuestion | MeanQuestion, counter: Counter, ledger: Ledger) -> int:
    seen = _growth(counter, ledger, _after(question, ledger))
    if seen == 0:
        raise Unanswered(Reason.NO_TRAFFIC, f"{counter.plus.text} has not grown: nothing observed of {question.arm}")
    return seen


def _check_events(events: Counter, source: Source, ledger: Ledger) -> None:
    """No series of `events` beside a growing `total` means 0, but only under a name that exists."""
    name = source.configuration.name
    for selector in events.counted:
        if not ledger.tallies[selector].reached and not source.knows(selector.name, ledger.asked):
            message = f"no revision has ever had a series {selector.name}: no events, or a misspelt name"
            raise Unanswered(Reason.NO_SERIES, f"metric source {name!r}: {message}")
    if events.minus is not None and not ledger.tallies[events.minus].reached and ledger.tallies[events.plus].reached:
        # What is subtracted must be there: without it every observation would count as an event.
        raise Unanswered(Reason.NO_SERIES, f"metric source {name!r} has no series {events.minus.text}")


def _growth(counter: Counter, ledger: Ledger, after: float) -> int:
    if counter.minus is not None and not ledger.tallies[counter.plus].reached:
        return 0
    grown = sum(ledger.tallies[selector].total(after) for selector in counter.counted)
    return grown if counter.minus is None else grown - ledger.tallies[counter.minus].total(after)


def _per_block(counter: Counter, ledger: Ledger) -> dict[float, int]:
    found: dict[float, int] = {}
    for selector in counter.selectors:
        sign = -1 if selector == counter.minus else 1
        for at, growth in ledger.tallies[selector].grown:
            found[at] = found.get(at, 0) + sign * growth
    return found


def _finished(ledger: Ledger, newest: float) -> float:
    """The end of the newest block that no further sample can fall into: sources hold samples in the order of time."""
    return min(newest, ledger.asked) // ledger.block * ledger.block


def _blocks_since(ledger: Ledger) -> datetime:
    return _time(max(ledger.blocks_since, ledger.origin // ledger.block * ledger.block))


def _after(question: CountsQuestion | MeanQuestion, ledger: Ledger) -> float:
    return ledger.asked - question.window.total_seconds() if question.window else -inf


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
