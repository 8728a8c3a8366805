"""A fake source in memory that keeps what tests record, and an asker that looks at it when a test says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import inf

from modelwright.analysis.counts import Counts
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.counters import Labels, Series
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsLook, CountsQuestion, Look, NoLook, Question
from modelwright.metrics.reasons import Reason, Unanswered

SCRAPE = 15
BEGIN = 1_800_000_000.0
POD: Labels = frozenset({("pod", "a")})
QUESTION = CountsQuestion(
    "fake",
    "errors",
    "candidate",
    "errors_total",
    "requests_total",
    timedelta(seconds=10),
    since=datetime.fromtimestamp(BEGIN, UTC),
)


class RecordedSource(Source):
    """A fake Prometheus in memory: `record` is a scrape, and `asked` keeps the ranges that were read."""

    def __init__(self, scrape_interval: timedelta = timedelta(seconds=SCRAPE)) -> None:
        super().__init__(MetricSource("fake", "http://127.0.0.1:1", scrape_interval))
        self.stored: dict[str, dict[Labels, list[tuple[float, float]]]] = {}
        self.asked: list[tuple[str, float, float]] = []
        self.names: set[str] = set()
        self.begins = -inf
        self.fault: Reason | None = None

    def record(self, at: float, labels: Labels = POD, **values: float) -> None:
        for name, value in values.items():
            self.names.add(name)
            self.stored.setdefault(name, {}).setdefault(labels, []).append((BEGIN + at, value))

    def last_values(self, selector: str, at: float) -> list[tuple[Labels, float]]:
        self._answer()
        found = self._between(selector, at - 3600, at)
        return [(one.labels, one.samples[-1][1]) for one in found]

    def samples(self, selector: str, start: float, end: float) -> Iterator[list[Series]]:
        self._answer()
        self.asked.append((selector, start - BEGIN, end - BEGIN))
        middle = (start + end) / 2
        yield self._between(selector, start, middle)
        yield self._between(selector, middle, end)

    def memory_begins(self, start: float, at: float) -> float:
        return self.begins

    def knows(self, name: str, at: float) -> bool:
        return name in self.names

    def value(self, query: str, at: float) -> tuple[float, float]:
        self._answer()
        self.asked.append((query, at - BEGIN, at - BEGIN))
        if query == "nothing":
            raise Unanswered(Reason.NO_SERIES, "the query yields no series")
        return float(query), at

    def _answer(self) -> None:
        if self.fault:
            raise Unanswered(self.fault, "as the test wants it")

    def _between(self, selector: str, start: float, end: float) -> list[Series]:
        series = self.stored.get(selector, {}).items()
        found = [Series(labels, tuple(s for s in samples if start < s[0] <= end)) for labels, samples in series]
        return [one for one in found if one.samples]


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> float:
        return self.now


class Looking:
    """An asker with its source and clock; `look` asks at so many seconds after the evidence began."""

    def __init__(self, scrape_interval: timedelta = timedelta(seconds=SCRAPE)) -> None:
        self.source, self.clock = RecordedSource(scrape_interval), Clock()
        self.asker = Asker({"fake": self.source}, self.clock)

    def look(self, at: float, question: Question = QUESTION) -> Look:
        self.clock.now = BEGIN + at + 1
        return self.asker.ask(question)

    def counts(self, at: float, question: CountsQuestion = QUESTION) -> Counts:
        look = self.look(at, question)
        assert isinstance(look, CountsLook), look
        return look.counts

    def reason(self, at: float, question: Question = QUESTION) -> str:
        look = self.look(at, question)
        assert isinstance(look, NoLook), look
        return look.reason
