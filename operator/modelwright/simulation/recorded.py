"""What a metric source remembers of a policy's triggers, look by look. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.metrics.questions import (
    CountsLook,
    CountsQuestion,
    MeanLook,
    MeanQuestion,
    NoLook,
    ValueLook,
    ValueQuestion,
)
from modelwright.metrics.reasons import Reason

Look = Counts | Moments | tuple[float, int | None]
"""Counts of a proportion or moments of a mean in its window, or a value with the samples behind it (None where nobody
counts them)."""


@dataclass(frozen=True)
class Recorded:
    """Looks by the name of their trigger, then by time. Where there is none, the source said nothing."""

    looks: Mapping[str, Mapping[datetime, Look]] = field(default_factory=dict)

    def at(self, trigger: str, time: datetime) -> Look | None:
        return self.looks.get(trigger, {}).get(time)

    def answer(self, question: Any, time: datetime) -> Any:
        """What the source would have answered, None to a question of another kind."""
        if not isinstance(question, CountsQuestion | MeanQuestion | ValueQuestion):
            return None
        look = self.at(question.metric, time)
        if look is None:
            return NoLook(Verdict.NO_DATA, Reason.NO_SERIES, "nothing is remembered of that time")
        if isinstance(look, Counts):
            return CountsLook(look, time)
        if isinstance(look, Moments):
            return MeanLook(look, time)
        return ValueLook(look[0], look[1], time)
