"""Questions and answers as plain data: what plans name and what the background brings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol


class Question(Protocol):
    """A frozen, hashable question. `pool` names its source, `every` how often it is asked (None: once)."""

    @property
    def pool(self) -> str: ...

    @property
    def every(self) -> timedelta | None: ...


@dataclass(frozen=True)
class Answer:
    """`value` is whatever the question's source returns: sources turn their own failures into values.

    `started_at` is when the question was asked: evidence is as old as its question, not as its answer.
    """

    started_at: datetime
    finished_at: datetime
    value: Any
