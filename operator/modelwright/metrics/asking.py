"""Answers the questions of plans, in the worker threads of cluster.background: never raises, never blocks a reconcile.

It keeps one ledger per question, so that a look reads only what is new, and asks identical questions once, for all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock

from modelwright.errors import InvalidSpec
from modelwright.metrics.counting import judge
from modelwright.metrics.ledgers import Ledger, read
from modelwright.metrics.past import past_look
from modelwright.metrics.patience import Patience, backed_off
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import HistoryQuestion, Look, NoLook, Question, ValueLook, ValueQuestion
from modelwright.metrics.reasons import Reason, Unanswered

__all__ = ["Asker", "Question", "Seen"]

# A question that nobody has asked for so many of its intervals, and for so many seconds, is forgotten.
_FORGET_INTERVALS = 10
_FORGET_SECONDS = 600.0
_LONGEST_WAIT = 60.0

Seen = Callable[[str, str, float], None]
"""Is told of each look: the source, its outcome (a NoLook's reason, "Answered" or "Shared"), and seconds it took."""


@dataclass
class _Memory:
    """What is known of one question. `lock` is held while it is asked: who comes meanwhile shares the answer."""

    lock: Lock = field(default_factory=Lock)
    ledger: Ledger | None = None
    look: Look | None = None
    looked_at: float = 0.0
    wanted_at: float = 0.0
    failures: int = 0


class Asker:
    """Asks the configured sources. `clock` gives unix seconds, `chance` numbers in [0, 1)."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        seen: Seen = lambda source, outcome, seconds: None,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._chance = chance
        self._seen = seen
        self._memories: dict[Question, _Memory] = {}
        self._patience: dict[str, Patience] = {}
        self._swept_at = 0.0
        self._lock = Lock()

    def ask(self, question: Question) -> Look:
        """One look. Who asks again before the question's interval is over shares the newest answer, with its time."""
        source = self._sources.get(question.source)
        if source is None:
            known = ", ".join(sorted(self._sources)) or "none"
            message = f"metric source {question.source!r} is not configured; known are {known}"
            return _no_look(Unanswered(Reason.UNKNOWN_SOURCE, message))
        memory = self._remember(question, self._clock())
        with memory.lock:
            now = self._clock()
            if memory.look is not None and now - memory.looked_at < _rests(memory.look, question):
                self._seen(question.source, "Shared", 0.0)
                return memory.look
            waits = self._patience_of(question.source).waits(now)
            if waits > 0:
                said = self._patience_of(question.source).said
                return replace(
                    _no_look(Unanswered(Reason.SOURCE_UNAVAILABLE, said)),
                    asked_at=datetime.fromtimestamp(now, UTC),
                    retry_after=timedelta(seconds=waits * (1.0 + 0.2 * self._chance())),
                )
            look = self._look(question, source, memory, now)
            memory.look = replace(look, asked_at=datetime.fromtimestamp(now, UTC))
            memory.looked_at = now
            outcome = look.reason if isinstance(look, NoLook) else "Answered"
            self._seen(question.source, outcome, max(0.0, self._clock() - now))
            return memory.look

    def _remember(self, question: Question, now: float) -> _Memory:
        # What the asker calls a metric or an arm changes nothing about the answer.
        question = replace(question, metric="", arm="")
        with self._lock:
            memory = self._memories.setdefault(question, _Memory())
            memory.wanted_at = now
            if now - self._swept_at >= 1.0:
                self._swept_at = now
                for other, known in list(self._memories.items()):
                    patience = max(_FORGET_SECONDS, _FORGET_INTERVALS * other.every.total_seconds())
                    if now - known.wanted_at > patience:
                        del self._memories[other]
            return memory

    def _look(self, question: Question, source: Source, memory: _Memory, now: float) -> Look:
        # A scrape is stored a moment after its timestamp. Looking back a little sees all targets equally complete.
        at = now - min(1.0, source.configuration.scrape_interval.total_seconds() / 2)
        try:
            if isinstance(question, ValueQuestion):
                look: Look | Unanswered = _value_look(question, source, at)
            elif isinstance(question, HistoryQuestion):
                look = past_look(question, source, at)
            elif question.until is not None:
                _, look = judge(question, source, read(question, source, None, question.until.timestamp()))
            else:
                memory.ledger = read(question, source, memory.ledger, at)
                memory.ledger, look = judge(question, source, memory.ledger)
        except Unanswered as unanswered:
            look = unanswered
        except InvalidSpec as invalid:
            look = Unanswered(Reason.BAD_QUERY, invalid.message)
        if not isinstance(look, Unanswered):
            memory.failures = 0
            self._set_patience(question.source, lambda known: known.answered())
            return look
        return self._failed(look, question, memory, now)

    def _failed(self, unanswered: Unanswered, question: Question, memory: _Memory, now: float) -> NoLook:
        """Not an answer: when it makes sense to ask again, and whether the source is to be left alone altogether."""
        if not unanswered.unavailable:
            # It answered, or would have: nothing is wrong with the source.
            memory.failures = 0
            if not unanswered.permanent:
                self._set_patience(question.source, lambda known: known.answered())
            look = _no_look(unanswered)
            seldom = _is_of_the_past(question) and not unanswered.permanent
            return replace(look, retry_after=timedelta(seconds=_LONGEST_WAIT)) if seldom else look
        memory.failures += 1
        chance = self._chance()
        self._set_patience(
            question.source,
            lambda known: known.failed(now, chance, unanswered.message, unanswered.retry_after),
        )
        # What is asked seldom is not to wait for as long again because it failed once.
        often = not _is_of_the_past(question)
        longest = max(_LONGEST_WAIT, question.interval.total_seconds() if often else 0.0)
        wait = max(self._patience_of(question.source).waits(now), backed_off(memory.failures, chance, longest=longest))
        return replace(_no_look(unanswered), retry_after=timedelta(seconds=wait))

    def _patience_of(self, source: str) -> Patience:
        return self._patience.get(source, Patience())

    def _set_patience(self, source: str, change: Callable[[Patience], Patience]) -> None:
        with self._lock:
            self._patience[source] = change(self._patience_of(source))


def _is_of_the_past(question: Question) -> bool:
    """Asked seldom, as it does not change any more."""
    return isinstance(question, HistoryQuestion) or getattr(question, "until", None) is not None


def _rests(look: Look, question: Question) -> float:
    """For how many seconds a look is shared. A failure that is to be asked again sooner is not kept longer."""
    interval = question.every.total_seconds()
    if isinstance(look, NoLook) and look.retry_after is not None:
        return min(interval, look.retry_after.total_seconds())
    return interval


def _value_look(question: ValueQuestion, source: Source, at: float) -> ValueLook:
    value, until = source.value(question.query, at)
    samples = None
    if question.samples:
        try:
            samples = int(source.value(question.samples, at)[0])
        except Unanswered as unanswered:
            if unanswered.reason is not Reason.NO_SERIES:
                raise
            raise Unanswered(Reason.NO_SAMPLES, f"{unanswered.message}, asked for the number of samples") from None
    return ValueLook(value, samples, datetime.fromtimestamp(until, UTC))


def _no_look(unanswered: Unanswered) -> NoLook:
    return NoLook(unanswered.verdict, unanswered.reason.value, unanswered.message, unanswered.permanent)
