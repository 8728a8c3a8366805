"""The work queue: nothing is missed, nothing overlaps, and one broken key does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import SimpleNamespace

import pytest

from modelwright.cluster.keys import Key
from modelwright.cluster.queue import FIRST_RETRY, LAST_RETRY, WorkQueue
from modelwright.errors import Conflict, Unavailable

A, B = (Key("ModelRollout", "ml", name) for name in ("a", "b"))
PATIENCE = 120


@asynccontextmanager
async def working(queue: WorkQueue) -> AsyncIterator[None]:
    """The queue works as long as the block lasts, which may take PATIENCE seconds."""
    task = asyncio.create_task(queue.run())
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Gate:
    """Work that waits inside until it is let through, and keeps who is inside and how often each came."""

    def __init__(self) -> None:
        self.inside: list[Key] = []
        self.overlapped = False
        self.passes: list[Key] = []
        self.entered = asyncio.Semaphore(0)
        self.left = asyncio.Semaphore(0)
        self._open = asyncio.Semaphore(0)

    async def __call__(self, key: Key) -> timedelta | None:
        self.overlapped |= key in self.inside
        self.inside.append(key)
        self.entered.release()
        await self._open.acquire()
        self.inside.remove(key)
        self.passes.append(key)
        self.left.release()
        return None

    def let_through(self, count: int = 1) -> None:
        for _ in range(count):
            self._open.release()


async def test_a_key_that_is_woken_many_times_before_it_is_worked_on_is_worked_on_once() -> None:
    work = Gate()
    queue = WorkQueue(work)
    for _ in range(5):
        queue.wake(A)
    queue.wake(B)
    work.let_through(10)
    async with working(queue):
        await work.left.acquire()
        await work.left.acquire()
    assert sorted(work.passes) == [A, B]


async def test_a_key_is_never_worked_on_twice_at_a_time_and_once_more_if_woken_meanwhile() -> None:
    work = Gate()
    queue = WorkQueue(work, workers=4)
    queue.wake(A)
    async with working(queue):
        await work.entered.acquire()
        for _ in range(3):
            queue.wake(A)
        queue.wake(B)
        await work.entered.acquire()
        assert sorted(work.inside) == [A, B]
        work.let_through(10)
        for _ in range(3):
            await work.left.acquire()
        queue.wake(B)
        await work.left.acquire()
    assert sorted(work.passes) == [A, A, B, B]
    assert not work.overlapped


async def test_a_slow_key_holds_one_worker_and_the_others_go_on() -> None:
    stuck = asyncio.Event()
    done: list[Key] = []
    enough = asyncio.Event()

    async def work(key: Key) -> timedelta | None:
        if key == A:
            await stuck.wait()
        done.append(key)
        if len(done) == 20:
            enough.set()
        return None

    queue = WorkQueue(work, workers=2)
    queue.wake(A)
    others = [Key("ModelRollout", "ml", str(number)) for number in range(20)]
    for key in others:
        queue.wake(key)
    async with working(queue):
        await enough.wait()
    assert sorted(done) == sorted(others)


async def test_a_key_is_looked_at_again_when_its_work_asked_for_it() -> None:
    passes = 0
    enough = asyncio.Event()

    async def work(key: Key) -> timedelta | None:
        nonlocal passes
        passes += 1
        if passes == 3:
            enough.set()
            return None
        return timedelta(milliseconds=5 * passes)

    queue = WorkQueue(work)
    queue.wake(A)
    async with working(queue):
        await enough.wait()
    assert passes == 3


async def test_a_wake_comes_before_a_far_look_that_was_asked_for() -> None:
    work = asyncio.Semaphore(0)

    async def far(key: Key) -> timedelta | None:
        work.release()
        return timedelta(hours=1)

    queue = WorkQueue(far)
    queue.wake(A)
    async with working(queue):
        await work.acquire()
        # A pass ends after its work does: until then the key still counts as worked on.
        queue.wake(A)
        await work.acquire()
        queue.wake(A)
        await work.acquire()


@pytest.mark.parametrize("error", [Unavailable("down"), Conflict("changed"), ValueError("a bug")], ids=repr)
async def test_a_key_that_fails_is_tried_until_it_works_and_the_others_go_on_meanwhile(error: Exception) -> None:
    failures = 2
    worked: list[Key] = []
    both = asyncio.Event()

    async def work(key: Key) -> timedelta | None:
        nonlocal failures
        if key == A and failures:
            failures -= 1
            raise error
        worked.append(key)
        if {A, B} <= set(worked):
            both.set()
        return None

    queue = WorkQueue(work, workers=1)
    queue.wake(A)
    queue.wake(B)
    async with working(queue):
        await both.wait()
    assert worked == [B, A]


class Recorded(WorkQueue):
    """Keeps the delays that it would wait, and waits none."""

    def __init__(self, work: Callable[[Key], Awaitable[timedelta | None]]) -> None:
        super().__init__(work)
        self.delays: list[float] = []

    def _wake_after(self, key: Key, delay: float) -> None:
        self.delays.append(delay)
        super()._wake_after(key, 0.0)


async def test_a_failing_key_is_tried_again_at_once_and_then_later_and_later_up_to_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modelwright.cluster.queue.random", SimpleNamespace(uniform=lambda low, high: 1.0))
    passes = 0
    enough = asyncio.Event()

    async def work(key: Key) -> timedelta | None:
        nonlocal passes
        passes += 1
        if passes == 13:
            enough.set()
            return None
        raise Unavailable("down")

    queue = Recorded(work)
    queue.wake(A)
    async with working(queue):
        await enough.wait()
    assert queue.delays == [0.0, *(min(LAST_RETRY, FIRST_RETRY * 2**n) for n in range(1, 12))]
    assert queue.delays[-1] == LAST_RETRY


async def test_a_success_forgets_the_failures_before_it() -> None:
    outcomes: list[Exception | timedelta | None] = [
        Unavailable("down"),
        Unavailable("down"),
        timedelta(0),
        Unavailable("down"),
        None,
    ]
    enough = asyncio.Event()

    async def work(key: Key) -> timedelta | None:
        outcome = outcomes.pop(0)
        if not outcomes:
            enough.set()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    queue = Recorded(work)
    queue.wake(A)
    async with working(queue):
        await enough.wait()
    assert [delay == 0.0 for delay in queue.delays] == [True, False, True, True]
