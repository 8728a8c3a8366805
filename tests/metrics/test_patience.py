"""A source that fails is asked less and less, jittered, and nobody else waits for it. On a recorded source, a fake."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.metrics.recorded import BEGIN, QUESTION, Clock, RecordedSource

from modelwright.analysis.verdict import Verdict
from modelwright.cluster.background import Background
from modelwright.cluster.keys import Key
from modelwright.metrics.asking import Asker
from modelwright.metrics.patience import FEW, LONGEST_PAUSE, Patience, backed_off
from modelwright.metrics.questions import CountsLook, Look, NoLook
from modelwright.metrics.reasons import Reason, Unanswered

KEY = Key("ModelRollout", "ml", "churn")


class Overloaded(RecordedSource):
    """Counts how often it is asked, and answers 503 with Retry-After while `busy`."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__(timedelta(seconds=15))
        self.busy, self.retry_after, self.times = True, retry_after, 0
        self.record(-5, requests_total=0, errors_total=0)
        self.record(10, requests_total=10, errors_total=1)

    def _answer(self) -> None:
        self.times += 1
        if self.busy:
            raise Unanswered(Reason.SOURCE_UNAVAILABLE, "answers HTTP 503", self.retry_after)


def asking(**sources: RecordedSource) -> tuple[Asker, Clock]:
    clock = Clock()
    clock.now = BEGIN + 12
    return Asker(sources, clock, chance=lambda: 0.5), clock


def other(number: int) -> Any:
    return replace(QUESTION, events=f"errors_total{{n='{number}'}}", total=f"requests_total{{n='{number}'}}")


def waited(look: Look) -> timedelta:
    assert isinstance(look, NoLook), look
    assert look.reason == "SourceUnavailable"
    assert look.retry_after is not None
    return look.retry_after


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_waits_double_up_to_a_bound_and_are_spread_by_a_fifth(failures: int, chance: float) -> None:
    wait = backed_off(failures, chance)
    middle = min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 20))
    assert 0.8 * middle <= wait <= 1.2 * middle


@given(st.lists(st.sampled_from([None, 1.0, 90.0]), max_size=20), st.floats(0, 1, exclude_max=True))
def test_a_source_is_never_asked_sooner_than_it_wished(wishes: list[float | None], chance: float) -> None:
    patience = Patience()
    for wish in wishes:
        patience = patience.failed(1000.0, chance, "busy", wish)
    assert patience.waits(1000.0) >= max((wish for wish in wishes if wish), default=0.0)
    assert (patience.waits(1000.0) > 0) == (len(wishes) >= FEW or any(wishes))
    assert patience.answered().waits(1000.0) == 0


def test_a_question_that_fails_is_asked_again_soon_and_then_less_and_less() -> None:
    source = Overloaded()
    asker, clock = asking(fake=source)
    waits = []
    for _ in range(FEW - 1):
        waits.append(waited(asker.ask(QUESTION)))
        clock.now += waits[-1].total_seconds()
    assert waits == [timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=4)]
    assert source.times == FEW - 1
    source.busy = False
    look = asker.ask(QUESTION)
    assert isinstance(look, CountsLook), look
    source.busy = True
    clock.now += 10
    assert waited(asker.ask(QUESTION)) == timedelta(seconds=1), "an answer made good what was before"


def test_one_failure_delays_no_other_question() -> None:
    source = Overloaded()
    asker, _ = asking(fake=source)
    waited(asker.ask(QUESTION))
    assert source.times == 1
    waited(asker.ask(other(1)))
    assert source.times == 2


def test_a_source_that_fails_everybody_is_left_alone_for_a_moment_and_then_tried_again() -> None:
    source = Overloaded()
    asker, clock = asking(fake=source)
    for number in range(FEW):
        waited(asker.ask(other(number)))
    assert waited(asker.ask(other(FEW))) > timedelta(0)
    assert source.times == FEW, "the last question was not sent"
    clock.now += 2
    source.busy = False
    assert isinstance(asker.ask(QUESTION), CountsLook)


def test_a_source_that_asks_to_be_left_alone_is_and_other_sources_are_not() -> None:
    busy, well = Overloaded(retry_after=30.0), Overloaded()
    well.busy = False
    asker, clock = asking(fake=busy, well=well)
    assert waited(asker.ask(QUESTION)) >= timedelta(seconds=30)
    look = asker.ask(other(1))
    assert waited(look) >= timedelta(seconds=30)
    assert isinstance(look, NoLook)
    assert look.message == "answers HTTP 503"
    assert busy.times == 1
    assert isinstance(asker.ask(replace(QUESTION, source="well")), CountsLook)
    clock.now += 40
    waited(asker.ask(other(1)))
    assert busy.times == 2


def test_what_is_wrong_with_a_query_says_nothing_about_its_source() -> None:
    source = Overloaded()
    source.busy = False
    asker, _ = asking(fake=source)
    for number in range(2 * FEW):
        look = asker.ask(replace(QUESTION, events=f"rate(x_{number})"))
        assert isinstance(look, NoLook)
        assert (look.reason, look.retry_after) == ("BadQuery", None)
    assert isinstance(asker.ask(QUESTION), CountsLook)


def test_a_shared_look_is_as_old_for_everybody_as_the_query_that_measured_it() -> None:
    source = Overloaded()
    source.busy = False
    asker, clock = asking(fake=source)
    first = asker.ask(QUESTION)
    clock.now += 9
    shared = asker.ask(replace(QUESTION, metric="the same by another name", arm="stable"))
    assert shared is first
    assert shared.asked_at == datetime.fromtimestamp(BEGIN + 12, UTC)
    clock.now += 1
    assert asker.ask(QUESTION).asked_at == datetime.fromtimestamp(BEGIN + 22, UTC)


def test_who_asks_and_who_shares_is_told() -> None:
    source = Overloaded()
    told: list[tuple[str, str]] = []
    source.busy = False
    clock = Clock()
    clock.now = BEGIN + 12
    asker = Asker({"fake": source}, clock, seen=lambda source, outcome, seconds: told.append((source, outcome)))
    for _ in range(3):
        asker.ask(QUESTION)
    asker.ask(replace(QUESTION, events="sum(x)"))
    assert told == [("fake", "Answered"), ("fake", "Shared"), ("fake", "Shared"), ("fake", "BadQuery")]


async def test_an_answer_is_as_old_as_the_query_that_measured_it_and_is_asked_again_when_it_says() -> None:
    measured = datetime(2026, 11, 21, 8, tzinfo=UTC)
    failed = NoLook(Verdict.ERROR, "SourceUnavailable", "", asked_at=measured, retry_after=timedelta(0))
    asked: list[Any] = []
    answered = asyncio.Event()

    def ask(question: Any) -> Look:
        asked.append(question)
        return failed if len(asked) < 3 else replace(failed, retry_after=None)

    def wake(key: Key) -> None:
        if len(asked) == 3:
            answered.set()

    background = Background(ask, wake)
    background.want(KEY, [replace(QUESTION, interval=timedelta(hours=1))])
    await answered.wait()
    (answer,) = background.answers(KEY).values()
    assert answer.started_at == measured
    assert answer.finished_at > measured
    assert [entry[2] for entry in background.everything()] == [answer]
    await background.close()
