"""Judges a growing proportion by bounds that hold by themselves: Pass, Fail or not yet, at known error rates.

As guardrail.py does against stable, with the same guards. Fail comes from evidence that starts anew with every block
(starts.py): a likelihood ratio between a proportion beyond the bound and the bound itself. It is capped per block and
divided by the dispersion of the candidate. That of a fault which begins is not known yet when its evidence starts, and
does not count until the evidence has come to nothing. Pass comes from the confidence sequence, widened likewise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime
from math import inf, log, log1p
from typing import Any

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.dispersion import Dispersion
from modelwright.analysis.numbers import counted, shown
from modelwright.analysis.sequence import Interval, confidence_sequence
from modelwright.analysis.starts import DOUBT, EXCESSES, Starts, guarded
from modelwright.analysis.threshold import bounds_text
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds
from modelwright.api.times import format_time, parse_time

_VERSION = 3
_FARTHEST = 10**9


@dataclass(frozen=True)
class Beyond:
    """Evidence that a proportion is beyond one bound. `recent` is the newest, 0 while it speaks for the candidate.

    `dispersion` and `known_events` are what the candidate had shown when the newest evidence began.
    """

    starts: Starts = field(default_factory=Starts)
    recent: float = 0.0
    dispersion: float = 1.0
    known_events: float = 0

    def with_block(self, ratios: Sequence[float], dispersion: float, known_events: float) -> Beyond:
        """Add the logarithms of a block's ratios, by excess; `dispersion` and `known_events` are of those before."""
        used, known = (self.dispersion, self.known_events) if self.recent > 0 else (dispersion, known_events)
        logs = [guarded(ratio, used, known, settled=False) for ratio in ratios]
        return Beyond(self.starts.with_block(logs), max(0.0, self.recent + max(logs)), used, known)

    def numbers(self) -> list[Any]:
        """For serialising; `of` reads it back."""
        logs = [None if log == -inf else log for log in self.starts.logs]
        return [self.starts.blocks, logs, self.recent, self.dispersion, self.known_events]

    @classmethod
    def of(cls, numbers: Sequence[Any]) -> Beyond:
        """What `numbers` wrote. Raises TypeError or ValueError where it cannot have."""
        blocks, logs, recent, used, known = numbers
        if len(logs) != len(EXCESSES):
            raise ValueError(f"expected {len(EXCESSES)} excesses, found {len(logs)}")
        starts = Starts(int(blocks), tuple(-inf if log is None else float(log) for log in logs))
        return cls(starts, float(recent), float(used), float(known))


@dataclass(frozen=True)
class BoundedEvidence:
    """What a proportion with bounds of its own has shown in one step; `until` is the end of the newest block folded.

    Folding blocks a second time changes nothing.
    """

    until: datetime | None = None
    counts: Counts = NOTHING
    dispersion: Dispersion = field(default_factory=Dispersion)
    above: Beyond = field(default_factory=Beyond)
    below: Beyond = field(default_factory=Beyond)
    about: str = ""  # as of Evidence

    def with_blocks(self, blocks: Iterable[tuple[datetime, Counts]], bounds: Bounds) -> BoundedEvidence:
        """Fold what was counted from each time on, for BLOCK; what begins before `until` was folded already."""
        evidence = self
        for at, counts in sorted(blocks, key=lambda block: block[0]):
            if counts.total and (evidence.until is None or at >= evidence.until):
                evidence = evidence._with(at, counts, bounds)
        return evidence

    @property
    def factor(self) -> float:
        """By how much the confidence sequence is widened."""
        p = (self.counts.events + 0.5) / (self.counts.total + 1)
        return self.dispersion.factor(p * (1 - p))

    def _with(self, at: datetime, counts: Counts, bounds: Bounds) -> BoundedEvidence:
        above, below, factor, events = self.above, self.below, self.factor, self.counts.events
        if bounds.max is not None:
            above = above.with_block(_ratios(counts, float(bounds.max)), factor, events)
        if bounds.min is not None:
            rest = Counts(counts.total - counts.events, counts.total)
            below = below.with_block(_ratios(rest, 1 - float(bounds.min)), factor, self.counts.total - events)
        dispersion = self.dispersion.added(counts.events, counts.total)
        return BoundedEvidence(at + BLOCK, self.counts + counts, dispersion, above, below, self.about)

    def encoded(self) -> str:
        """One line of text that `decoded` reads back equal."""
        sides = [self.above.numbers(), self.below.numbers()]
        until = format_time(self.until) if self.until else None
        parts = [_VERSION, "bounded", self.about, until, astuple(self.counts), self.dispersion.numbers(), *sides]
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> BoundedEvidence:
        """What `encoded` wrote. Raises ValueError for anything else, also for what another version wrote."""
        try:
            version, kind, about, until, counts, dispersion, *sides = json.loads(text)
            if (version, kind) != (_VERSION, "bounded"):
                raise ValueError(f"version {version}")
            above, below = map(Beyond.of, sides)
            time = parse_time(until) if until else None
            return cls(time, Counts(*counts), Dispersion.of(dispersion), above, below, str(about))
        except (TypeError, ValueError) as error:
            raise ValueError(f"not evidence of this version: {error}") from error


def proportion_within(evidence: BoundedEvidence, bounds: Bounds, alpha: Allocation) -> Finding:
    """Fail iff the proportion is surely outside `bounds`, Pass iff it is surely within, over all looks together.

    Reasons: WithinBounds, OutsideBounds, NotYetDecided, NoSamples.
    """
    text, counts = bounds_text(bounds), evidence.counts
    if counts.total == 0:
        return Finding(Verdict.NO_DATA, "NoSamples", "no observations of candidate yet", bound=text)
    share = shown(counts.events / counts.total)
    interval = confidence_sequence(counts, alpha.pass_, dispersion=evidence.factor)
    sides = 1 if bounds.min is None or bounds.max is None else 2
    if max(evidence.above.starts.log_e, evidence.below.starts.log_e) >= log(sides / alpha.fail):
        verdict, reason, rest = Verdict.FAIL, "OutsideBounds", f"outside {text}"
    elif _inside(interval, bounds) and max(evidence.above.recent, evidence.below.recent) < DOUBT:
        verdict, reason, rest = Verdict.PASS, "WithinBounds", f"within {text}"
    else:
        verdict, reason, rest = Verdict.INCONCLUSIVE, "NotYetDecided", f"not yet clear of {text}"
    between = f"[{shown(interval.low)}, {shown(interval.high)}]"
    message = f"{share} {between} after {counted(counts.total)} observations, {rest}"
    return Finding(verdict, reason, message, samples=counts.total, candidate=share, bound=text)


def surely_within(counts: Counts, bounds: Bounds, alpha: float, *, dispersion: float = 1.0) -> bool:
    """Whether counts, by default without bursts, are within `bounds` for sure."""
    return _inside(confidence_sequence(counts, alpha, dispersion=dispersion), bounds)


def seconds_until_within(evidence: BoundedEvidence, bounds: Bounds, alpha: Allocation) -> float | None:
    """How long a Pass still needs at the share and the traffic seen so far, good to a tenth.

    0 if it passes now; None if it would not pass within 10^9 observations, or nothing has been seen.
    """
    seen, blocks = evidence.counts, max(evidence.above.starts.blocks, evidence.below.starts.blocks)
    if seen.total == 0 or blocks == 0:
        return None
    share, total = seen.events / seen.total, seen.total
    while not surely_within(
        Counts(min(round(share * total), total), total), bounds, alpha.pass_, dispersion=evidence.factor
    ):
        total += max(total // 10, 1)
        if total > _FARTHEST:
            return None
    return (total - seen.total) / seen.total * blocks * BLOCK.total_seconds()


def _inside(interval: Interval, bounds: Bounds) -> bool:
    high_enough = bounds.min is None or interval.low >= float(bounds.min)
    return high_enough and (bounds.max is None or interval.high <= float(bounds.max))


def _ratios(bad: Counts, limit: float) -> list[float]:
    return [_log_ratio(bad, limit, excess) for excess in EXCESSES]


def _log_ratio(bad: Counts, limit: float, excess: float) -> float:
    """ln of the likelihood ratio of a worse proportion and `limit`, which no proportion within it makes larger than 1
    on average: the ratio rises with each bad one."""
    if not 0 < limit < 1:
        # A limit of 0 is broken by the first event, one of 1 by nothing.
        return inf if limit <= 0 and bad.events else 0.0
    worse = limit + excess * limit / 8
    worse = worse if worse < 1 else (limit + 1) / 2
    rest = bad.total - bad.events
    return bad.events * log(worse / limit) + rest * (log1p(-worse) - log1p(-limit))
