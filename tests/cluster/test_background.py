"""Questions are asked beside the passes: a pass never waits, and a source that hangs holds up nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from modelwright.cluster.answers import Question as AnyQuestion
from modelwright.cluster.background import Background
from modelwright.cluster.keys import Key

A, B = (Key("ModelRollout", "ml", name) for name in ("a", "b"))
OFTEN = timedelta(milliseconds=1)
PATIENCE = 120


@dataclass(frozen=True)
class Question:
    name: str
    pool: str = "source"
    every: timedelta | None = None


@dataclass(frozen=True)
class NothingNew:
    keeps_last_answer: bool = True


class Bench:
    """A background whose answers come from `answer`, which is called in its threads; `woken` counts wakes."""

    def __init__(self, answer: Callable[[Question], Any], threads: int = 4) -> None:
        self.woken: Counter[Key] = Counter()
        self.room = Background(self._ask, self._woke, threads_per_pool=threads)
        self._answer = answer

    def _ask(self, question: AnyQuestion) -> Any:
        assert isinstance(question, Question)
        return self._answer(question)

    def _woke(self, key: Key) -> None:
        self.woken[key] += 1

    async def until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not reached():
            assert time.monotonic() < deadline, "not reached"
            await asyncio.sleep(0.002)

    def values(self, key: Key) -> dict[str, Any]:
        return {question.name: answer.value for question, answer in self.room.answers(key).items()}


@asynccontextmanager
async def bench(answer: Callable[[Question], Any], threads: int = 4) -> AsyncIterator[Bench]:
    bench = Bench(answer, threads)
    try:
        yield bench
    finally:
        await asyncio.wait_for(bench.room.close(), PATIENCE)


async def test_an_answer_wakes_the_key_that_asked_and_only_that_key_has_it() -> None:
    async with bench(lambda question: f"answer to {question.name}") as it:
        before = datetime.now(UTC)
        it.room.want(A, [Question("q")])
        assert it.room.answers(A) == {}
        await it.until(lambda: it.woken[A] == 1)
        assert it.values(A) == {"q": "answer to q"}
        assert it.room.answers(B) == {}
        answer = it.room.answers(A)[Question("q")]
        assert before <= answer.started_at <= answer.finished_at
    assert it.woken[B] == 0


async def test_a_question_without_an_interval_is_asked_once_however_often_it_is_wanted() -> None:
    asked: Counter[str] = Counter()

    def answer(question: Question) -> int:
        asked[question.name] += 1
        return asked[question.name]

    async with bench(answer) as it:
        for _ in range(5):
            it.room.want(A, [Question("once"), Question("often", every=OFTEN)])
            await it.until(lambda: asked["often"] >= 3)
        assert asked["once"] == 1
        assert it.values(A)["once"] == 1


async def test_a_question_with_an_interval_is_asked_again_and_its_newest_answer_counts() -> None:
    counts = iter(range(1000))
    async with bench(lambda question: next(counts)) as it:
        it.room.want(A, [Question("q", every=OFTEN)])
        await it.until(lambda: it.woken[A] >= 5)
        assert it.values(A)["q"] >= 4


async def test_what_is_no_longer_wanted_is_forgotten_and_not_asked_any_more() -> None:
    asked: Counter[str] = Counter()

    def answer(question: Question) -> str:
        asked[question.name] += 1
        return "old"

    async with bench(answer) as it:
        it.room.want(A, [Question("old", every=OFTEN), Question("kept", every=OFTEN)])
        await it.until(lambda: set(it.values(A)) == {"old", "kept"})
        it.room.want(A, [Question("kept", every=OFTEN)])
        assert set(it.values(A)) == {"kept"}
        # One call may have been under way in a thread; none is begun after it.
        before, kept = asked["old"], asked["kept"]
        await it.until(lambda: asked["kept"] >= kept + 10)
        assert asked["old"] <= before + 1
        assert set(it.values(A)) == {"kept"}


async def test_an_answer_to_what_was_forgotten_meanwhile_is_dropped() -> None:
    began, go_on = threading.Event(), threading.Event()

    def answer(question: Question) -> str:
        if question.name == "slow":
            began.set()
            go_on.wait(PATIENCE)
        return question.name

    async with bench(answer) as it:
        it.room.want(A, [Question("slow")])
        await it.until(began.is_set)
        it.room.forget(A)
        go_on.set()
        it.room.want(A, [Question("next", "another source")])
        await it.until(lambda: it.woken[A] > 0)
        assert it.values(A) == {"next": "next"}


async def test_one_key_forgetting_a_question_leaves_it_to_the_other() -> None:
    async with bench(lambda question: "answer") as it:
        for key in (A, B):
            it.room.want(key, [Question("shared", every=OFTEN)])
        await it.until(lambda: bool(it.values(A) and it.values(B)))
        it.room.forget(A)
        seen = it.woken[B]
        await it.until(lambda: it.woken[B] > seen + 2)
        assert it.values(A) == {}
        assert it.values(B) == {"shared": "answer"}


async def test_an_exception_becomes_the_answer() -> None:
    def answer(question: Question) -> Any:
        raise ValueError("broken")

    async with bench(answer) as it:
        it.room.want(A, [Question("q")])
        await it.until(lambda: it.woken[A] == 1)
        assert isinstance(it.values(A)["q"], ValueError)


async def test_a_question_whose_answer_was_an_exception_is_asked_again() -> None:
    outcomes: list[Any] = [ValueError("broken"), "well again"]

    def answer(question: Question) -> Any:
        outcome = outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async with bench(answer) as it:
        it.room.want(A, [Question("q", every=OFTEN)])
        await it.until(lambda: it.values(A).get("q") == "well again")


async def test_an_answer_that_says_nothing_is_new_leaves_the_last_one_as_old_as_it_is() -> None:
    outcomes: list[Any] = ["first", NothingNew()]

    def answer(question: Question) -> Any:
        return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]

    async with bench(answer) as it:
        it.room.want(A, [Question("q", every=OFTEN)])
        await it.until(lambda: it.woken[A] >= 1)
        first = it.room.answers(A)[Question("q", every=OFTEN)]
        seen = it.woken[A]
        await it.until(lambda: it.woken[A] >= seen + 3)
        assert it.room.answers(A)[Question("q", every=OFTEN)] == first
    assert first.value == "first"


async def test_nothing_new_as_the_first_answer_is_an_answer() -> None:
    async with bench(lambda question: NothingNew()) as it:
        it.room.want(A, [Question("q")])
        await it.until(lambda: it.woken[A] == 1)
        assert it.values(A) == {"q": NothingNew()}


async def test_a_source_that_hangs_stops_no_other_source_and_not_the_end() -> None:
    go_on = threading.Event()

    def answer(question: Question) -> str:
        if question.pool == "hangs":
            go_on.wait(PATIENCE)
        return question.name

    try:
        async with bench(answer, threads=1) as it:
            it.room.want(A, [Question("stuck", "hangs"), Question("queued", "hangs"), Question("well", every=OFTEN)])
            it.room.want(B, [Question("well", every=OFTEN)])
            await it.until(lambda: it.woken[A] >= 3 and it.woken[B] >= 3)
            assert it.values(A) == {"well": "well"}
            assert it.values(B) == {"well": "well"}
    finally:
        go_on.set()


async def test_a_question_that_waits_for_a_thread_is_not_yet_asked() -> None:
    go_on = threading.Event()

    def answer(question: Question) -> str:
        go_on.wait(PATIENCE)
        return question.name

    async with bench(answer, threads=1) as it:
        it.room.want(A, [Question("first")])
        it.room.want(B, [Question("second")])
        let_go_at = datetime.now(UTC)
        go_on.set()
        await it.until(lambda: bool(it.values(A) and it.values(B)))
        assert it.room.answers(B)[Question("second")].started_at >= it.room.answers(A)[Question("first")].finished_at
        assert it.room.answers(B)[Question("second")].started_at >= let_go_at
