"""Slow questions, asked beside the reconcile: to Prometheus, to Kubeflow, to object storage.

A plan names the questions it wants answered; this room asks them on bounded thread pools, one pool per source, keeps
the newest answer of each, and wakes the key. A pass only ever reads answers, so it never waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from modelwright.cluster.answers import Answer, Question
from modelwright.cluster.keys import Key

__all__ = ["Answer", "Background", "Question"]

log = logging.getLogger(__name__)


class Background:
    """Asks what plans want to know. `ask` answers one question, in a thread; it must not raise, but may.

    Values may say more of themselves. `keeps_last_answer`: nothing is new, so that the last answer stands, and grows
    old. `asked_at`: when they were measured, where that is not now, as they are shared. `retry_after`: when it makes
    sense to ask again.
    """

    def __init__(
        self, ask: Callable[[Question], Any], wake: Callable[[Key], None], *, threads_per_pool: int = 4
    ) -> None:
        self._ask = ask
        self._wake = wake
        self._threads = threads_per_pool
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._tasks: dict[tuple[Key, Any], asyncio.Task[None]] = {}
        self._answers: dict[tuple[Key, Any], Answer] = {}

    def want(self, key: Key, questions: Sequence[Question]) -> None:
        """Make `questions` the whole set that `key` wants answered; what it no longer names is forgotten."""
        wanted = {(key, question) for question in questions}
        for known in [k for k in self._tasks if k[0] == key and k not in wanted]:
            self._tasks.pop(known).cancel()
            self._answers.pop(known, None)
        for item in wanted - self._tasks.keys():
            self._tasks[item] = asyncio.create_task(self._keep_asking(*item), name=f"ask {key}")

    def answers(self, key: Key) -> Mapping[Any, Answer]:
        """The newest answer of each question that `key` wants and that has one."""
        return {question: answer for (owner, question), answer in self._answers.items() if owner == key}

    def everything(self) -> list[tuple[Key, Any, Answer]]:
        """The newest answers of all keys. From any thread."""
        return [(key, question, answer) for (key, question), answer in list(self._answers.items())]

    def forget(self, key: Key) -> None:
        self.want(key, ())

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    async def _keep_asking(self, key: Key, question: Question) -> None:
        loop = asyncio.get_running_loop()
        pool = self._pools.setdefault(
            question.pool, ThreadPoolExecutor(self._threads, thread_name_prefix=question.pool)
        )
        while True:
            # TRAP: the time is taken in the worker thread. A question that queued for a thread is not yet asked.
            started_at, finished_at, value = await loop.run_in_executor(pool, self._timed, question)
            if (key, question) not in self._tasks:
                return
            if not (getattr(value, "keeps_last_answer", False) and (key, question) in self._answers):
                self._answers[key, question] = Answer(started_at, finished_at, value)
            self._wake(key)
            if question.every is None:
                return
            retry_after: timedelta | None = getattr(value, "retry_after", None)
            pause = question.every if retry_after is None else retry_after
            await asyncio.sleep(pause.total_seconds())

    def _timed(self, question: Question) -> tuple[datetime, datetime, Any]:
        started_at = datetime.now(UTC)
        try:
            value = self._ask(question)
        except Exception as error:
            log.exception("question failed: %s", type(question).__name__)
            value = error
        return getattr(value, "asked_at", None) or started_at, datetime.now(UTC), value
