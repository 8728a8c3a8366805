"""The work queue: each key is worked on by one worker at a time, as often as it was woken, with back-off on failure."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from modelwright.cluster.keys import Key
from modelwright.errors import Conflict, ModelwrightError

log = logging.getLogger(__name__)

FIRST_RETRY = 0.2
LAST_RETRY = 60.0

Work = Callable[[Key], Awaitable[timedelta | None]]
Worked = Callable[[Key, str, float], None]
"""Is told of each pass: the key, Done or the kind of failure, and the seconds it took."""


class WorkQueue:
    """`work` returns when to look at the key again, if nothing wakes it before.

    A key that is woken while it is worked on is worked on once more afterwards: nothing is missed, nothing overlaps.
    """

    def __init__(self, work: Work, *, workers: int = 8, worked: Worked = lambda key, outcome, seconds: None) -> None:
        self._work = work
        self._worked = worked
        self._workers = workers
        self._waiting: asyncio.Queue[Key] = asyncio.Queue()
        self._queued: set[Key] = set()
        self._running: set[Key] = set()
        self._woken_meanwhile: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def wake(self, key: Key) -> None:
        """Look at `key` as soon as a worker is free. Only from the event loop's own thread."""
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        if key in self._running:
            self._woken_meanwhile.add(key)
        elif key not in self._queued:
            self._queued.add(key)
            self._waiting.put_nowait(key)

    @property
    def depth(self) -> int:
        """How many keys wait for a worker."""
        return len(self._queued)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._serve())

    async def _serve(self) -> None:
        while True:
            key = await self._waiting.get()
            self._queued.discard(key)
            self._running.add(key)
            try:
                delay = await self._attempt(key)
            finally:
                self._running.discard(key)
            if key in self._woken_meanwhile:
                self._woken_meanwhile.discard(key)
                # A failing key waits for its back-off even when woken: it would only fail again, and faster.
                if key not in self._failures:
                    delay = 0.0
            if delay is not None:
                self._wake_after(key, delay)

    def _wake_after(self, key: Key, delay: float) -> None:
        if delay <= 0:
            self.wake(key)
            return
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
        self._timers[key] = asyncio.get_running_loop().call_later(delay, self.wake, key)

    async def _attempt(self, key: Key) -> float | None:
        began, outcome = time.monotonic(), "Crashed"
        try:
            requeue_after = await self._work(key)
            outcome = "Done"
        except Conflict as error:
            outcome = "Conflict"
            log.debug("%s: %s", key, error)
            return self._back_off(key)
        except ModelwrightError as error:
            outcome = type(error).__name__
            log.warning("%s: %s", key, error)
            return self._back_off(key)
        except Exception:
            # One broken object must not stop the others, nor end its own worker.
            log.exception("%s: unexpected failure", key)
            return self._back_off(key)
        finally:
            self._worked(key, outcome, time.monotonic() - began)
        self._failures.pop(key, None)
        return requeue_after.total_seconds() if requeue_after is not None else None

    def _back_off(self, key: Key) -> float:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        if failures == 0:
            return 0.0
        return min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(failures, 20)) * random.uniform(0.8, 1.2)
