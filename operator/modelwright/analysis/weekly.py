"""Evidence of whole weeks beside evidence of all: people of weekdays and of weekends count as they come.

An anytime-valid test may be looked at on any day, but what it would say on a Saturday is about people of that week so
far. Harm is looked for in all evidence, a decision is made on that of whole weeks. Both depend on the blocks only, so
that an outage at the end of a week moves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from modelwright.analysis.blocks import Block, MeanBlock
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.means import MeanEvidence

WEEK = timedelta(days=7)

E = TypeVar("E", Evidence, MeanEvidence)
B = TypeVar("B", Block, MeanBlock)


@dataclass(frozen=True)
class Weekly(Generic[E]):
    """`running` is all evidence; `whole` that of the weeks which are over, None during the first.

    What `running` holds against the candidate is not kept twice: harm waits for no weekend.
    """

    running: E
    whole: E | None = None

    def with_blocks(self, blocks: Sequence[B], begins: datetime, fold: Callable[[E, Sequence[B]], E]) -> Weekly[E]:
        """Fold blocks by `fold`, and keep what there was when a week counted from `begins` was over."""
        running, whole = self.running, self.whole
        for block in sorted(blocks, key=lambda block: block.at):
            if running.until is not None and block.at < running.until:
                continue
            if running.until is not None and weeks_of(block.at, begins) > weeks_of(running.until, begins):
                whole = _without_harm(running)
            folded = fold(running, [block])
            assert folded.until is not None
            if weeks_of(folded.until, begins) > weeks_of(block.at, begins):
                whole = _without_harm(folded)
            running = folded
        return Weekly(running, whole)

    @property
    def until(self) -> datetime | None:
        return self.running.until

    def encoded(self) -> str:
        """One line of text that `decoded` reads back equal."""
        return json.dumps([self.running.encoded(), self.whole.encoded() if self.whole else None], separators=(",", ":"))


def decoded(text: str, read: Callable[[str], E]) -> Weekly[E]:
    """What `encoded` wrote, its parts by `read`. Raises ValueError for anything else."""
    try:
        running, whole = json.loads(text)
        return Weekly(read(running), read(whole) if whole is not None else None)
    except (TypeError, ValueError) as error:
        raise ValueError(f"not evidence of whole weeks: {error}") from error


def _without_harm(evidence: E) -> E:
    return replace(evidence, harm=type(evidence.harm)())


def weeks_of(at: datetime, begins: datetime) -> int:
    """Whole weeks from `begins` to `at`."""
    return (at - begins) // WEEK
