"""The traffic of a simulated rollout, and the metric source that counts it: draws requests, answers questions."""

from __future__ import annotations

import random
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import exp, log, sqrt
from typing import Any

from modelwright.analysis.blocks import BLOCK, Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import Metric
from modelwright.metrics.questions import (
    CountsBlock,
    CountsLook,
    CountsQuestion,
    HistoryLook,
    HistoryQuestion,
    MeanLook,
    MeanQuestion,
    MomentsBlock,
    NoLook,
    ValueLook,
    ValueQuestion,
)

SECOND = timedelta(seconds=1)


BLOCKS_KEPT = timedelta(minutes=10)
"""As of a real source, older blocks are only known as a whole."""


@dataclass
class Counted:
    """What one revision counted of one metric: running totals of events and of all, at times that rise."""

    times: list[datetime] = field(default_factory=list)
    totals: list[tuple[int, int]] = field(default_factory=list)

    def add(self, at: datetime, events: int, total: int) -> None:
        before = self.totals[-1] if self.totals else (0, 0)
        self.times.append(at)
        self.totals.append((before[0] + events, before[1] + total))

    def between(self, after: datetime, until: datetime) -> Counts:
        (events, total), (less_events, less_total) = self._at(until), self._at(after)
        return Counts(max(events - less_events, 0), max(total - less_total, 0))

    def blocks(self, after: datetime, until: datetime) -> dict[datetime, Counts]:
        found: dict[datetime, Counts] = {}
        for index in range(bisect_right(self.times, after), bisect_right(self.times, until)):
            events, total = self.totals[index]
            less = self.totals[index - 1] if index else (0, 0)
            if total > less[1]:
                at = _block_of(self.times[index])
                found[at] = found.get(at, Counts(0, 0)) + Counts(events - less[0], total - less[1])
        return found

    def _at(self, time: datetime) -> tuple[int, int]:
        index = bisect_right(self.times, time)
        return self.totals[index - 1] if index else (0, 0)


@dataclass
class MetricWorld:
    """`rates` maps metric and version to the share of events (or of the largest values, for means), `values` to the
    number of a value metric. `up` is whether the source answers."""

    random: random.Random
    rates: dict[tuple[str, str], float] = field(default_factory=dict)
    values: dict[tuple[str, str], float] = field(default_factory=dict)
    past: tuple[tuple[datetime, float], ...] = ()  # of every value metric; by default v1's, which hardly varies
    up: bool = True
    counted: dict[tuple[str, str], Counted] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def serve(self, revision: str, version: str, requests: int, metrics: Iterable[Metric], at: datetime) -> None:
        """`requests` answered by `version` in the time up to `at`. Labels come late."""
        self.versions[revision] = version
        self._of(revision, "share").add(at, requests, requests)
        for metric in metrics:
            events = drawn(self.random, requests, self.rates.get((metric.name, version), 0.0))
            self._of(revision, metric.name).add(at + metric.horizon, events, requests)

    def look(self, question: Any, metrics: Iterable[Metric], now: datetime) -> Any:
        if not self.up:
            return NoLook(Verdict.ERROR, "SourceUnavailable", "the source does not answer")
        if isinstance(question, HistoryQuestion):
            return HistoryLook(self.past or self._usual(question, now), now)
        text = question.query if isinstance(question, ValueQuestion) else question.expressions[-1]
        revision = re.findall('(?:revision_name|revision|service)="([^"]*)"', text)[0]
        counted = self._of(revision, question.metric)
        if isinstance(question, ValueQuestion):
            value = self.values.get((question.metric, self.versions.get(revision, "")))
            if value is None:
                return NoLook(Verdict.NO_DATA, "NoSeries", "there is no such series")
            samples = counted.between(now - timedelta(minutes=5), now).total
            return ValueLook(value, samples if question.samples else None, now)
        assert question.since is not None
        now = question.until or now
        counts = counted.between(question.since, now)
        if counts.total == 0:
            return NoLook(Verdict.NO_DATA, "NoTraffic", "nothing was counted")
        finished = _block_of(now)
        since = max(_block_of(now - BLOCKS_KEPT), _block_of(question.since))
        blocks = {at: seen for at, seen in counted.blocks(max(question.since, since), now).items() if at < finished}
        # A sample at a full multiple of a block's length is of the block that begins there.
        earlier = counted.between(question.since, since - timedelta(microseconds=1))
        blocks = {at: seen for at, seen in blocks.items() if at >= since}
        if isinstance(question, MeanQuestion):
            (mean,) = (metric.mean for metric in metrics if metric.name == question.metric)
            assert mean is not None

            def moments(seen: Counts) -> Moments:
                assert mean is not None
                largest = float(mean.max)
                return Moments(seen.total, seen.events * largest, seen.events * largest**2)

            measured = tuple(MomentsBlock(at, at + BLOCK, moments(seen)) for at, seen in blocks.items())
            return MeanLook(moments(counts), now, now, measured, since, finished, moments(earlier))
        assert isinstance(question, CountsQuestion)
        found = tuple(CountsBlock(at, at + BLOCK, seen) for at, seen in blocks.items())
        return CountsLook(counts, now, now, found, since, finished, earlier)

    def _usual(self, question: HistoryQuestion, now: datetime) -> tuple[tuple[datetime, float], ...]:
        value = self.values.get((question.metric, "v1"), 0.0)
        hours = ((season, hour) for season in range(10, 0, -1) for hour in range(-3, 4))
        return tuple(
            (now - season * question.season.length + timedelta(hours=hour), value * (1 + (season + 2 * hour) % 5 / 50))
            for season, hour in hours
        )

    def _of(self, revision: str, metric: str) -> Counted:
        return self.counted.setdefault((revision, metric), Counted())


def drawn(source: random.Random, total: int, share: float) -> int:
    """How many of `total` independent requests are events: binomial, by the normal approximation where it is good."""
    if share <= 0 or total <= 0:
        return 0
    if share > 0.5:
        return total - drawn(source, total, 1 - share)
    variance = total * share * (1 - share)
    if variance > 50:
        return min(max(round(source.gauss(total * share, sqrt(variance))), 0), total)
    # The gaps between events are geometric.
    seen, at = 0, 0
    while True:
        at += 1 + int(log(1 - source.random()) / log(1 - share))
        if at > total:
            return seen
        seen += 1


def arrivals(source: random.Random, expected: float) -> int:
    """How many requests come where `expected` do on average: Poisson."""
    if expected > 50:
        return max(round(source.gauss(expected, sqrt(expected))), 0)
    limit, product, count = exp(-expected), source.random(), 0
    while product > limit:
        product *= source.random()
        count += 1
    return count


def _block_of(at: datetime) -> datetime:
    return datetime.fromtimestamp(at.timestamp() // BLOCK.total_seconds() * BLOCK.total_seconds(), UTC)
