"""One look at the counts of an arm: reads what is new since the look before, and says whether it may be believed.

Each question has a ledger, which is immutable, so that a look that fails half-way leaves the one before in force. A new
ledger, also after a restart, reads everything since the evidence began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import inf

from modelwright.analysis.counts import Counts
from modelwright.metrics.counters import Tally
from modelwright.metrics.prometheus import LOOKBACK, Source
from modelwright.metrics.questions import CountsLook, CountsQuestion
from modelwright.metrics.reasons import Reason, Unanswered
from modelwright.metrics.selectors import Counter, Selector, parse_counter

Tallies = Mapping[Selector, Tally]


@dataclass(frozen=True)
class Ledger:
    """What is known of one question: begun at `origin`, read up to `asked` (unix seconds), `judged` total so far."""

    origin: float
    asked: float
    tallies: Tallies
    judged: int = 0


def read(question: CountsQuestion, source: Source, ledger: Ledger | None, at: float) -> Ledger:
    """Bring the ledger up to `at`. Raises Unanswered, and InvalidSpec for expressions that are not counters."""
    # Of two selectors at the same moment the second may see a scrape more. Events first: there are never too many.
    selectors = dict.fromkeys(parse_counter(question.events).selectors + parse_counter(question.total).selectors)
    overlap = source.configuration.freshness.total_seconds()
    if ledger is None:
        ledger = _opened(question, source, tuple(selectors), at)
        # A source that knows nothing from before cannot prove that a series is new: what is there at first may be old.
        absent_until = source.memory_begins(ledger.origin, at) + overlap
    else:
        absent_until = -inf
    start = max(ledger.origin, ledger.asked - overlap)
    tallies: dict[Selector, Tally] = {}
    for selector in selectors:
        tally = ledger.tallies[selector]
        for piece in source.samples(selector.text, start, at):
            tally = tally.folded(piece, absent_until=absent_until)
        tallies[selector] = _trimmed(question, tally, at)
    return replace(ledger, asked=at, tallies=tallies)


def judge(question: CountsQuestion, source: Source, ledger: Ledger) -> tuple[Ledger, CountsLook | Unanswered]:
    """What the ledger says now. A look whose total did not grow since the one before is no look."""
    try:
        look = _look(question, source, ledger)
    except Unanswered as unanswered:
        return ledger, unanswered
    total = look.counts.total
    # A window states its own age; only evidence that is collected since a moment could be looked at twice.
    if question.since is not None and total <= ledger.judged:
        return ledger, Unanswered(Reason.NOT_GROWN, f"no new observations of {question.arm} since the last look")
    return replace(ledger, judged=total), look


def _opened(question: CountsQuestion, source: Source, selectors: tuple[Selector, ...], at: float) -> Ledger:
    if question.window is not None:
        shortest = 4 * source.configuration.scrape_interval
        if question.window < shortest:
            message = f"the window is {question.window}, it has to be at least four scrape intervals ({shortest})"
            raise Unanswered(Reason.BAD_QUERY, message)
        origin = at - question.window.total_seconds()
    else:
        assert question.since is not None
        origin = question.since.timestamp()
    if origin >= at:
        raise Unanswered(Reason.NO_TRAFFIC, "the evidence begins only now")
    return Ledger(
        origin,
        origin,
        {selector: Tally.starting(source.last_values(selector.text, origin), origin) for selector in selectors},
    )


def _trimmed(question: CountsQuestion, tally: Tally, at: float) -> Tally:
    if question.window is None:
        return tally.merged()
    # Silent series go by the newest sample, not by the clock: in an outage all are silent, and all may come back.
    silence = 2 * LOOKBACK.total_seconds()
    return tally.forgetting(growth_before=at - question.window.total_seconds(), series_before=tally.newest - silence)


def _look(question: CountsQuestion, source: Source, ledger: Ledger) -> CountsLook:
    events, total = parse_counter(question.events), parse_counter(question.total)
    after = ledger.asked - question.window.total_seconds() if question.window else -inf
    name = source.configuration.name
    for selector in total.selectors:
        if not ledger.tallies[selector].reached:
            raise Unanswered(Reason.NO_SERIES, f"metric source {name!r} has no series {selector.text}")
    newest = ledger.tallies[total.plus].newest
    freshness = source.configuration.freshness.total_seconds()
    if newest < ledger.asked - freshness:
        age = ledger.asked - newest
        message = f"the newest sample of {total.plus.text} is {age:.0f}s old, at most {freshness:.0f}s count"
        raise Unanswered(Reason.STALE, message)
    total_seen = _difference(total, ledger.tallies, after)
    if total_seen == 0:
        raise Unanswered(Reason.NO_TRAFFIC, f"{total.plus.text} has not grown: nothing observed of {question.arm}")
    events_seen = _events(events, source, ledger, after)
    if not 0 <= events_seen <= total_seen:
        message = f"found {events_seen} events of {total_seen}: `events` has to count a part of `total`"
        raise Unanswered(Reason.INCONSISTENT_COUNTS, message)
    return CountsLook(Counts(events_seen, total_seen), datetime.fromtimestamp(newest, UTC))


def _events(events: Counter, source: Source, ledger: Ledger, after: float) -> int:
    """No series of `events` beside a growing `total` means 0, but only under a name that exists."""
    if not ledger.tallies[events.plus].reached:
        if source.knows(events.plus.name, ledger.asked):
            return 0
        message = f"no revision has ever had a series {events.plus.name}: no events, or a misspelt name"
        raise Unanswered(Reason.NO_SERIES, f"metric source {source.configuration.name!r}: {message}")
    if events.minus is not None and not ledger.tallies[events.minus].reached:
        # What is subtracted must be there: without it every observation would count as an event.
        message = f"metric source {source.configuration.name!r} has no series {events.minus.text}"
        raise Unanswered(Reason.NO_SERIES, message)
    return _difference(events, ledger.tallies, after)


def _difference(counter: Counter, tallies: Tallies, after: float) -> int:
    grown = tallies[counter.plus].total(after)
    return grown if counter.minus is None else grown - tallies[counter.minus].total(after)
