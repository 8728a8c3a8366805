"""Answers the questions of plans, in the worker threads of cluster.background: never raises, never blocks a reconcile.

It keeps one ledger per question, so that a look reads only what is new, and asks identical questions once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from modelwright.errors import InvalidSpec
from modelwright.metrics.counting import Ledger, judge, read
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsQuestion, Look, NoLook, ValueLook, ValueQuestion
from modelwright.metrics.reasons import Reason, Unanswered

Question = CountsQuestion | ValueQuestion

# A question that nobody has asked for so many of its intervals, and for so many seconds, is forgotten.
_FORGET_INTERVALS = 10
_FORGET_SECONDS = 600.0


@dataclass
class _Memory:
    """What is known of one question. `lock` is held while it is asked: who comes meanwhile shares the answer."""

    lock: Lock = field(default_factory=Lock)
    ledger: Ledger | None = None
    look: Look | None = None
    looked_at: float = 0.0
    wanted_at: float = 0.0


class Asker:
    """Asks the configured sources. `clock` gives unix seconds."""

    def __init__(self, sources: Mapping[str, Source], clock: Callable[[], float] = time.time) -> None:
        self._sources = sources
        self._clock = clock
        self._memories: dict[Question, _Memory] = {}
        self._lock = Lock()

    def ask(self, question: Question) -> Look:
        """One look. Who asks again before the question's interval is over shares the newest answer.

        TRAP: the evidence is as old as the look's `until`, which a shared look proves better than the time of asking.
        """
        source = self._sources.get(question.source)
        if source is None:
            known = ", ".join(sorted(self._sources)) or "none"
            return _no_look(
                Unanswered(
                    Reason.UNKNOWN_SOURCE,
                    f"metric source {question.source!r} is not configured; known are {known}",
                )
            )
        now = self._clock()
        memory = self._remember(question, now)
        with memory.lock:
            now = self._clock()
            if memory.look is None or now - memory.looked_at >= question.interval.total_seconds():
                memory.look = self._look(question, source, memory, now)
                memory.looked_at = now
            return memory.look

    def _remember(self, question: Question, now: float) -> _Memory:
        with self._lock:
            memory = self._memories.setdefault(question, _Memory())
            memory.wanted_at = now
            for other, known in list(self._memories.items()):
                patience = max(_FORGET_SECONDS, _FORGET_INTERVALS * other.interval.total_seconds())
                if now - known.wanted_at > patience:
                    del self._memories[other]
            return memory

    def _look(self, question: Question, source: Source, memory: _Memory, now: float) -> Look:
        # A scrape is stored a moment after its timestamp. Looking back a little sees all targets equally complete.
        at = now - min(1.0, source.configuration.scrape_interval.total_seconds() / 2)
        try:
            if isinstance(question, ValueQuestion):
                return _value_look(question, source, at)
            memory.ledger = read(question, source, memory.ledger, at)
            memory.ledger, look = judge(question, source, memory.ledger)
            return _no_look(look) if isinstance(look, Unanswered) else look
        except Unanswered as unanswered:
            return _no_look(unanswered)
        except InvalidSpec as invalid:
            return _no_look(Unanswered(Reason.BAD_QUERY, invalid.message))


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
